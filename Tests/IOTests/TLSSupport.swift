import Glibc
import TestKit

@testable import IO

/// One authority for all tests of a run: making keys takes a moment.
enum Authority {
    static let shared = Result { try TestAuthority() }
    static let main = Result { try shared.get().issue("main", names: ["DNS:main.test", "DNS:localhost", "IP:127.0.0.1"]) }
}

extension TLSServerContext.Files {
    init(_ issued: TestAuthority.Issued) { self.init(certificate: issued.certificate, key: issued.key) }
}

/// A server with the shared authority's certificate.
func mainServer(staples: [String] = []) throws -> TLSServerContext { try TLSServerContext([.init(Authority.main.get())], staples: staples) }

/// How a handshake looked from both ends, and what four bytes from the server became.
struct Shaken: Sendable {
    var version = ""
    var serverError: TLSError?
    var clientError: TLSError?
    var isResumed = false
    var serverName: String?
    var applicationProtocol: String?
    var received: [UInt8] = []
}

/// Shakes hands over a pair of sockets, and lets the server say four bytes and goodbye.
func shake(
    _ server: TLSServerContext, _ client: TLSClientContext, host: String = "main.test", scope: String = ""
) async throws -> Shaken {
    try await onLoop { loop in
        let pair = try Pair()
        let (near, far) = (try loop.register(pair.near), try loop.register(pair.far))
        let deadline = Deadline.after(milliseconds: 5000)
        let serving = OwnedTask<TLSError?>(on: loop) {
            do throws(IOError) {
                let session = try await server.accept(near, until: deadline)
                _ = try? Array("four".utf8).withUnsafeBytes { try session.send($0) }  // a client that refused us has gone
                session.sayGoodbye()
            } catch {
                near.deregister()
                return error.tls
            }
            near.deregister()
            return nil
        }
        var shaken = Shaken()
        do throws(IOError) {
            let session = try await client.connect(far, host: host, scope: scope, until: deadline)
            (shaken.version, shaken.isResumed) = (session.version, session.isResumed)
            (shaken.serverName, shaken.applicationProtocol) = (session.serverName, session.applicationProtocol)
            shaken.received = try await readAll(session, far, until: deadline)
            session.sayGoodbye()
        } catch {
            shaken.clientError = error.tls
        }
        far.deregister()
        shutdown(pair.far, Int32(SHUT_RDWR))
        shaken.serverError = try await serving.value
        return shaken
    }
}

/// Everything until the peer's goodbye.
func readAll(_ session: TLSSession, _ registration: FDRegistration, until deadline: Deadline) async throws(IOError) -> [UInt8] {
    var all: [UInt8] = []
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 16)
    defer { buffer.deallocate() }
    while true {
        do throws(TLSError) {
            if let count = try session.receive(into: buffer) {
                if count == 0 { return all }
                all.append(contentsOf: buffer[..<count])
                continue
            }
        } catch {
            throw IOError(.tls(error), "read")
        }
        try await registration.readEdge(until: deadline)
    }
}

extension IOError {
    /// What TLS said, nil when it was something else.
    var tls: TLSError? {
        if case .tls(let error) = code { error } else { TLSError(.protocolViolation, .configuration, description) }
    }
}

/// A server on loopback that gives back what it gets, over TLS, on a loop of its own.
final class TLSEcho: Sendable {
    let port: UInt16
    let context: TLSServerContext
    let outcomes = Shared<[String]>([])
    private let group: EventLoopGroup
    private let listener: Lock<Int32>
    private let acceptor: Lock<OwnedTask<Void>?>

    init(_ context: TLSServerContext, handshakeMilliseconds: Int = 5000) throws {
        self.context = context
        group = try EventLoopGroup(count: 1)
        guard let address = SocketAddress("127.0.0.1", port: 0) else { throw IOError(.closed, "address") }
        let socket = try Sockets.listen(on: address)
        port = try Sockets.localAddress(socket.raw).port
        let fd = socket.release()
        listener = Lock(fd)
        acceptor = Lock(nil)
        let outcomes = outcomes
        let loop = group.loops[0]
        let task = OwnedTask(on: loop) {
            let scope = TaskScope()
            let registration = try loop.register(fd)
            defer { registration.deregister() }
            do {
                while true {
                    while let (client, _) = try Sockets.accept(fd) {
                        scope.start {
                            let outcome = await TLSEcho.serve(client, context, loop, handshakeMilliseconds)
                            outcomes.lock.withLock { $0.append(outcome) }
                        }
                    }
                    try await registration.readEdge(until: .distantFuture)
                }
            } catch {
                scope.cancel()
                await scope.finish()
                throw error
            }
        }
        acceptor.withLock { $0 = task }
    }

    private static func serve(_ fd: Int32, _ context: TLSServerContext, _ loop: EventLoop, _ milliseconds: Int) async -> String {
        defer { close(fd) }
        do throws(IOError) {
            let registration = try loop.register(fd)
            defer { registration.deregister() }
            let session = try await context.accept(registration, until: .after(milliseconds: milliseconds))
            let stream = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 16)
            defer { stream.deallocate() }
            while true {
                guard let count = try or({ () throws(TLSError) in try session.receive(into: stream) }) else {
                    try await registration.readEdge(until: .after(milliseconds: 5000))
                    continue
                }
                if count == 0 { break }
                var sent = 0
                while sent < count {
                    let rest = UnsafeRawBufferPointer(rebasing: stream[sent..<count])
                    if let more = try or({ () throws(TLSError) in try session.send(rest) }) {
                        sent += more
                    } else {
                        try await registration.writeEdge(until: .after(milliseconds: 5000))
                    }
                }
            }
            session.sayGoodbye()
            return "served \(session.version) \(session.cipher) \(session.serverName ?? "-") \(session.isResumed ? "resumed" : "new")"
        } catch {
            return "\(error)"
        }
    }

    private static func or<T>(_ body: () throws(TLSError) -> T) throws(IOError) -> T {
        do throws(TLSError) { return try body() } catch { throw IOError(.tls(error), "echo") }
    }

    func stop() async {
        let task = acceptor.withLock { $0 }
        task?.cancel()
        await task?.finish()
        close(listener.withLock { $0 })
        await group.shutdown()
    }
}
