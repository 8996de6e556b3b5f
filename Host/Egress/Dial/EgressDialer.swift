package import IO
import Registry

/// Finds, judges and connects to whom a decision allows: one look-up, every answer judged, and only judged addresses dialled.
package struct EgressDialer: Sendable {
    private let resolver: Resolver
    private let tls: TLSClientContext

    package init(resolver: Resolver, tls: TLSClientContext) {
        self.resolver = resolver
        self.tls = tls
    }

    /// The decision with the addresses that may be dialled, or with the rule that refused them.
    package func judged(_ decision: EgressDecision, by policy: EgressPolicy, until deadline: Deadline) async throws(EgressFailure) -> EgressDecision {
        guard decision.needsAddresses, let target = decision.target, case .name(let name) = target.host else { return decision }
        let found: [SocketAddress]
        do throws(ResolverError) {
            found = try await resolver.addresses(of: name, port: UInt16(target.port), until: deadline)
        } catch {
            throw EgressDialer.failure(error)
        }
        return policy.judge(found.compactMap { IPAddress($0.bytes) }, for: decision)
    }

    private static func failure(_ error: ResolverError) -> EgressFailure {
        switch error {
        case .malformed, .notFound: EgressFailure(.resolve, "the host has no address")
        case .unavailable: EgressFailure(.resolve, "the name service did not answer")
        case .gaveUp(.timedOut): EgressFailure(.timeout, "the name service took too long")
        case .gaveUp(.cancelled): EgressFailure(.resolve, "cancelled")
        case .gaveUp(.overloaded): EgressFailure(.resolve, "too many names are being looked up")
        case .gaveUp: EgressFailure(.resolve, "the name service has stopped")
        }
    }

    /// A connection to one of the decision's addresses, with TLS for https; from a loop's task.
    /// - Parameter scope: TLS sessions are taken up again within one scope alone.
    package func connect(_ decision: EgressDecision, scope: String, until deadline: Deadline) async throws(EgressFailure) -> EgressSocket {
        guard let target = decision.target, !decision.addresses.isEmpty else { throw EgressFailure(.connect, "nothing may be dialled") }
        let addresses = decision.addresses.map { $0.socketAddress(port: UInt16(target.port)) }
        let stream = try await EgressRace.connect(EgressRace.order(addresses), until: deadline)
        guard target.url?.scheme == .https else { return EgressSocket(stream: stream) }
        do throws(IOError) {
            let session = try await tls.connect(
                stream.registration, host: target.host.certificateName, port: UInt16(target.port), scope: scope, until: deadline)
            return EgressSocket(stream: SocketStream(stream.registration, tls: session))
        } catch {
            stream.close()
            switch error.code {
            case .timedOut: throw EgressFailure(.timeout, "TLS took too long")
            case .tls(let failure): throw EgressFailure(.tls, failure.reason)
            default: throw EgressFailure(.tls, "the server ended the connection")
            }
        }
    }
}

/// A connected socket on its way to whoever speaks over it.
package struct EgressSocket: Sendable {
    package let stream: SocketStream
}

extension IPAddress {
    /// An address in the kernel's words: 4 or 16 bytes; nil for another number of them.
    init?(_ bytes: [UInt8]) {
        switch bytes.count {
        case 4: self = .v4(bytes.reduce(0) { $0 << 8 | UInt32($1) })
        case 16: self = .v6(bytes.reduce(0) { $0 << 8 | UInt128($1) })
        default: return nil
        }
    }

    /// The address with a port, to be dialled.
    func socketAddress(port: UInt16) -> SocketAddress {
        switch self {
        case .v4(let value): SocketAddress(bytes: (0..<4).map { UInt8(truncatingIfNeeded: value >> UInt32(24 - 8 * $0)) }, port: port)
        case .v6(let value): SocketAddress(bytes: (0..<16).map { UInt8(truncatingIfNeeded: value >> UInt128(120 - 8 * $0)) }, port: port)
        }
    }
}

extension EgressHost {
    /// What the server's certificate must be for.
    var certificateName: String {
        switch self {
        case .name(let name): name
        case .address(let address): "\(address)"
        }
    }
}
