import Egress
import EgressCases
import IO
import Registry
import Telemetry
import TestKit

/// What the egress cases meet: a name server, servers good and bad, an authority, and the proxy that leads there.
final class EgressWay: Sendable {
    let pages: CasePages
    let raw: RawUpstream
    let secure: [TLSCaseServer]
    let names: CaseNameServer
    let proxy: EgressProxy
    let dialer: SystemDialer
    let privateNetworks: PrivateNetworks
    private let resolver: Resolver
    private let authorities: [TestAuthority]

    init(on group: EventLoopGroup) throws {
        pages = try CasePages(on: group)
        var scripts: [String: RawUpstream.Script] = [:]
        for (index, item) in EgressCases.upstreams.enumerated() { scripts["/raw/\(index)"] = item.script }
        raw = try RawUpstream(scripts)
        let ((own, revocations), stranger) = (try TLSCaseServer.authority(), try TestAuthority(name: "stranger"))
        authorities = [own, stranger]
        secure = try EgressCases.certificates.map { try TLSCaseServer(case: $0.name, own: own, stranger: stranger) }
        names = try CaseNameServer(Self.zone)
        resolver = try Resolver(on: group.loops[0], service: NameService(server: names.address))
        let tls = try TLSClientContext(authorities: own.root, revocations: revocations)
        proxy = EgressProxy(dialer: EgressDialer(resolver: resolver, tls: tls), log: Log())
        dialer = SystemDialer(resolver)
        var networks = PrivateNetworks()
        for host in EgressCases.hosts.opened + ["allowed.test"] { try networks.open(["127.0.0.0/8"], for: host) }
        for (index, item) in EgressCases.names.enumerated() where item.expected == "200" {
            try networks.open(["127.0.0.0/8"], for: Self.name(index))
        }
        privateNetworks = networks
    }

    /// The host of a case of `names`, and of one of `addresses`.
    static func name(_ index: Int) -> String { "n\(index).test" }
    static func address(_ index: Int) -> String { "a\(index).test" }

    private static var zone: [String: [CaseNameServer.Answer]] {
        var zone: [String: [CaseNameServer.Answer]] = [:]
        for name in EgressCases.hosts.opened + ["inside.test", "allowed.test"] { zone[name] = [.init(addresses: ["127.0.0.1"])] }
        zone["mixed.test"] = [.init(addresses: ["10.0.0.1", "169.254.169.254"])]
        for (index, item) in EgressCases.addresses.enumerated() { zone[address(index)] = [.init(addresses: [item.address])] }
        for (index, item) in EgressCases.names.enumerated() where !item.zone.isEmpty { zone[name(index)] = item.zone }
        return zone
    }

    func stop() async {
        proxy.close()
        for server in secure { server.stop() }
        await pages.stop()
        names.stop()
        resolver.close()
    }
}
