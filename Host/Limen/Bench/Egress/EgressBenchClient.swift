import Egress
import HTTP
import IO

/// A way to the server behind: without a proxy, by ours, or by a peer.
struct EgressWay: Sendable {
    let name: String
    /// Where its proxy listens, once for each of its loops; empty for the direct way.
    let proxies: [SocketAddress]
    /// Our own way of a `fetch`, in this process as in the host; nil for the others.
    let fetch: Fetch?
    /// KiB of its process.
    let resident: @Sendable () -> Int

    /// The proxy that makes a plugin's requests.
    struct Fetch: Sendable {
        let proxy: EgressProxy
        let access: EgressAccess
    }

    var isDirect: Bool { proxies.isEmpty }
}

/// What one client does again and again.
enum EgressWork: String, CaseIterable, Sendable {
    /// A connection, a tunnel, one request over it, and the end.
    case opening
    /// A request over a tunnel that stands.
    case tunnel
    /// A request that the proxy makes itself, over connections that may be kept: a plugin's `fetch`.
    case fetch
}

/// One client of a way; lives on its loop.
struct EgressClient: Sendable {
    let way: EgressWay
    let upstream: SocketAddress
    let path: String
    /// Its number: clients take turns with a proxy's listeners.
    let number: Int
    let loop: EventLoop

    private static let patience = 20_000
    private var deadline: Deadline { .after(milliseconds: Self.patience) }
    private var host: String { upstream.description }

    /// Does the work until `isOver`, and calls `done` with how long each took and how many bytes it brought.
    func run(_ work: EgressWork, until isOver: @Sendable () -> Bool, done: (UInt64, Int) -> Void) async throws {
        var kept: HTTPClientConnection?
        defer { kept?.end() }
        if work == .tunnel { kept = try await connection(isTunnel: true) }
        while !isOver() {
            let start = Deadline.now().nanoseconds
            let bytes: Int
            switch work {
            case .opening:
                let made = try await connection(isTunnel: true)
                bytes = try await get(made, path)
                made.end()
            case .tunnel:
                guard let kept else { throw CommandError("\(way.name) has no tunnel") }
                bytes = try await get(kept, path)
            case .fetch: bytes = try await fetched(&kept)
            }
            done(Deadline.now().nanoseconds - start, bytes)
        }
    }

    /// A connection to the server behind, through a tunnel unless the way is direct; or to the proxy itself.
    func connection(isTunnel: Bool) async throws -> HTTPClientConnection {
        guard let proxy = way.proxies.isEmpty ? nil : way.proxies[number % way.proxies.count] else {
            return HTTPClientConnection(try await SocketStream.connect(to: upstream, on: loop, until: deadline))
        }
        let stream = try await SocketStream.connect(to: proxy, on: loop, until: deadline)
        if isTunnel { try await open(stream) }
        return HTTPClientConnection(stream)
    }

    private func open(_ stream: SocketStream) async throws {
        try await stream.write(Array("CONNECT \(host) HTTP/1.1\r\nHost: \(host)\r\n\r\n".utf8), until: deadline)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 4096, alignment: 16)
        defer { buffer.deallocate() }
        var answer = ""
        while !answer.hasSuffix("\r\n\r\n") {
            let count = try await stream.read(into: buffer, until: deadline)
            answer += String(decoding: buffer[..<count], as: UTF8.self)
            guard count > 0, answer.utf8.count < 4096 else { throw CommandError("\(way.name) opens no tunnel: \(answer)") }
        }
        guard answer.hasPrefix("HTTP/1.1 200") || answer.hasPrefix("HTTP/1.0 200") else {
            throw CommandError("\(way.name) opens no tunnel: \(answer)")
        }
    }

    /// One request that the proxy makes, over a connection to it that is kept as long as it keeps it.
    private func fetched(_ kept: inout HTTPClientConnection?) async throws -> Int {
        if let fetch = way.fetch { return try await fetched(fetch) }
        let target = way.isDirect ? path : "http://\(host)\(path)"
        if let standing = kept {
            kept = nil
            do {
                guard standing.isUsable else { throw IOError(.closed, "kept") }
                defer { kept = standing }
                return try await get(standing, target)
            } catch is IOError {
                // The proxy has ended it, as some do after each reply without a word: that costs it a connection, as it costs every client.
                standing.end()
                kept = nil
            }
        }
        let made = try await connection(isTunnel: false)
        kept = made
        return try await get(made, target)
    }

    private func fetched(_ fetch: EgressWay.Fetch) async throws -> Int {
        let caller = EgressCaller(plugin: "bench", tenant: "main", requestID: "bench")
        do throws(EgressError) {
            return try await fetch.proxy.fetch(
                EgressRequest("http://\(host)\(path)"), access: fetch.access, caller: caller, before: 0, until: deadline
            ).body.count
        } catch {
            throw CommandError("fetch: \(error.message)")
        }
    }

    /// A request and all of its reply's bytes.
    func get(_ connection: HTTPClientConnection, _ target: String) async throws -> Int {
        let count = Lock(0)
        let reply = try await connection.exchange(HTTPClientRequest(.get, target), host: host, until: deadline) { piece in
            count.withLock { $0 += piece.count }
            return true
        }
        guard reply.status == 200 else { throw CommandError("\(way.name) answers \(reply.status)") }
        return count.withLock { $0 }
    }
}
