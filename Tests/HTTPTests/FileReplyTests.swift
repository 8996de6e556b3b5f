import Glibc
import IO
import TestKit
import Testing

@testable import HTTP

@Suite(.serialized) struct FileReplyTests {
    /// An unnamed file of these bytes.
    private func file(_ bytes: [UInt8]) throws -> HTTPFile {
        var template = Array("/tmp/limen-http-XXXXXX".utf8CString)
        let fd = mkstemp(&template)
        #expect(fd >= 0)
        unlink(template)
        var written = 0
        while written < bytes.count {
            written += bytes.withUnsafeBytes { write(fd, $0.baseAddress.map { $0 + written }, $0.count - written) }
        }
        return try HTTPFile(FileDescriptor(fd))
    }

    private func content(_ count: Int) -> [UInt8] {
        var random = SeededRandom(seed: 11)
        return (0..<count).map { _ in UInt8.random(in: 0x30...0x39, using: &random) }
    }

    @Test("a file comes whole, as a piece, and as a head without content, and the connection goes on", arguments: [true, false])
    func replies(hasPool: Bool) async throws {
        let bytes = content(3_000_000)
        let file = try file(bytes)
        let pool = hasPool ? try BlockingPool(name: "files", threads: 1, queueMax: 16) : nil
        let running = try Running(
            Answer { file.reply(to: $0, contentType: "text/plain") }
        ) { $0.filePool = pool }
        let client = try RawClient(running.address)
        try client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
        let head = client.receive(until: "\r\n\r\n")
        #expect(head.contains("Content-Length: 3000000\r\n\r\n") && head.hasSuffix("\r\n\r\n"))
        try client.send("GET / HTTP/1.1\r\nHost: a\r\nRange: bytes=1000000-1700000\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        let parts = client.receiveAll().split(separator: "\r\n\r\n", maxSplits: 1)
        #expect(parts[0].hasPrefix("HTTP/1.1 206 ") && parts[0].hasSuffix("Content-Length: 700001"))
        #expect(parts[0].contains("Content-Range: bytes 1000000-1700000/3000000"))
        #expect(parts[1].hasPrefix(String(decoding: bytes[1_000_000..<1_700_001], as: UTF8.self) + "HTTP/1.1 200"))
        #expect(parts[1].hasSuffix(String(decoding: bytes, as: UTF8.self)))
        await running.stop()
        pool?.shutdown()
    }

    @Test("a slow reader of a file holds nobody up and gets all of it")
    func slowReader() async throws {
        let bytes = content(8_000_000)
        let file = try file(bytes)
        let running = try Running(
            Answer { $0.path == "/" ? file.reply(to: $0, contentType: "text/plain") : await echo($0) }, loops: 1)
        let slow = try RawClient(running.address)
        try slow.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        usleep(50_000)
        let other = try RawClient(running.address)
        try other.send("GET /o HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(other.receive(until: "GET /o 0").contains("200 OK"))
        #expect(slow.receiveAll().hasSuffix(String(decoding: bytes.suffix(1_000_000), as: UTF8.self)))
        await running.stop()
    }

    @Test("a file that shrinks while it is sent cuts the connection, so that the client sees that it is not whole")
    func shrinks() async throws {
        let path = "/tmp/limen-http-shrinks-\(getpid())"
        let fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0o600)
        #expect(ftruncate(fd, 30_000_000) == 0)
        let file = try HTTPFile(FileDescriptor(fd))
        let running = try Running(Answer { file.reply(to: $0, contentType: "text/plain") })
        let client = try RawClient(running.address)
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        usleep(50_000)
        #expect(truncate(path, 100) == 0)
        unlink(path)
        #expect(client.receiveAll().utf8.count < 30_000_000)
        #expect(try await running.becomesEmpty())
        await running.stop()
    }

    @Test("what is no regular file is refused, and two files of one size have two validators")
    func validators() throws {
        let folder = open("/tmp", O_RDONLY | O_DIRECTORY)
        #expect(throws: IOError.self) { try HTTPFile(FileDescriptor(folder)) }
        let (first, second) = (try file([1, 2]), try file([1, 3]))
        #expect(first.validators.entityTag != second.validators.entityTag && first.size == 2)
    }

    @Test(
        "a client that has the file is told so, one that asks for several parts gets them framed, one that asks for none that exist is told its length"
    )
    func conditions() async throws {
        let bytes = content(1000)
        let file = try file(bytes)
        let running = try Running(Answer { file.reply(to: $0, contentType: "text/plain") })
        let client = try RawClient(running.address)
        func ask(_ fields: String) throws -> String {
            try client.send("GET / HTTP/1.1\r\nHost: a\r\n\(fields)\r\nOPTIONS * HTTP/1.1\r\nHost: a\r\nX-Request-Id: end\r\n\r\n")
            return client.receive(until: "X-Request-Id: end")
        }
        let tag = file.validators.entityTag?.text ?? "none"
        let same = try ask("If-None-Match: \(tag)\r\n")
        #expect(same.hasPrefix("HTTP/1.1 304 ") && same.contains("ETag: \(tag)\r\n") && !same.prefix(400).contains("Content-Length"))
        #expect(try ask("If-Match: \"other\"\r\n").hasPrefix("HTTP/1.1 412 "))
        #expect(try ask("Range: bytes=1000-\r\n").contains("Content-Range: bytes */1000\r\n"))
        let parts = try ask("Range: bytes=0-1,990-\r\nIf-Range: \(tag)\r\n")
        #expect(parts.hasPrefix("HTTP/1.1 206 ") && parts.contains("multipart/byteranges; boundary="))
        #expect(parts.contains("\r\n\r\n" + String(decoding: bytes[..<2], as: UTF8.self) + "\r\n--"))
        #expect(parts.contains("\r\n\r\n" + String(decoding: bytes[990...], as: UTF8.self) + "\r\n--"))
        #expect(try ask("Range: bytes=0-1\r\nIf-Range: \"other\"\r\n").hasPrefix("HTTP/1.1 200 "))
        await running.stop()
    }
}
