import Glibc
import IO
import Testing

/// Clients that make one request after another, each on a connection of its own.
final class Visitors: Sendable {
    private struct State {
        var isOver = false
        var answered = 0
        var failures: [String: Int] = [:]
    }

    private let state = Lock(State())
    private let threads: Lock<[Joined]>

    private final class Joined: @unchecked Sendable {
        // SAFETY: joined once, by `stop`.
        var handle = pthread_t()
    }

    init(port: UInt16, count: Int = 4) throws {
        threads = Lock([])
        for _ in 0..<count {
            let joined = Joined()
            let body = Unmanaged.passRetained(Visit { [self] in visit(port) })
            let code = pthread_create(
                &joined.handle, nil,
                { argument in
                    if let argument { Unmanaged<Visit>.fromOpaque(argument).takeRetainedValue().body() }
                    return nil
                }, body.toOpaque())
            guard code == 0 else { throw Command.Failure("no thread") }
            threads.withLock { $0.append(joined) }
        }
    }

    private final class Visit {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    private func visit(_ port: UInt16) {
        while !state.withLock({ $0.isOver }) {
            let answer = SocketActivationTests.Manager.ask(port)
            state.withLock { state in
                if answer == "HTTP/1.1 200 OK" { state.answered += 1 } else { state.failures[answer, default: 0] += 1 }
            }
        }
    }

    /// Requests answered so far.
    var answered: Int { state.withLock { $0.answered } }

    /// Ends them; how many requests were answered, and what the others met.
    func stop() -> (answered: Int, failures: [String: Int]) {
        state.withLock { $0.isOver = true }
        for joined in threads.withLock({ $0 }) { pthread_join(joined.handle, nil) }
        return state.withLock { ($0.answered, $0.failures) }
    }
}

@Suite("Limen: a host takes another's place", .serialized)
struct HandOverTests {
    /// A host over a data folder that it may share with the next one.
    private func start(_ folder: String, _ run: Int, handsOver: Bool = true) throws -> pid_t {
        let child = try Command.start(
            ["\(Command.bin)/limen", "serve", "--listen", "127.0.0.1:0", "--data", "\(folder)/data"], output: "\(folder)/out\(run)",
            complaints: "\(folder)/log\(run)", environment: handsOver ? ["LIMEN_LISTEN_HAND_OVER": "true"] : [:])
        _ = Command.servers.withLock { $0.insert(child) }
        return child
    }

    private func port(_ folder: String, _ run: Int) throws -> UInt16 {
        for _ in 0..<600 {
            let text = Command.text("\(folder)/out\(run)")
            if text.hasSuffix("\n"), let start = text.firstRange(of: "127.0.0.1:")?.upperBound,
                let port = UInt16(text[start...].prefix { $0.isNumber })
            {
                return port
            }
            usleep(50_000)
        }
        throw Command.Failure("run \(run) does not serve: \(Command.text("\(folder)/log\(run)"))")
    }

    private func wait(_ child: pid_t) -> Int32 {
        _ = Command.servers.withLock { $0.remove(child) }
        return Command.wait(child)
    }

    @Test("clients that come all the time meet no refusal while one host takes another's place, twice (OPS-3)")
    func underLoad() throws {
        let folder = Command.temporary()
        let first = try start(folder, 1)
        let place = try port(folder, 1)
        let visitors = try Visitors(port: place)
        usleep(300_000)
        let second = try start(folder, 2)
        // The first ends by itself, and in order.
        #expect(wait(first) == 0)
        #expect(try port(folder, 2) == place)
        let atFirst = visitors.answered
        usleep(300_000)
        let third = try start(folder, 3)
        #expect(wait(second) == 0)
        #expect(try port(folder, 3) == place)
        usleep(300_000)
        let (answered, failures) = visitors.stop()
        #expect(failures.isEmpty, "\(failures)")
        #expect(atFirst > 10 && answered > atFirst, "\(atFirst), \(answered)")
        #expect(Command.text("\(folder)/log1").contains("takes this one's place"))
        kill(third, SIGTERM)
        #expect(wait(third) == 0)
        #expect(access("\(folder)/data/hand-over.sock", F_OK) != 0, "nothing stays behind")
    }

    @Test("a second host on one data folder is refused unless both hand over, and the first serves on")
    func oneHostAFolder() throws {
        let folder = Command.temporary()
        let first = try start(folder, 1)
        let place = try port(folder, 1)
        let second = try start(folder, 2, handsOver: false)
        #expect(wait(second) != 0)
        #expect(Command.text("\(folder)/log2").contains("another limen serves from"))
        #expect(SocketActivationTests.Manager.ask(place) == "HTTP/1.1 200 OK")
        kill(first, SIGTERM)
        #expect(wait(first) == 0)
    }

    @Test("one that connects and takes nothing leaves the running host as it is, and another account, root even, gets no socket")
    func halfHearted() throws {
        let folder = Command.temporary()
        let first = try start(folder, 1)
        let place = try port(folder, 1)
        for _ in 0..<3 {
            let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
            defer { close(descriptor) }
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: "\(folder)/data/hand-over.sock".utf8) }
            let connected = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
            }
            #expect(connected == 0)
            // As root we are another account than the host's: it closes without a word.
            var byte: UInt8 = 0
            if getuid() == 0 { #expect(recv(descriptor, &byte, 1, 0) == 0) }
        }
        #expect(SocketActivationTests.Manager.ask(place) == "HTTP/1.1 200 OK")
        // And whoever means it still gets the place.
        let second = try start(folder, 2)
        #expect(wait(first) == 0)
        #expect(try port(folder, 2) == place)
        kill(second, SIGTERM)
        #expect(wait(second) == 0)
    }
}
