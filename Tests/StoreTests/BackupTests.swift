import Glibc
import IO
import Store
import Testing

private func entry(_ index: Int) -> AuditEntry { AuditEntry(actor: "a", tenant: "t", action: "x", callID: "\(index)", outcome: "ok") }

@Suite("Backup of the file") struct BackupTests {
    @Test("a backup made under load is one moment of the database, whole, and comes back as it was (STORE-1)")
    func underLoad() async throws {
        let bed = try StoreBed()
        let copy = bed.path + "/copy.db"
        defer { for name in [copy, copy + "-wal", copy + "-shm"] { unlink(name) } }
        var database = try await bed.open()
        let log = AuditLog(database: database)
        for index in 0..<2000 { try await log.append(entry(index)) }
        try await log.flush()
        async let load: Void = {
            for index in 0..<3000 { try await log.append(entry(index)) }
            try await log.flush()
        }()
        let path = bed.database
        let pool = try BlockingPool(name: "backup", threads: 1, queueMax: 1)
        try await pool.run { try SQLiteBackup.copy(from: path, to: copy) }
        try await load
        pool.shutdown()
        #expect(throws: StoreError.self) { try SQLiteBackup.copy(from: path, to: copy) }
        var information = stat()
        #expect(stat(copy, &information) == 0 && information.st_mode & 0o777 == 0o600)
        #expect(try await log.verify().entriesChecked == 5000)
        database.close()
        let kept = try #require(try SQLiteBackup.restore(from: copy, to: path))
        defer { unlink(kept) }
        database = try await bed.open()
        defer { database.close() }
        let result = try await AuditLog(database: database).verify()
        #expect(result.isIntact)
        #expect((2000...5000).contains(result.entriesChecked))
    }

    @Test("a damaged backup is refused, and the database stays as it is")
    func damaged() async throws {
        let bed = try StoreBed()
        let copy = bed.path + "/copy.db"
        defer { for name in [copy, copy + "-wal", copy + "-shm"] { unlink(name) } }
        let database = try await bed.open()
        try await AuditLog(database: database).record(AuditEntry(actor: "a", tenant: "t", action: "x", outcome: "ok"))
        try SQLiteBackup.copy(from: bed.database, to: copy)
        database.close()
        let file = try #require(fopen(copy, "r+"))
        fseek(file, 4096 * 3, SEEK_SET)
        for _ in 0..<4096 * 6 { fputc(0x5a, file) }
        fclose(file)
        #expect(throws: StoreError.self) { _ = try SQLiteBackup.restore(from: copy, to: bed.database) }
        let again = try await bed.open()
        defer { again.close() }
        #expect(try await AuditLog(database: again).verify().entriesChecked == 1)
    }
}
