import Glibc
import IO
import TestKit
import Testing

@testable import HTTP

@Suite("HTTP: forms that are received", .serialized)
struct FormReceiverTests {
    private static func folder() throws -> String {
        var template = Array("/tmp/limen-form-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Errno.last }
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func isEmpty(_ folder: String) -> Bool { rmdir(folder) == 0 }

    /// Descriptors of this process that lead into the folder.
    private static func openFiles(in folder: String) -> Int {
        (0..<1024).count { number in
            var buffer = [CChar](repeating: 0, count: 512)
            let count = readlink("/proc/self/fd/\(number)", &buffer, buffer.count - 1)
            return count > 0 && String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self).hasPrefix(folder)
        }
    }

    /// Serves one route that receives a form into `folder` and answers with what came.
    private func running(_ folder: String, _ pool: BlockingPool, limits: MultipartLimits = MultipartLimits(), keep: String? = nil) throws -> Running {
        let receiver = FormReceiver(folder: folder, pool: pool, limits: limits)
        var answer = Answer { request in
            do {
                let parts = try await receiver.receive(request)
                var words: [String] = []
                for part in parts {
                    if let keep, let file = part.file { try file.keep(as: keep) }
                    words.append("\(part.head.name)=\(part.head.filename ?? "-"):\(part.file?.size ?? part.value.count)")
                }
                return HTTPResponse(contentType: "text/plain", Array(words.joined(separator: " ").utf8))
            } catch let failure as HTTPFailure {
                return HTTPResponse(status: failure.status, body: .bytes(Array(failure.message.utf8)))
            } catch {
                return HTTPResponse(status: 500, body: .bytes(Array("\(error)".utf8)))
            }
        }
        answer.bodyBytesMax = 1 << 30
        answer.isStreamed = true
        return try Running(answer)
    }

    private func head(_ length: Int, type: String = "multipart/form-data; boundary=XX") -> String {
        "POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Type: \(type)\r\nContent-Length: \(length)\r\n\r\n"
    }

    private func form(_ content: [UInt8]) -> [UInt8] {
        MultipartTests.text(
            "--XX", "Content-Disposition: form-data; name=\"title\"", "", "story", "--XX",
            "Content-Disposition: form-data; name=\"f\"; filename=\"a.bin\"", "", "")
            + content + MultipartTests.text("", "--XX--", "")
    }

    @Test("a file goes to disk byte for byte, and stays only when it is kept (RFC 7578)", .timeLimit(.minutes(1)))
    func file() async throws {
        let folder = try Self.folder()
        let pool = try BlockingPool(name: "form", threads: 1, queueMax: 16)
        let running = try running(folder, pool, keep: "\(folder)/kept")
        var random = SeededRandom()
        let content = (0..<3_000_000).map { _ in UInt8.random(in: 0...255, using: &random) }
        let body = form(content)
        let client = try RawClient(running.address)
        try client.send(head(body.count))
        try client.send(body)
        #expect(client.receiveAll().hasSuffix("\r\n\r\ntitle=-:5 f=a.bin:3000000"), "seed \(random.seed)")
        let descriptor = open("\(folder)/kept", O_RDONLY)
        var kept = [UInt8](repeating: 0, count: content.count + 1)
        var count = 0
        while true {
            let got = kept.withUnsafeMutableBytes { read(descriptor, $0.baseAddress.map { $0 + count }, $0.count - count) }
            if got <= 0 { break }
            count += got
        }
        close(descriptor)
        #expect(Array(kept[..<count]) == content)
        await running.stop()
        pool.shutdown()
        #expect(unlink("\(folder)/kept") == 0 && Self.openFiles(in: folder) == 0 && Self.isEmpty(folder))
    }

    @Test("a client that goes in the midst of a file leaves neither a file nor a descriptor", .timeLimit(.minutes(1)))
    func abort() async throws {
        let folder = try Self.folder()
        let pool = try BlockingPool(name: "form", threads: 2, queueMax: 64)
        let running = try running(folder, pool)
        let body = form([UInt8](repeating: 7, count: 900_000))
        var random = SeededRandom()
        for _ in 0..<60 {
            let client = try RawClient(running.address)
            try client.send(head(body.count))
            try client.send(Array(body.prefix(Int.random(in: 0..<body.count, using: &random))))
            if Bool.random(using: &random) { try client.reset() }
        }
        #expect(try await running.becomesEmpty(), "seed \(random.seed)")
        await running.stop()
        pool.shutdown()
        #expect(Self.openFiles(in: folder) == 0 && Self.isEmpty(folder), "seed \(random.seed)")
    }

    @Test(
        "what breaks a rule or a limit is refused, and nothing stays",
        arguments: [
            ("multipart/form-data; boundary=XX", 10, "413 Content Too Large"), ("multipart/form-data; boundary=YY", 1 << 20, "400 Bad Request"),
            ("multipart/form-data", 1 << 20, "400 Bad Request"), ("application/json", 1 << 20, "415 Unsupported Media Type"),
        ])
    func refusals(type: String, fileBytesMax: Int, status: String) async throws {
        let folder = try Self.folder()
        let pool = try BlockingPool(name: "form", threads: 1, queueMax: 16)
        let running = try running(folder, pool, limits: MultipartTests.limits { $0.fileBytesMax = fileBytesMax })
        let body = form([UInt8](repeating: 7, count: 1000))
        let client = try RawClient(running.address)
        try client.send(head(body.count, type: type))
        try client.send(body)
        #expect(client.receiveAll().hasPrefix("HTTP/1.1 \(status)\r\n"))
        await running.stop()
        pool.shutdown()
        #expect(Self.openFiles(in: folder) == 0 && Self.isEmpty(folder))
    }

    @Test("while the disk does not keep up, nothing more is taken of the client", .timeLimit(.minutes(1)))
    func backPressure() async throws {
        let folder = try Self.folder()
        let pool = try BlockingPool(name: "form", threads: 1, queueMax: 16)
        let receiver = FormReceiver(folder: folder, pool: pool)
        let group = try EventLoopGroup(count: 1)
        let gate = Condition()
        let isOpen = Shared(false)
        let body = form([UInt8](repeating: 7, count: 4 << 20))
        let given = Shared(0)
        let blocker = Shared<OwnedTask<Void>?>(nil)
        let work = OwnedTask(on: group.loops[0]) {
            try await receiver.receive(MultipartTests.boundary()) {
                let start = given.value
                if start >= body.count { return nil }
                if start == 1 << 20 {
                    // From here on the pool's one thread is held.
                    let task = OwnedTask(on: group.loops[0]) { try await pool.run { gate.withLock { while !isOpen.value { gate.wait() } } } }
                    blocker.lock.withLock { $0 = task }
                    while pool.metrics.running == 0 { await Task.yield() }
                }
                let end = min(body.count, start + 65_536)
                given.lock.withLock { $0 = end }
                return Array(body[start..<end])
            }
        }
        while blocker.value == nil { usleep(1000) }
        usleep(200_000)
        let held = given.value
        usleep(200_000)
        #expect(given.value == held && (1 << 20..<2 << 20).contains(held), "\(held) of \(body.count)")
        gate.withLock {
            isOpen.lock.withLock { $0 = true }
            gate.broadcast()
        }
        try await blocker.value?.value
        let parts = try await work.value
        #expect(parts.last?.file?.size == 4 << 20)
        await group.shutdown()
        pool.shutdown()
    }

    @Test("a folder that is not there is an error, not a crash")
    func missing() async throws {
        #expect(throws: IOError.self) { try SpooledFile(in: "/nonexistent") }
    }
}
