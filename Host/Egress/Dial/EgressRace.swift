import Glibc
import IO

/// Connects to the first of several addresses that answers (RFC 8305, "Happy Eyeballs"): the next one is tried beside the others when the last has
/// failed, or has said nothing for 250 ms.
enum EgressRace {
    /// Alternates the families, beginning with the resolver's first (RFC 8305, 4).
    static func order(_ addresses: [SocketAddress]) -> [SocketAddress] {
        guard let first = addresses.first else { return [] }
        let preferred = addresses.filter { $0.family == first.family }
        let other = addresses.filter { $0.family != first.family }
        var out: [SocketAddress] = []
        for index in 0..<max(preferred.count, other.count) {
            if index < preferred.count { out.append(preferred[index]) }
            if index < other.count { out.append(other[index]) }
        }
        return out
    }

    private enum Event: Sendable {
        case connected(EgressSocket)
        case failed(IOError)
        case stagger(Int)
    }

    /// The first connection that stands; all others are closed when this returns.
    static func connect(_ addresses: [SocketAddress], until deadline: Deadline) async throws(EgressFailure) -> SocketStream {
        guard let loop = EventLoop.current else { preconditionFailure("connections are made on a loop") }
        // With one address there is nothing to race.
        if addresses.count == 1 {
            do throws(IOError) { return try await SocketStream.connect(to: addresses[0], on: loop, until: deadline) } catch { throw failure(error) }
        }
        let outcome = await withTaskGroup(of: Event.self) { group -> Result<EgressSocket, IOError> in
            var next = 0
            var running = 0
            var winner: EgressSocket?
            var failure = IOError(.closed, "connect")
            func begin() {
                guard winner == nil, next < min(addresses.count, Limits.addressesDialledMax) else { return }
                let address = addresses[next]
                next += 1
                running += 1
                let turn = next
                group.addTask { await attempt(address, on: loop, until: deadline) }
                group.addTask {
                    // Cancelled when the race is over; then nobody looks at the event.
                    do { try await loop.sleep(until: .after(milliseconds: Limits.dialStaggerMilliseconds)) } catch { return .stagger(0) }
                    return .stagger(turn)
                }
            }
            begin()
            while running > 0, let event = await group.next() {
                switch event {
                case .connected(let socket):
                    running -= 1
                    if winner == nil {
                        winner = socket
                        group.cancelAll()
                    } else {
                        // Two at once: one is enough.
                        socket.stream.close()
                    }
                case .failed(let error):
                    running -= 1
                    failure = error
                    begin()
                case .stagger(let turn): if turn == next { begin() }
                }
            }
            group.cancelAll()
            return winner.map { .success($0) } ?? .failure(failure)
        }
        switch outcome {
        case .success(let socket): return socket.stream
        case .failure(let error): throw failure(error)
        }
    }

    private static func attempt(_ address: SocketAddress, on loop: EventLoop, until deadline: Deadline) async -> Event {
        do throws(IOError) {
            return .connected(EgressSocket(stream: try await SocketStream.connect(to: address, on: loop, until: deadline)))
        } catch {
            return .failed(error)
        }
    }

    private static func failure(_ error: IOError) -> EgressFailure {
        switch error.code {
        case .timedOut: EgressFailure(.timeout, "no connection in time")
        case .cancelled: EgressFailure(.connect, "cancelled")
        case .system(let code) where code.code == ECONNREFUSED: EgressFailure(.connect, "the server refuses connections")
        case .system(let code) where [ENETUNREACH, EHOSTUNREACH, EADDRNOTAVAIL].contains(code.code):
            EgressFailure(.connect, "there is no way to the server")
        default: EgressFailure(.connect, "the connection failed")
        }
    }
}
