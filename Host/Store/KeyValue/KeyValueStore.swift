/// Whose key-value state it is: one plugin's, for one tenant or one user of a tenant.
package struct KeyValueScope: Sendable, Hashable {
    /// The plugin.
    package let plugin: String
    /// Kind and ids with their lengths, so that no two scopes share a text.
    let text: String

    /// State of a plugin for a tenant.
    package static func tenant(_ tenant: String, plugin: String) -> KeyValueScope {
        KeyValueScope(plugin: plugin, text: "t\(tenant.utf8.count):\(tenant)")
    }

    /// State of a plugin for a user of a tenant.
    package static func user(_ user: String, tenant: String, plugin: String) -> KeyValueScope {
        KeyValueScope(plugin: plugin, text: "u\(tenant.utf8.count):\(tenant)\(user.utf8.count):\(user)")
    }
}

/// What is stored under a key. An absent key is no value at all; null and an empty byte string are values (STORE-15).
package enum KeyValue: Sendable, Hashable {
    /// Stored, but nothing.
    case null
    /// Stored bytes, perhaps none.
    case bytes([UInt8])

    var sql: SQLValue {
        switch self {
        case .null: .null
        case .bytes(let bytes): .blob(bytes)
        }
    }

    var byteCount: Int {
        switch self {
        case .null: 0
        case .bytes(let bytes): bytes.count
        }
    }
}

/// Caps of one scope.
package struct KeyValueCaps: Sendable, Hashable {
    /// Keys.
    package var keysMax = StoreLimits.keysPerScopeMax
    /// Bytes of keys and values together.
    package var bytesMax = StoreLimits.bytesPerScopeMax
    /// Bytes of one value.
    package var valueBytesMax = StoreLimits.valueBytesMax

    /// The defaults.
    package init() {}
}

