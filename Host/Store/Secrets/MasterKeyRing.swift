internal import Crypto
internal import IO

/// The master keys at hand. They are read again when a row names another: that is how a server learns of a rotation by another process.
///
/// Blocks on files: bodies use it through `DatabaseConnection.blocking`, or `key(_:_:)`.
final class MasterKeyRing: Sendable {
    let folder: MasterKeyFolder
    private let keys = Lock<[MasterKey]>([])

    init(folder: MasterKeyFolder) { self.folder = folder }

    /// The key of an id; nil when no file holds it.
    func key(_ id: [UInt8]) throws(StoreError) -> MasterKey? {
        if let key = keys.withLock({ $0.first { $0.id == id } }) { return key }
        let found = try folder.keys()
        keys.withLock { $0 = found }
        return found.first { $0.id == id }
    }

    /// The key of an id, for a body; files are read where that holds up nobody, and only when the id is new.
    func key(_ id: [UInt8], _ connection: any DatabaseConnection) async throws(StoreError) -> MasterKey? {
        if let key = keys.withLock({ $0.first { $0.id == id } }) { return key }
        return try await connection.blocking { try self.key(id) }
    }

    /// Forgets what was read: files changed.
    func forget() { keys.withLock { $0 = [] } }

    /// The key that new secrets are sealed under, which the database names; at the first secret of all, the file's, made when there is none.
    func current(_ connection: any DatabaseConnection) async throws(StoreError) -> MasterKey {
        guard let row = try await connection.row("SELECT master FROM secret_state WHERE id = 1") else {
            throw StoreError(.corrupt, "the store of secrets has no state")
        }
        if row.values.first != .null {
            if let key = try await key(row.blob(0), connection) { return key }
            guard try await connection.row("SELECT 1 FROM secret LIMIT 1") == nil else { throw missing }
        }
        let key = try await connection.blocking { try self.made() }
        try await connection.execute("UPDATE secret_state SET master = $1 WHERE id = 1", [.blob(key.id)])
        return key
    }

    /// Nothing can be read, and nothing new is begun in its place.
    var missing: StoreError {
        folder.refused(
            MasterKeyFolder.current,
            "is not the key that the secrets are sealed under; restore it from a backup, or remove every secret and set them again")
    }

    /// The database's secrets are sealed under a key that is not here; the ids say which is which and give nothing of a key away.
    func foreign(_ id: [UInt8]) throws(StoreError) -> StoreError {
        func name(_ id: [UInt8]) -> String { Hex.encode(Array(id.prefix(4))) }
        let here = try folder.keys().map { name($0.id) }.joined(separator: " and ")
        return folder.refused(
            MasterKeyFolder.current,
            """
            is not the key that the database's secrets are sealed under: they name key \(name(id))…, and here is \(here.isEmpty ? "none" : here + "…"). \
            Hosts on one database have the same keys: copy the folder from a host that serves, or restore it from its backup
            """)
    }

    private func made() throws(StoreError) -> MasterKey {
        let descriptor = try MasterKeyFolder.Descriptor(opening: folder)
        if try folder.read(MasterKeyFolder.current, in: descriptor) == nil {
            // False is as good: another command made it at the same moment.
            _ = try folder.create(MasterKeyFolder.current, MasterKey(), in: descriptor)
        }
        forget()
        guard let key = try folder.read(MasterKeyFolder.current, in: descriptor) else { throw missing }
        return key
    }
}
