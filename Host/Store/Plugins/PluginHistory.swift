package import JSON

/// Which of a plugin's two grants a row is about: the one for everybody, or the one on trial.
package enum GrantTrack: String, Sendable, Hashable {
    case stable
    case canary
}

/// One decision about a plugin: who granted what.
package struct PluginGrantEntry: Sendable, Hashable {
    package let plugin: String
    package let track: GrantTrack
    package let version: String
    /// `install`, `upgrade`, `downgrade`, `edit`, `enable`, `disable`, `rollback`, `canary`, `promote`, `withdraw`, `remove`.
    package let action: String
    /// Id of who decided; `system` for the host itself or for whoever edited the file.
    package let actor: String
    /// SHA-256 of the bundle's plugin.json; nil when nothing is granted any more.
    package let bundleDigest: String?
    /// SHA-256 of `manifest`.
    package let manifestDigest: String?
    /// The grant, whole, as JSON; kept for the newest bundles only.
    package let manifest: String?
    /// What the decision widened and narrowed: an array of objects.
    package let changes: JSONValue
    /// One sentence, where the host itself decided.
    package let reason: String?

    /// Gathers a decision.
    package init(
        plugin: String, track: GrantTrack = .stable, version: String, action: String, actor: String, bundleDigest: String?, manifestDigest: String?,
        manifest: String?, changes: JSONValue = [], reason: String? = nil
    ) {
        (self.plugin, self.track, self.version, self.action, self.actor) = (plugin, track, version, action, actor)
        (self.bundleDigest, self.manifestDigest, self.manifest) = (bundleDigest, manifestDigest, manifest)
        (self.changes, self.reason) = (changes, reason)
    }
}

/// A decision as it stands in the history.
package struct PluginGrantRecord: Sendable, Hashable {
    /// Rises with every row.
    package let id: Int64
    /// When, in milliseconds since 1970-01-01 UTC.
    package let atMilliseconds: Int64
    package let entry: PluginGrantEntry
}

/// A bundle that was granted once.
package struct GrantedBundle: Sendable, Hashable {
    package let plugin: String
    package let version: String
    /// SHA-256 of its plugin.json.
    package let digest: String
}

