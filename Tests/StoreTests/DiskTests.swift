import Glibc
import Store
import TestKit
import Testing

/// A disk that fills up under the database: a small one of the test's own, in a mount namespace of its own.
@Suite struct DiskTests {
    /// Marks the copy of this test process that lives on the small disk.
    private static let variable = "LIMEN_FULL_DISK_CHILD"

    @Test(
        "on a full disk writes are refused as unavailable and reads go on, nothing acknowledged is lost, and with room again it serves on (STORE-4)")
    func full() async throws {
        let bed = try StoreBed()
        let (disk, report) = (bed.path + "/disk", bed.path + "/progress")
        mkdir(disk, 0o700)
        defer { rmdir(disk) }
        let program = Shell.run("readlink /proc/\(getpid())/exe").output.split(separator: "\n").first ?? ""
        let words = "--testing-library swift-testing --filter DiskTests/child"
        let outcome = Shell.run(
            "unshare -rm sh -c 'mount -t tmpfs -o size=4m none \(disk) && \(Self.variable)=\"\(disk) \(report)\" exec \(program) \(words)' 2>&1")
        let lines = String(decoding: contents(report), as: UTF8.self).split(separator: "\n").map(String.init)
        #expect(lines == ["refused: unavailable", "read", "resumed", "all there", "chain whole"], "\(lines) \(outcome.output.suffix(500))")
    }

    /// The child's part: does nothing unless this process was started by `full`.
    @Test("the writer on the small disk", .enabled(if: getenv(variable) != nil))
    func child() async throws {
        guard let words = getenv(Self.variable).map({ String(cString: $0).split(separator: " ").map(String.init) }), words.count == 2 else { return }
        let file = open(words[1], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        func report(_ line: String) {
            let bytes = Array((line + "\n").utf8)
            _ = write(file, bytes, bytes.count)
        }
        let filler = open(words[0] + "/filler", O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        posix_fallocate(filler, 0, 1 << 20)
        let database = try Database(path: words[0] + "/limen.db")
        let (store, log) = (KeyValueStore(database: database), AuditLog(database: database))
        let scope = KeyValueScope.tenant("t", plugin: "p")
        let value = [UInt8](repeating: 7, count: 20_000)
        var acknowledged = 0
        var refusal: StoreError.Code?
        while refusal == nil, acknowledged < 10_000 {
            refusal = await code {
                try await store.set("k\(acknowledged)", to: .bytes(value), in: scope)
                acknowledged += 1
                try await log.record(AuditEntry(actor: "a", tenant: "t", action: "x", outcome: "ok"))
            }
        }
        report("refused: \(refusal.map { "\($0)" } ?? "never")")
        if try await store.get("k0", in: scope) == .bytes(value) { report("read") }
        unlink(words[0] + "/filler")
        close(filler)
        if await code(of: { try await store.set("late", to: .bytes(value), in: scope) }) == nil { report("resumed") }
        database.close()
        let again = try Database(path: words[0] + "/limen.db")
        let found = KeyValueStore(database: again)
        var there = 0
        for index in 0..<acknowledged where try await found.get("k\(index)", in: scope) == .bytes(value) { there += 1 }
        if there == acknowledged, try await found.get("late", in: scope) == .bytes(value) { report("all there") }
        if try await AuditLog(database: again).verify().isIntact { report("chain whole") }
    }
}
