/// What the operator opens besides the public Internet: exact networks for exact hosts. A plugin cannot ask for them.
package struct PrivateNetworks: Sendable, Hashable {
    /// Why an exception was not taken.
    package struct Problem: Error, Sendable, Hashable, CustomStringConvertible {
        package let description: String
    }

    private var byHost: [EgressHost: [IPNetwork]] = [:]

    /// None.
    package init() {}

    /// Opens networks for one host, written as in a URL.
    ///
    /// Each network lies wholly in one block that can be opened at all, so that `0.0.0.0/0` opens nothing; one that carries IPv4 addresses has at
    /// least 96 bits, and what it carries is judged as well.
    package mutating func open(_ networks: [String], for host: String) throws(Problem) {
        let key: EgressHost
        do throws(EgressRefusal) { key = try EgressHost(host) } catch { throw Problem(description: "\"\(host)\" is no host: \(error)") }
        var opened = byHost[key] ?? []
        for text in networks {
            guard let network = IPNetwork(text) else {
                throw Problem(description: "\"\(text)\" is no network; write the first address and the prefix, such as 10.1.2.0/24")
            }
            try Self.check(network)
            opened.append(network)
        }
        guard opened.count <= Limits.privateNetworksMax else {
            throw Problem(description: "\(host) has more than \(Limits.privateNetworksMax) networks")
        }
        guard byHost.count < Limits.privateHostsMax || byHost[key] != nil else {
            throw Problem(description: "there are more than \(Limits.privateHostsMax) hosts with networks of their own")
        }
        byHost[key] = opened
    }

    private static func check(_ network: IPNetwork) throws(Problem) {
        let table = network.address.width == 32 ? SpecialBlock.ipv4 : SpecialBlock.ipv6
        guard let block = table.filter({ $0.network.contains(network) }).max(by: { $0.network.prefix < $1.network.prefix }), block.canBeOpened else {
            throw Problem(
                description: "\(network) is not within one network that can be opened (private, shared, link-local, loopback, benchmarking, NAT64)")
        }
        guard block.kind != .embedding || network.prefix >= 96 else {
            throw Problem(description: "\(network) carries IPv4 addresses; name a prefix of 96 bits or more")
        }
        guard !SpecialBlock.metadata.contains(where: { $0.network == network }) else {
            throw Problem(description: "\(network) is a cloud's metadata service, which cannot be opened")
        }
    }

    /// Whether an address that is not public may be dialled for the host.
    func opens(_ address: IPAddress, _ found: AddressClass, for host: EgressHost) -> Bool {
        guard let block = found.block, block.canBeOpened, let networks = byHost[host], networks.contains(where: { $0.contains(address) })
        else { return false }
        guard let carried = found.embedded else { return true }
        let inner = AddressClass(carried)
        return inner.isPublic || (inner.block?.canBeOpened == true && networks.contains { $0.contains(carried) })
    }
}
