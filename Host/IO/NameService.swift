import CLinux
import Glibc

/// The system's name service: the hosts file, then DNS, as nsswitch.conf says. Blocks, so only a pool's thread asks it.
package struct NameService: Sendable {
    /// A DNS server (IPv4) to ask instead of resolv.conf's.
    private let server: SocketAddress?

    package init(server: SocketAddress? = nil) { self.server = server?.bytes.count == 4 ? server : nil }

    /// The addresses of a name in the system's order, both families. The name is asked as it is: no domain of resolv.conf's search list is put behind it.
    func addresses(of name: String) -> Result<[[UInt8]], ResolverError> {
        var place: UInt32 = 0
        if let server { withUnsafeMutableBytes(of: &place) { $0.copyBytes(from: server.bytes) } }
        guard clinux_resolver_prepare(place, server?.port ?? 0) == 0 else { return .failure(.unavailable) }
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var first: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(name, nil, &hints, &first)
        defer { if let first { freeaddrinfo(first) } }
        guard code == 0 else { return .failure(code == EAI_NONAME || code == EAI_NODATA ? .notFound : .unavailable) }
        var found: [[UInt8]] = []
        var entry = first
        while let here = entry {
            if let bytes = Self.bytes(here.pointee), !found.contains(bytes) { found.append(bytes) }
            entry = here.pointee.ai_next
        }
        return found.isEmpty ? .failure(.notFound) : .success(Array(found.prefix(IOLimits.addressesPerNameMax)))
    }

    /// What glibc calls EAI_NODATA, which the header shows to GNU programs only.
    private let EAI_NODATA: Int32 = -5

    private static func bytes(_ info: addrinfo) -> [UInt8]? {
        guard let address = UnsafeRawPointer(info.ai_addr) else { return nil }
        switch info.ai_family {
        case AF_INET: return withUnsafeBytes(of: address.loadUnaligned(as: sockaddr_in.self).sin_addr) { Array($0) }
        case AF_INET6: return withUnsafeBytes(of: address.loadUnaligned(as: sockaddr_in6.self).sin6_addr) { Array($0) }
        default: return nil
        }
    }
}
