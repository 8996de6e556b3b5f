import EgressCases
import JSON
import Registry

/// One egress case as a jailed plugin is told of it.
struct EgressQuestion: Sendable {
    /// The plugin that asks; each has a grant of its own.
    enum Plugin: String, Sendable, CaseIterable {
        case requests, addresses, upstreams, certificates, names, tunnels
    }

    let plugin: Plugin
    let name: String
    let expected: String
    /// What the plugin does, and with which bytes.
    let attack: String
    let bytes: [UInt8]
    /// No name may be asked for.
    var isSilent = false

    /// All cases, in the order of their tables.
    static func all(_ way: EgressWay) -> [EgressQuestion] {
        let (pages, raw) = (way.pages.port, way.raw.port)
        let requests = (EgressCases.policy + EgressCases.redirects).map { item in
            var asked = fetch(.requests, item.name, item.expected, item.url.replacing("PORT", with: "\(pages)"), item)
            asked.isSilent = item.isSilent
            return asked
        }
        let addresses = EgressCases.addresses.enumerated().map { index, item in
            fetch(.addresses, "resolves: \(item.name)", "refused address_not_public", "http://\(EgressWay.address(index)):\(pages)/")
        }
        let upstreams = EgressCases.upstreams.enumerated().map { index, item in
            fetch(
                .upstreams, "upstream: \(item.name)", item.expected, "http://api.test:\(raw)/raw/\(index)",
                patience: item.expected == "failed time-out" ? 400 : nil)
        }
        let certificates = EgressCases.certificates.enumerated().map { index, item in
            fetch(.certificates, "TLS: \(item.name)", item.expected, "https://api.test:\(way.secure[index].port)/")
        }
        let names = EgressCases.names.enumerated().map { index, item in
            fetch(.names, "DNS: \(item.name)", item.expected, "http://\(EgressWay.name(index)):\(pages)/")
        }
        let tunnels = EgressCases.tunnels.map { item in
            EgressQuestion(
                plugin: .tunnels, name: item.name, expected: item.expected, attack: "tunnel",
                bytes: Array(item.request.replacing("PORT", with: "\(pages)").utf8))
        }
        return requests + addresses + upstreams + certificates + names + tunnels
    }

    private static func fetch(
        _ plugin: Plugin, _ name: String, _ expected: String, _ url: String, _ item: EgressCase? = nil, patience: Int? = nil
    ) -> EgressQuestion {
        var object: JSONObject = ["url": .string(url)]
        if let item {
            object["method"] = .string(item.method)
            if item.follows { object["follow_redirects"] = true }
            var headers = JSONObject()
            for (name, value) in item.fields { headers[name] = .string(value) }
            object["headers"] = .object(headers)
        }
        if let patience { object["timeout_ms"] = JSONValue(patience) }
        return EgressQuestion(plugin: plugin, name: name, expected: expected, attack: "fetch", bytes: JSONValue.object(object).serialized())
    }

    /// What a plugin is granted.
    static func grant(_ plugin: Plugin, _ way: EgressWay) -> EgressGrant {
        let (pages, raw) = (way.pages.port, way.raw.port)
        var grant = EgressGrant()
        (grant.ratePerMinute, grant.requestsMax) = (60_000, 1_000)
        grant.allow =
            switch plugin {
            case .requests: EgressCases.rules(EgressCases.hosts.granted, port: pages)
            case .addresses: EgressCases.rules(EgressCases.addresses.indices.map { EgressWay.address($0) }, port: pages)
            case .upstreams: EgressCases.rules(["api.test"], port: raw)
            case .certificates: [EgressRule(host: "api.test", ports: way.secure.map(\.port))]
            case .names: EgressCases.rules(EgressCases.names.indices.map { EgressWay.name($0) }, port: pages)
            case .tunnels: EgressCases.tunnelRules(port: pages)
            }
        return grant
    }

    /// What became of it, in the words of a case.
    func outcome(_ saw: JSONValue) -> String {
        let (status, message) = (saw["status"]?.stringValue ?? "nothing", saw["message"]?.stringValue ?? "")
        if attack == "tunnel" || status != "0" { return status }
        let word = message.prefix { $0 != ":" }
        switch saw["code"]?.stringValue {
        case "forbidden": return "refused \(word)"
        case "cancelled": return "cancelled"
        default: return "failed \(word)"
        }
    }
}
