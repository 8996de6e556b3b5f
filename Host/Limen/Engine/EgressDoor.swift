import Config
import Egress
import IO
import Registry

/// The way out for plugins, as the configuration wants it.
struct EgressDoor: Sendable {
    let proxy: EgressProxy
    let resolver: Resolver
    let privateNetworks: PrivateNetworks
    /// Whom connections of ours trust.
    let tls: TLSClientContext

    /// - Throws: `CommandError` naming the setting that cannot be used.
    init(_ settings: Configuration.Egress, _ engine: Engine) throws {
        var networks = PrivateNetworks()
        for (index, text) in settings.privateNetworks.enumerated() {
            let setting = "egress.private_networks/\(index)"
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { throw CommandError("\(setting): \"\(text)\" is not HOST=NETWORK, such as db.corp.example=10.1.2.0/24") }
            do throws(PrivateNetworks.Problem) {
                try networks.open([String(parts[1])], for: String(parts[0]))
            } catch {
                throw CommandError("\(setting): \(error)")
            }
        }
        privateNetworks = networks
        do throws(TLSError) {
            tls = try TLSClientContext(authorities: settings.authorities)
        } catch {
            throw CommandError("egress.ca_file: \(error)")
        }
        let resolver = try Resolver(on: engine.loop)
        let proxy = EgressProxy(dialer: EgressDialer(resolver: resolver, tls: tls), log: engine.log)
        engine.atEnd {
            proxy.close()
            resolver.close()
        }
        self.proxy = proxy
        self.resolver = resolver
    }

    /// What is wrong with a grant's network; a manifest that has any is not taken into service.
    static func problems(_ manifest: Manifest) -> [(pointer: String, reason: String)] {
        do throws(EgressPolicyError) {
            _ = try EgressPolicy(manifest.egress)
            return []
        } catch {
            return [(error.pointer, error.reason)]
        }
    }
}
