internal import Crypto
internal import JSON

/// The steps of a rotation, in order; a crash behind any of them loses nothing.
package enum RotationStep: Sendable, CaseIterable {
    /// What an earlier rotation left was finished or taken back.
    case prepared
    /// The next key is on disk beside the one in force.
    case written
    /// Every data key is sealed under the next key, not yet committed.
    case rewrapped
    /// That is durable; the database names the next key.
    case committed
    /// The next key has the place of the one before, which is gone.
    case replaced
}

extension SecretStore {
    /// Makes a new master key and seals every data key under it, while servers run; returns how many there are.
    ///
    /// The next key is on disk before anything is sealed under it, and the old one until nothing is any more. Rows name their key, and whoever meets an
    /// unknown name reads the files again, so a reader finds the key of what it sees at every step, and after a crash at any. A row that does not
    /// decrypt stops the rotation, named, with nothing changed. `at` runs after each step: what it throws ends the rotation there, for tests.
    package func rotate(by actor: SecretActor, at step: @escaping @Sendable (RotationStep) throws -> Void = { _ in }) async throws(StoreError) -> Int
    {
        let ring = self.ring
        let turn = try await database.write { connection in
            let turn = try await connection.blocking { try RotationTurn(ring.folder) }
            let old = try await ring.current(connection)
            try await connection.blocking { try turn.finish(inForce: old) }
            return (lock: turn, old: old)
        }
        let new = try await database.write { connection in
            try step(.prepared)
            return try await connection.blocking { try turn.lock.write() }
        }
        let count = try await database.write { connection in
            try step(.written)
            let count = try await Self.rewrap(from: turn.old, to: new, connection)
            try await Self.noteRotation(count, actor, connection)
            try step(.rewrapped)
            return count
        }
        try await database.write { connection in
            try step(.committed)
            try await connection.blocking { try turn.lock.promote() }
            ring.forget()
            try step(.replaced)
        }
        return count
    }

    private static func rewrap(from old: MasterKey, to new: MasterKey, _ connection: any DatabaseConnection) async throws(StoreError) -> Int {
        let state = try await connection.row("SELECT master FROM secret_state WHERE id = 1")
        guard try state?.blob(0) == old.id else { throw StoreError(.unavailable, "another rotation came between; run it again") }
        let rows = try await connection.rows("SELECT tenant, name, version, master, key FROM secret")
        for row in rows {
            let binding = SecretBinding(tenant: try row.text(0), name: try row.text(1), version: try row.integer(2))
            guard try row.blob(3) == old.id else { throw unreadable(binding) }
            let envelope = SecretEnvelope(key: try row.blob(4), value: [])
            let key: [UInt8]
            do throws(CryptoError) {
                key = try envelope.rewrapped(from: old, to: new, binding)
            } catch {
                throw unreadable(binding)
            }
            try await connection.execute(
                "UPDATE secret SET master = $1, key = $2 WHERE version = $3", [.blob(new.id), .blob(key), .integer(binding.version)])
        }
        try await connection.execute("UPDATE secret_state SET master = $1 WHERE id = 1", [.blob(new.id)])
        return rows.count
    }

    private static func noteRotation(_ count: Int, _ actor: SecretActor, _ connection: any DatabaseConnection) async throws(StoreError) {
        let entry = AuditEntry(
            actor: actor.id, tenant: "", action: "secret.rotate", callID: actor.requestID, outcome: "ok", details: ["secrets": JSONValue(count)])
        try await AuditLog.insert(AuditRow(entry), connection)
    }
}

/// The files of one rotation; while it lives no other begins.
private final class RotationTurn: Sendable {
    private let folder: MasterKeyFolder
    private let descriptor: MasterKeyFolder.Descriptor

    init(_ folder: MasterKeyFolder) throws(StoreError) {
        self.folder = folder
        descriptor = try MasterKeyFolder.Descriptor(opening: folder)
        guard descriptor.lock() else { throw StoreError(.unavailable, "another rotation is running; wait until it has ended") }
    }

    /// Ends what an earlier rotation left: a next key that is in force gets its place, any other goes.
    func finish(inForce: MasterKey) throws(StoreError) {
        guard let next = try folder.read(MasterKeyFolder.next, in: descriptor) else { return }
        if next.id == inForce.id {
            try folder.promote(in: descriptor)
        } else {
            try folder.dropNext(in: descriptor)
        }
    }

    func write() throws(StoreError) -> MasterKey {
        let key = MasterKey()
        guard try folder.create(MasterKeyFolder.next, key, in: descriptor) else {
            throw folder.refused(MasterKeyFolder.next, "appeared during the rotation; run it again")
        }
        return key
    }

    func promote() throws(StoreError) { try folder.promote(in: descriptor) }
}
