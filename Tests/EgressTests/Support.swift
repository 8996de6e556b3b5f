import Egress
import Registry

/// The rule that refuses a URL; nil when it is read.
func refusal(of text: String) -> EgressRefusal? {
    do throws(EgressRefusal) {
        _ = try EgressURL(text)
        return nil
    } catch {
        return error
    }
}

func grant(_ rules: EgressRule...) -> EgressGrant {
    var grant = EgressGrant()
    grant.allow = rules
    return grant
}

/// The allowlist of the table of cases.
func samplePolicy(_ networks: PrivateNetworks = PrivateNetworks()) throws -> EgressPolicy {
    try EgressPolicy(
        grant(
            EgressRule(host: "api.example.com", ports: [443, 8443], methods: ["GET", "POST"], paths: ["/v1/*", "/status"]),
            EgressRule(host: "*.example.org"),
            EgressRule(scheme: .http, host: "plain.example.net", methods: ["GET"]),
            EgressRule(host: "mail.example.net", ports: [993], isSocket: true),
            EgressRule(host: "8.8.8.8"),
            EgressRule(host: "10.1.2.3"), EgressRule(host: "127.0.0.1"), EgressRule(host: "169.254.169.254"),
            EgressRule(host: "metadata.google.internal"), EgressRule(host: "hidden.onion"), EgressRule(host: "xn--mnchen-3ya.example"),
            EgressRule(host: "api.example.com", methods: ["DELETE"], paths: ["/v1/trash/*"])),
        privateNetworks: networks)
}

func address(_ text: String) throws -> IPAddress {
    guard let address = IPAddress(text) else { throw NotAnAddress(text: text) }
    return address
}

struct NotAnAddress: Error { let text: String }