/// The history of grants: who granted what to which plugin when, and what was in force before.
///
/// Two processes write to it, the service and the command line; a decision that the newest row already says is not written twice.
package struct PluginHistory: Sendable {
    private let database: Database

    /// Uses a database.
    package init(database: Database) { self.database = database }

    /// Adds a decision; nil when the newest row of its track says the same already.
    @discardableResult
    package func record(_ entry: PluginGrantEntry) async throws(StoreError) -> Int64? {
        let changes = Self.text(entry.changes)
        let reason = entry.reason.map { String($0.prefix(StoreLimits.grantReasonMax)) }
        return try await database.write { connection -> Int64? in
            let newest = try await connection.row(
                "SELECT manifest_sha256, action FROM plugin_grant WHERE plugin = $1 AND track = $2 ORDER BY id DESC LIMIT 1",
                [.text(entry.plugin), .text(entry.track.rawValue)])
            if let newest, try newest.optionalText(0) == entry.manifestDigest { return nil }
            if newest == nil, entry.manifestDigest == nil { return nil }
            let id = try await (connection.row("SELECT COALESCE(MAX(id), 0) FROM plugin_grant")?.integer(0) ?? 0) + 1
            try await connection.execute(
                """
                INSERT INTO plugin_grant
                    (id, plugin, track, version, action, at, actor, bundle_sha256, manifest_sha256, manifest, changes, reason)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
                """,
                [
                    .integer(id), .text(entry.plugin), .text(entry.track.rawValue), .text(entry.version), .text(entry.action),
                    .integer(StoreClock.nowMilliseconds()), .text(entry.actor), SQLValue(entry.bundleDigest), SQLValue(entry.manifestDigest),
                    SQLValue(entry.manifest), .text(changes), SQLValue(reason),
                ])
            try await Self.prune(entry.plugin, connection)
            return id
        }
    }

    /// The newest row of a plugin's track.
    package func newest(_ plugin: String, _ track: GrantTrack) async throws(StoreError) -> PluginGrantRecord? {
        try await database.read { connection in
            try await connection.row(
                """
                SELECT id, at, plugin, track, version, action, actor, bundle_sha256, manifest_sha256, manifest, changes, reason
                FROM plugin_grant WHERE plugin = $1 AND track = $2 ORDER BY id DESC LIMIT 1
                """, [.text(plugin), .text(track.rawValue)]
            ).map(Self.record)
        }
    }

    /// Takes back a row whose decision could not be carried out.
    package func withdraw(_ id: Int64) async throws(StoreError) {
        try await database.write { connection in try await connection.execute("DELETE FROM plugin_grant WHERE id = $1", [.integer(id)]) }
    }

    /// The newest rows of a plugin first, at most `limit` (1 to 500, default 50); stable while rows are added (API-7).
    package func list(_ plugin: String, cursor: String? = nil, limit: Int? = nil) async throws(StoreError) -> Page<PluginGrantRecord> {
        let count = try PageCursor.limit(limit)
        var before = Int64.max
        if let cursor {
            guard let id = Int64(try PageCursor.decode(cursor)) else { throw StoreError(.invalid, "a cursor that this store did not make") }
            before = id
        }
        let end = before
        let found = try await database.read { connection in
            try await connection.rows(
                """
                SELECT id, at, plugin, track, version, action, actor, bundle_sha256, manifest_sha256, manifest, changes, reason
                FROM plugin_grant WHERE plugin = $1 AND id < $2 ORDER BY id DESC LIMIT $3
                """, [.text(plugin), .integer(end), SQLValue(count + 1)]
            ).map(Self.record)
        }
        return Page(found, limit: count) { String($0.id) }
    }

    /// The grant that was in force for everybody before the present one, of another bundle: what a rollback puts back.
    package func previous(_ plugin: String, current digest: String) async throws(StoreError) -> PluginGrantRecord? {
        try await database.read { connection in
            try await connection.row(
                """
                SELECT id, at, plugin, track, version, action, actor, bundle_sha256, manifest_sha256, manifest, changes, reason
                FROM plugin_grant WHERE plugin = $1 AND track = 'stable' AND manifest IS NOT NULL AND bundle_sha256 <> $2
                ORDER BY id DESC LIMIT 1
                """, [.text(plugin), .text(digest)]
            ).map(Self.record)
        }
    }

    /// Of every plugin the bundles that were granted to everybody, the newest decision first, at most two of each: current and previous.
    package func newestBundles() async throws(StoreError) -> [GrantedBundle] {
        let rows = try await database.read { connection in
            try await connection.rows(
                """
                SELECT plugin, version, bundle_sha256 FROM plugin_grant WHERE track = 'stable' AND manifest IS NOT NULL
                GROUP BY plugin, version, bundle_sha256 ORDER BY plugin, MAX(id) DESC
                """
            ).map { GrantedBundle(plugin: try $0.text(0), version: try $0.text(1), digest: try $0.text(2)) }
        }
        var counts: [String: Int] = [:]
        return rows.filter { bundle in
            counts[bundle.plugin, default: 0] += 1
            return counts[bundle.plugin, default: 0] <= 2
        }
    }

    private static func record(_ row: Row) throws(StoreError) -> PluginGrantRecord {
        guard let track = GrantTrack(rawValue: try row.text(3)) else { throw StoreError(.corrupt, "a grant of an unknown track") }
        let changes: JSONValue
        do {
            changes = try JSONValue(parsing: Array(try row.text(10).utf8))
        } catch {
            throw StoreError(.corrupt, "a grant's changes are not JSON")
        }
        return PluginGrantRecord(
            id: try row.integer(0), atMilliseconds: try row.integer(1),
            entry: PluginGrantEntry(
                plugin: try row.text(2), track: track, version: try row.text(4), action: try row.text(5), actor: try row.text(6),
                bundleDigest: try row.optionalText(7), manifestDigest: try row.optionalText(8), manifest: try row.optionalText(9), changes: changes,
                reason: try row.optionalText(11)))
    }

    private static func text(_ changes: JSONValue) -> String {
        let text = changes.text
        guard text.utf8.count > StoreLimits.grantChangesBytesMax else { return text }
        return JSONValue.array([["capability": "all", "change": "more changes than are kept", "count": JSONValue(changes.arrayValue?.count ?? 0)]])
            .text
    }

    /// Bounds what is kept: whole manifests of the newest bundles, and rows in all.
    private static func prune(_ plugin: String, _ connection: any DatabaseConnection) async throws(StoreError) {
        try await connection.execute(
            """
            UPDATE plugin_grant SET manifest = NULL WHERE plugin = $1 AND manifest IS NOT NULL AND id NOT IN (
                SELECT MAX(id) FROM plugin_grant WHERE plugin = $1 AND manifest IS NOT NULL GROUP BY track, bundle_sha256
                ORDER BY MAX(id) DESC LIMIT $2)
            """, [.text(plugin), SQLValue(StoreLimits.grantManifestsMax)])
        try await connection.execute(
            """
            DELETE FROM plugin_grant WHERE plugin = $1 AND id <= (
                SELECT id FROM plugin_grant WHERE plugin = $1 ORDER BY id DESC LIMIT 1 OFFSET $2)
            """, [.text(plugin), SQLValue(StoreLimits.grantsPerPluginMax)])
    }
}
