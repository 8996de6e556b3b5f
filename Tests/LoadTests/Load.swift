import Glibc

/// `limen-bench-http` as a process of its own, so that its descriptors and memory are its own.
final class Server: Sendable {
    private let process: Process
    let port: Int

    init(_ options: [String: Int] = [:]) throws {
        process = try Process("limen-bench-http", options.flatMap { ["--\($0.key)", String($0.value)] })
        let line = try process.line("serving on")
        port = Int(line.split(separator: ":").last ?? "") ?? 0
    }

    /// What the server counts; whoever asks is one of its connections.
    func stats() throws -> Numbers {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
        guard connected == 0 else { throw Process.Failure(description: "the server is gone") }
        let request = Array("GET /stats HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".utf8)
        guard send(descriptor, request, request.count, Int32(MSG_NOSIGNAL)) == request.count else { throw Process.Failure(description: "no request") }
        var reply: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count <= 0 { break }
            reply.append(contentsOf: buffer[..<count])
        }
        let text = String(decoding: reply, as: UTF8.self)
        guard let body = text.firstRange(of: "connections=") else { throw Process.Failure(description: "no numbers: \(text)") }
        return Numbers(String(text[body.lowerBound...]))
    }

    /// Asks until `isRight` or the time is over; the last answer, and how long it took.
    func stats(within milliseconds: Int, until isRight: (Numbers) -> Bool) throws -> (Numbers, milliseconds: Int) {
        let start = Server.now()
        while true {
            let numbers = try stats()
            let took = Server.now() - start
            if isRight(numbers) || took > milliseconds { return (numbers, took) }
            usleep(2000)
        }
    }

    static func now() -> Int {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return time.tv_sec * 1000 + time.tv_nsec / 1_000_000
    }

    deinit {
        process.kill(SIGTERM)
        process.wait()
    }
}

/// `limen-load`.
enum Load {
    /// Runs a mode to its end.
    static func run(_ mode: String, _ server: Server, _ options: [String: Int] = [:], path: String = "/plaintext") throws -> Numbers {
        let holding = try Holding(mode, server, options, path: path)
        return try holding.end()
    }
}

/// A client that goes on beside the test.
final class Holding: Sendable {
    private let process: Process

    init(_ mode: String, _ server: Server, _ options: [String: Int] = [:], path: String = "/plaintext") throws {
        let words = options.flatMap { ["--\($0.key)", String($0.value)] }
        process = try Process("limen-load", [mode, "--port", String(server.port), "--path", path] + words)
    }

    /// What a `hold` says when all its connections are settled.
    func settled() throws -> Numbers { Numbers(try process.line("held", seconds: 90)) }

    /// Lets it end, and what it says then.
    func end() throws -> Numbers {
        process.release()
        process.wait()
        return Numbers(try process.line("done", seconds: 1))
    }
}
