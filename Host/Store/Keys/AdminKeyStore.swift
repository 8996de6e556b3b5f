internal import Crypto
internal import IO

/// The key of the first start, which stands in until there are users. Shown once; the store keeps its digest.
package struct AdminKey: Sendable, CustomStringConvertible, CustomDebugStringConvertible {
    /// Id for the audit log.
    package let id: String
    /// What the bearer presents: `lmn_` and 43 characters of base64url, 256 random bits.
    package let secret: String

    /// A new random key.
    package static func generate() -> AdminKey {
        AdminKey(id: UUIDv7.make(), secret: "lmn_" + Base64URL.encode(secureRandom(StoreLimits.adminKeyBytes)))
    }

    /// The id only.
    package var description: String { "AdminKey(\(id))" }
    /// The id only.
    package var debugDescription: String { description }
}

/// Makes and checks the admin key.
///
/// It is stored as plain SHA-256: a slow hash protects guessable passwords, and 256 random bits cannot be guessed; a fast one keeps the check off
/// the blocking pools. Digests are compared in constant time.
package final class AdminKeyStore: Sendable {
    private let database: Database
    private let known = Lock<[(id: String, hash: [UInt8])]>([])

    /// Reads the stored digests; then `verify` needs no database.
    package init(database: Database) async throws(StoreError) {
        self.database = database
        try await refresh()
    }

    private func refresh() async throws(StoreError) {
        let rows = try await database.read { try await $0.rows("SELECT id, hash FROM admin_key ORDER BY id") }
        var keys: [(id: String, hash: [UInt8])] = []
        for row in rows { keys.append((try row.text(0), try row.blob(1))) }
        known.withLock { [keys] in $0 = keys }
    }

    /// Makes the key if there is none yet, and returns it then.
    ///
    /// `keep` writes it to `DATA/admin.key` (mode 0600) before the digest is stored: a crash between the two leaves a file whose key is not
    /// valid and which the next start overwrites, never a valid key that nobody has.
    package func makeIfNone(keep: @Sendable (AdminKey) throws -> Void) async throws -> AdminKey? {
        guard known.withLock({ $0.isEmpty }) else { return nil }
        let key = AdminKey.generate()
        try keep(key)
        let hash = SHA256.hash(key.secret).bytes
        try await database.write { connection in
            try await connection.execute(
                "INSERT INTO admin_key (id, hash, created_at) VALUES ($1, $2, $3)",
                [.text(key.id), .blob(hash), .integer(StoreClock.nowMilliseconds())])
        }
        try await refresh()
        return key
    }

    /// The id of the key whose secret is presented; nil for anything else.
    package func verify(_ presented: String) -> String? {
        guard presented.utf8.count <= 128 else { return nil }
        let hash = SHA256.hash(presented).bytes
        let keys = known.withLock { $0 }
        var found: String?
        for key in keys where constantTimeEquals(key.hash, hash) { found = key.id }
        return found
    }
}
