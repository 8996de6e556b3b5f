package import IO

/// Finds and reaches the servers of tunnels: names are looked up once, and nothing is dialled but what the policy judged.
package protocol TunnelDialer: Sendable {
    /// The addresses of a host's name.
    func addresses(of name: String, until deadline: Deadline) async throws(TunnelFailure) -> [IPAddress]
    /// A connection to the first of the addresses that takes one, watched by the caller's loop.
    func connect(to addresses: [IPAddress], port: Int, on loop: EventLoop, until deadline: Deadline) async throws(TunnelFailure) -> SocketStream
}

/// Asks the system's resolver, and tries the addresses in its order.
package struct SystemDialer: TunnelDialer {
    private let resolver: Resolver

    package init(_ resolver: Resolver) { self.resolver = resolver }

    package func addresses(of name: String, until deadline: Deadline) async throws(TunnelFailure) -> [IPAddress] {
        do throws(ResolverError) {
            return try await resolver.addresses(of: name, port: 0, until: deadline).compactMap { IPAddress($0.host) }
        } catch {
            throw error == .gaveUp(.timedOut) ? .timeOut : .resolve
        }
    }

    package func connect(
        to addresses: [IPAddress], port: Int, on loop: EventLoop, until deadline: Deadline
    ) async throws(TunnelFailure) -> SocketStream {
        try await Self.dial(addresses, port, on: loop, until: deadline)
    }

    /// The first of the addresses that takes a connection, as a fetch finds it; from a task of `loop`.
    package static func dial(_ addresses: [IPAddress], _ port: Int, on loop: EventLoop, until deadline: Deadline) async throws(TunnelFailure)
        -> SocketStream
    {
        precondition(loop.isCurrent, "a tunnel is dialled on its loop")
        do throws(EgressFailure) {
            return try await EgressRace.connect(EgressRace.order(addresses.map { $0.socketAddress(port: UInt16(port)) }), until: deadline)
        } catch {
            throw error.phase == .timeout ? .timeOut : .connect
        }
    }
}