/// Plugins' key-value state, apart for each plugin and scope, within caps, durable when a call returns.
package final class KeyValueStore: Sendable {
    private let database: Database
    private let caps: KeyValueCaps

    /// Uses a database.
    package init(database: Database, caps: KeyValueCaps = KeyValueCaps()) {
        (self.database, self.caps) = (database, caps)
    }

    /// The value of a key; nil when the key is absent.
    package func get(_ key: String, in scope: KeyValueScope) async throws(StoreError) -> KeyValue? {
        let bytes = try Self.bytes(of: key)
        let row = try await database.read { connection in
            try await connection.row(
                "SELECT value FROM plugin_value WHERE plugin = $1 AND scope = $2 AND key = $3",
                [.text(scope.plugin), .text(scope.text), .blob(bytes)])
        }
        guard let row else { return nil }
        if row.values.first == .null { return .null }
        return .bytes(try row.blob(0))
    }

    /// Stores a value. Throws `.limit` when it would pass a cap, and then changes nothing.
    package func set(_ key: String, to value: KeyValue, in scope: KeyValueScope) async throws(StoreError) {
        let bytes = try Self.bytes(of: key)
        guard value.byteCount <= caps.valueBytesMax else { throw StoreError(.limit("value_bytes"), "a value of \(value.byteCount) bytes") }
        let caps = self.caps
        try await database.write { connection in
            let old = try await Self.size(bytes, scope, connection)
            try await Self.charge(
                keys: old == nil ? 1 : 0, bytes: bytes.count + value.byteCount - (old.map { $0 + bytes.count } ?? 0), scope, caps, connection)
            try await connection.execute(
                """
                INSERT INTO plugin_value (plugin, scope, key, value) VALUES ($1, $2, $3, $4)
                ON CONFLICT (plugin, scope, key) DO UPDATE SET value = excluded.value
                """, [.text(scope.plugin), .text(scope.text), .blob(bytes), value.sql])
        }
    }

    /// Removes a key; false when it was absent.
    @discardableResult
    package func delete(_ key: String, in scope: KeyValueScope) async throws(StoreError) -> Bool {
        let bytes = try Self.bytes(of: key)
        let caps = self.caps
        return try await database.write { connection in
            guard let old = try await Self.size(bytes, scope, connection) else { return false }
            try await connection.execute(
                "DELETE FROM plugin_value WHERE plugin = $1 AND scope = $2 AND key = $3",
                [.text(scope.plugin), .text(scope.text), .blob(bytes)])
            try await Self.charge(keys: -1, bytes: -(old + bytes.count), scope, caps, connection)
            return true
        }
    }

    /// Keys that begin with a prefix, sorted by their bytes, at most `limit` (1 to 500, default 50).
    package func list(
        prefix: String, in scope: KeyValueScope, cursor: String? = nil, limit: Int? = nil
    ) async throws(StoreError) -> Page<String> {
        let count = try PageCursor.limit(limit)
        let from = Array(prefix.utf8)
        guard from.count <= StoreLimits.keyBytesMax else { throw StoreError(.limit("key_bytes"), "a prefix of \(from.count) bytes") }
        let after = try cursor.map { (text) throws(StoreError) in Array(try PageCursor.decode(text).utf8) } ?? []
        let end = Self.end(of: from)
        let rows = try await database.read { connection in
            try await connection.rows(
                """
                SELECT key FROM plugin_value
                WHERE plugin = $1 AND scope = $2 AND key >= $3 AND key > $4 AND ($5 = 0 OR key < $6) ORDER BY key LIMIT $7
                """,
                [
                    .text(scope.plugin), .text(scope.text), .blob(from), .blob(after), SQLValue(end == nil ? 0 : 1), .blob(end ?? []),
                    SQLValue(count + 1),
                ])
        }
        var keys: [String] = []
        for row in rows { keys.append(String(decoding: try row.blob(0), as: UTF8.self)) }
        return Page(keys, limit: count) { $0 }
    }

    /// Removes all that a plugin keeps, for everyone.
    package func removeAll(plugin: String) async throws(StoreError) {
        try await database.write { connection in
            try await connection.execute("DELETE FROM plugin_value WHERE plugin = $1", [.text(plugin)])
            try await connection.execute("DELETE FROM plugin_value_total WHERE plugin = $1", [.text(plugin)])
        }
    }

    private static func bytes(of key: String) throws(StoreError) -> [UInt8] {
        let bytes = Array(key.utf8)
        guard (1...StoreLimits.keyBytesMax).contains(bytes.count) else { throw StoreError(.limit("key_bytes"), "a key of \(bytes.count) bytes") }
        return bytes
    }

    /// The first byte string after all that begin with a prefix; nil when there is none.
    private static func end(of prefix: [UInt8]) -> [UInt8]? {
        var end = prefix
        while let last = end.popLast() {
            if last < 0xff { return end + [last + 1] }
        }
        return nil
    }

    private static func size(_ key: [UInt8], _ scope: KeyValueScope, _ connection: any DatabaseConnection) async throws(StoreError) -> Int? {
        try await connection.row(
            "SELECT coalesce(length(value), 0) FROM plugin_value WHERE plugin = $1 AND scope = $2 AND key = $3",
            [.text(scope.plugin), .text(scope.text), .blob(key)])?.int(0)
    }

    private static func charge(
        keys: Int, bytes: Int, _ scope: KeyValueScope, _ caps: KeyValueCaps, _ connection: any DatabaseConnection
    ) async throws(StoreError) {
        let row = try await connection.row(
            "SELECT keys, bytes FROM plugin_value_total WHERE plugin = $1 AND scope = $2", [.text(scope.plugin), .text(scope.text)])
        let total = (keys: try (row?.int(0) ?? 0) + keys, bytes: try (row?.int(1) ?? 0) + bytes)
        if keys > 0, total.keys > caps.keysMax { throw StoreError(.limit("keys"), "more than \(caps.keysMax) keys") }
        if bytes > 0, total.bytes > caps.bytesMax { throw StoreError(.limit("bytes"), "more than \(caps.bytesMax) bytes") }
        try await connection.execute(
            """
            INSERT INTO plugin_value_total (plugin, scope, keys, bytes) VALUES ($1, $2, $3, $4)
            ON CONFLICT (plugin, scope) DO UPDATE SET keys = excluded.keys, bytes = excluded.bytes
            """, [.text(scope.plugin), .text(scope.text), SQLValue(total.keys), SQLValue(total.bytes)])
    }
}
