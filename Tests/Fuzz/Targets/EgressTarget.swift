internal import Egress
internal import Registry

/// Any text as a URL: what is read is written as itself, reads the same again, and holds nothing that another parser could trip over.
func checkURL(_ bytes: [UInt8]) {
    let text = String(decoding: bytes, as: UTF8.self)
    do throws(EgressRefusal) {
        let url = try EgressURL(text)
        precondition(text.utf8.allSatisfy { (0x21...0x7e).contains($0) }, "a character that no URL has was read")
        precondition(!text.contains("@") || text.utf8.dropFirst(8).contains(UInt8(ascii: "/")) || text.contains("?"), "userinfo was read")
        let again = try EgressURL(url.description)
        precondition(again == url && again.description == url.description, "the URL means something else when it is written out")
        precondition(url.path.hasPrefix("/") && !url.path.hasPrefix("//"), "a path that can be taken for a host")
        precondition(url.path.split(separator: "/").allSatisfy { $0 != "." && $0 != ".." }, "a dot segment was read")
    } catch {
        precondition(!error.explanation.isEmpty, "a refusal without a reason")
    }
    if let address = IPAddress(text) {
        precondition(IPAddress(address.description) == address, "the address means something else when it is written out")
    }
    if let network = IPNetwork(text) { precondition(network.contains(network.address), "a network without its first address") }
}

/// Host pattern, path pattern, URL, method, CONNECT target and Location, with zero bytes between: what is compiled allows nothing outside the list.
func checkEgress(_ bytes: [UInt8]) {
    let parts = texts(bytes, count: 6) + [String](repeating: "", count: 6)
    var grant = EgressGrant()
    grant.allow = [
        EgressRule(host: parts[0], ports: [443, 8443], paths: [parts[1]]), EgressRule(scheme: .http, host: parts[0], paths: ["/*"], isSocket: true),
    ]
    let policy: EgressPolicy
    do throws(EgressPolicyError) { policy = try EgressPolicy(grant) } catch {
        precondition(error.pointer.hasPrefix("/egress/allow") && !error.reason.isEmpty, "a refusal without place and reason")
        return
    }
    let decision = policy.decide(fetch: parts[2], method: parts[3])
    checkListed(decision, parts[0])
    checkListed(policy.decide(connect: parts[4]), parts[0])
    guard let url = decision.target?.url else { return }
    var redirects = EgressRedirects(url: url, method: parts[3], isAsked: true)
    for _ in 0..<8 {
        guard case .follow(let hop) = redirects.take(status: 307, locations: [parts[5]], policy: policy) else { break }
        checkListed(hop.decision, parts[0])
    }
    precondition(redirects.count <= Limits.redirectsMax, "too many redirects were followed")
}

private func checkListed(_ decision: EgressDecision, _ pattern: String) {
    precondition(decision.isAllowed == (decision.target != nil), "a decision without target or rule")
    guard let target = decision.target else { return }
    let host = target.host.description
    let isInside = pattern.hasPrefix("*.") ? host.hasSuffix(pattern.dropFirst()) && host.utf8.count >= pattern.utf8.count : host == pattern
    precondition(isInside, "\(host) is outside \(pattern)")
    precondition([80, 443, 8443].contains(target.port), "a port outside the list")
}
