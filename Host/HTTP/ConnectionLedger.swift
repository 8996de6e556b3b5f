import IO

/// Counts open connections in all and by address; IPv6 clients count by their /64.
struct ConnectionLedger: Sendable {
    /// Why a connection is refused.
    enum Refusal: Sendable { case tooMany, tooManyOfAddress }

    let max: Int
    let perAddressMax: Int
    private(set) var count = 0
    private var byAddress: [[UInt8]: Int] = [:]

    init(max: Int, perAddressMax: Int) {
        self.max = max
        self.perAddressMax = perAddressMax
    }

    /// Addresses that have a connection now.
    var addressCount: Int { byAddress.count }

    static func key(_ address: SocketAddress?) -> [UInt8] { ClientAddress.key(address) }

    /// Counts a connection, or says why not.
    mutating func open(_ key: [UInt8]) -> Refusal? {
        if count >= max { return .tooMany }
        if byAddress[key, default: 0] >= perAddressMax { return .tooManyOfAddress }
        count += 1
        byAddress[key, default: 0] += 1
        return nil
    }

    mutating func close(_ key: [UInt8]) {
        count -= 1
        let left = (byAddress[key] ?? 1) - 1
        byAddress[key] = left == 0 ? nil : left
    }
}
