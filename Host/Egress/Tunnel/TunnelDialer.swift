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

    /// Tries one address after the other.
    package static func dial(_ addresses: [IPAddress], _ port: Int, on loop: EventLoop, until deadline: Deadline) async throws(TunnelFailure)
        -> SocketStream
    {
        var left = addresses.count
        var last = TunnelFailure.connect
        for address in addresses {
            // Each gets an equal share of the time that is left.
            let share = max(1, deadline.remainingMilliseconds / max(1, left))
            left -= 1
            do throws(IOError) {
                return try await connect(address, port, on: loop, until: min(deadline, .after(milliseconds: share)))
            } catch {
                last = error.code == .timedOut ? .timeOut : .connect
            }
        }
        throw last
    }

    private static func connect(_ address: IPAddress, _ port: Int, on loop: EventLoop, until deadline: Deadline) async throws(IOError) -> SocketStream
    {
        guard let target = SocketAddress("\(address)", port: UInt16(port)) else { throw IOError(.closed, "connect") }
        let fd: Int32
        do throws(Errno) { fd = try Sockets.connect(to: target).release() } catch { throw IOError(.system(error), "connect") }
        let registration: FDRegistration
        do throws(IOError) { registration = try loop.register(fd) } catch {
            FileDescriptor(fd).discard()
            throw error
        }
        let stream = SocketStream(registration)
        do throws(IOError) {
            try await registration.writable(until: deadline)
            if let failure = try stream.pendingError() { throw IOError(.system(failure), "connect") }
            return stream
        } catch {
            stream.close()
            throw error
        }
    }
}

extension FileDescriptor {
    /// Lets go of it.
    fileprivate consuming func discard() {}
}

extension SocketStream {
    /// Why a connection attempt that has ended failed; nil when it did not.
    fileprivate func pendingError() throws(IOError) -> Errno? {
        do throws(Errno) { return try Sockets.pendingError(registration.fd) } catch { throw IOError(.system(error), "connect") }
    }
}
