import CSQLite
import Glibc
import Store
import TestKit
import Testing

@Suite struct CrashTests {
    /// Marks the copy of this test process that is going to be killed.
    private static let variable = "LIMEN_STORE_CRASH_CHILD"

    @Test(
        "what was reported durable survives kill -9 at any moment, and the audit chain is whole (STORE-1, STORE-2)", arguments: [30, 90, 200],
        DatabaseEngine.allCases)
    func killed(milliseconds: Int, engine: DatabaseEngine) async throws {
        let folder = try StoreBed(engine)
        let child = try spawnTest("CrashTests/child", Self.variable, "\(folder.path) \(folder.words)")
        // The child reports each durable write by appending one byte after its commit.
        var waited = 0
        while size(folder.path + "/progress") < 20, waited < 20_000 {
            usleep(1_000)
            waited += 1
        }
        usleep(UInt32(milliseconds) * 1000)
        kill(child, SIGKILL)
        var status: Int32 = 0
        #expect(waitpid(child, &status, 0) == child)
        #expect(status & 0x7f == SIGKILL, "the child ended by itself: \(status)")
        let reported = size(folder.path + "/progress")
        #expect(reported >= 20)
        let database = try await folder.open()
        defer { database.close() }
        let store = KeyValueStore(database: database)
        let scope = KeyValueScope.tenant("t", plugin: "p")
        for index in 0..<reported { #expect(try await store.get("k\(index)", in: scope) == .bytes([UInt8(truncatingIfNeeded: index)])) }
        let verification = try await AuditLog(database: database).verify()
        #expect(verification.isIntact, "\(verification)")
        // An entry that was only queued may be lost with the last 10 ms; the one that was awaited is there. On SQLite one queue keeps both in order.
        #expect(verification.entriesChecked >= Int64(reported * (engine == .sqlite ? 2 : 1)))
        guard engine == .sqlite else { return }
        let integrity = try await database.read { try await $0.row("PRAGMA integrity_check")?.text(0) }
        #expect(integrity == "ok")
    }

    /// The child's part: does nothing unless this process was started by `killed`.
    @Test("the writer that is killed", .enabled(if: getenv(variable) != nil))
    func child() async throws {
        guard let words = getenv(Self.variable).map({ String(cString: $0).split(separator: " ").map(String.init) }), words.count > 2 else { return }
        let folder = words[0]
        let database = try await Database.open(StoreBed.place(Array(words[1...])), on: StoreBed.loops.get())
        let store = KeyValueStore(database: database)
        let log = AuditLog(database: database)
        let progress = open(folder + "/progress", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        for index in 0..<1_000_000 {
            try await log.append(AuditEntry(actor: "a", tenant: "t", action: "x", outcome: "ok"))
            try await log.record(AuditEntry(actor: "a", tenant: "t", action: "y", outcome: "ok"))
            try await store.set("k\(index)", to: .bytes([UInt8(truncatingIfNeeded: index)]), in: .tenant("t", plugin: "p"))
            var byte: UInt8 = 1
            #expect(write(progress, &byte, 1) == 1)
        }
    }

    private func size(_ path: String) -> Int {
        var status = stat()
        return stat(path, &status) == 0 ? Int(status.st_size) : 0
    }
}
