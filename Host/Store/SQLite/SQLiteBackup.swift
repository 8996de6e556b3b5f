internal import Crypto
internal import Glibc

/// A copy of a database in a file, made while it is written to, and the way back.
package enum SQLiteBackup {
    /// Copies what the database holds at one moment into a new file with mode 0600; its writers go on. Blocks.
    package static func copy(from source: String, to target: String) throws(StoreError) {
        let from = try SQLiteConnection(path: source, mode: .reader)
        // The copy is of the snapshot that this transaction sees, however long it takes.
        try from.execute("BEGIN")
        _ = try from.rows("SELECT count(*) FROM sqlite_schema")
        let descriptor = open(target, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw StoreError(.unavailable, "making \(target): \(String(cString: strerror(errno)))") }
        close(descriptor)
        do throws(StoreError) {
            try from.copyPages(to: target)
            try check(target)
            // Empty, from the check.
            for tail in ["-wal", "-shm"] { unlink(target + tail) }
        } catch {
            unlink(target)
            throw error
        }
    }

    /// Throws `.corrupt` unless the file is a whole database whose references hold, with a schema that this program knows.
    package static func check(_ path: String) throws(StoreError) {
        let connection = try SQLiteConnection(path: path, mode: .reader)
        let answer = try connection.rows("PRAGMA integrity_check(1)").first?.text(0) ?? "no answer"
        guard answer == "ok" else { throw StoreError(.corrupt, "\(path) is damaged: \(answer)") }
        guard try connection.rows("PRAGMA foreign_key_check").isEmpty else { throw StoreError(.corrupt, "\(path): a reference leads nowhere") }
        let steps = try connection.rows("SELECT number, checksum FROM schema_migration ORDER BY number")
        for (row, migration) in zip(steps, Migrations.all) {
            guard try row.text(1) == migration.checksum(.sqlite).hex else {
                throw StoreError(.migration, "\(path): migration \(migration.number) is not this program's")
            }
        }
        guard steps.count <= Migrations.all.count else { throw StoreError(.migration, "\(path) is of a newer program") }
    }

    /// Puts a checked copy in the place of a database that nobody has open; what was there is kept beside it, under the name that is returned.
    package static func restore(from copy: String, to path: String) throws(StoreError) -> String? {
        try check(copy)
        let fresh = path + ".restoring"
        unlink(fresh)
        try Self.copy(from: copy, to: fresh)
        let kept = access(path, F_OK) == 0 ? "\(path).before-\(StoreClock.nowMilliseconds())" : nil
        if let kept { try keep(path, as: kept) }
        unlink(path + "-shm")
        guard rename(fresh, path) == 0 else { throw StoreError(.unavailable, "putting \(path) in place: \(String(cString: strerror(errno)))") }
        return kept
    }

    /// Keeps a database under another name, with what its log still holds.
    private static func keep(_ path: String, as name: String) throws(StoreError) {
        guard link(path, name) == 0 else { throw StoreError(.unavailable, "keeping \(path): \(String(cString: strerror(errno)))") }
        // There is none after a clean stop.
        guard rename(path + "-wal", name + "-wal") == 0 || errno == ENOENT else {
            throw StoreError(.unavailable, "keeping \(path)-wal: \(String(cString: strerror(errno)))")
        }
    }
}
