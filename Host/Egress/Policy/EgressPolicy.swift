package import Registry

/// A rule of a manifest that cannot be compiled; the plugin then has no network at all.
package struct EgressPolicyError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The member of the manifest, as a JSON Pointer.
    package let pointer: String
    package let reason: String
    package var description: String { "\(pointer) \(reason)" }
}

/// A plugin's allowlist, compiled once: decides by the URL alone, before any DNS query, and then on the addresses. What no rule allows is refused.
package struct EgressPolicy: Sendable {
    let rules: [EgressRule]
    /// Places of rules by exact host.
    private let exact: [EgressHost: [Int]]
    /// Places of rules by the domain behind `*.`.
    private let below: [String: [Int]]
    let privateNetworks: PrivateNetworks

    /// Compiles what a manifest grants and what the operator opened.
    ///
    /// Every host and path has to be one that a URL can have; a rule that could never match, or matches more than it seems to, is an error.
    package init(_ grant: EgressGrant, privateNetworks: PrivateNetworks = PrivateNetworks()) throws(EgressPolicyError) {
        guard grant.allow.count <= Limits.rulesMax else {
            throw EgressPolicyError(pointer: "/egress/allow", reason: "has more than \(Limits.rulesMax) rules")
        }
        var exact: [EgressHost: [Int]] = [:]
        var below: [String: [Int]] = [:]
        for (index, rule) in grant.allow.enumerated() {
            switch try Self.pattern(rule, "/egress/allow/\(index)") {
            case .exactly(let host): exact[host, default: []].append(index)
            case .below(let domain): below[domain, default: []].append(index)
            }
        }
        (rules, self.exact, self.below, self.privateNetworks) = (grant.allow, exact, below, privateNetworks)
    }

    /// Places of the rules for a host, in the manifest's order.
    func candidates(_ host: EgressHost) -> [Int] {
        var found = exact[host] ?? []
        guard case .name(let name) = host, !below.isEmpty else { return found }
        // Only what stands behind a dot: `*.example.com` is neither `example.com` nor `evilexample.com`.
        var rest = name[...]
        while let dot = rest.firstIndex(of: ".") {
            rest = rest[rest.index(after: dot)...]
            found += below[String(rest)] ?? []
        }
        return found.sorted()
    }

    private static func pattern(_ rule: EgressRule, _ pointer: String) throws(EgressPolicyError) -> HostPattern {
        func problem(_ member: String, _ reason: String) -> EgressPolicyError { EgressPolicyError(pointer: pointer + member, reason: reason) }
        if rule.isOpen { throw problem("/host", "names no host: what a plugin leaves open is for the operator to name") }
        let pattern: HostPattern
        do throws(HostPattern.Problem) { pattern = try HostPattern(rule.host) } catch { throw problem("/host", error.reason) }
        for port in rule.ports where !(1...65535).contains(port) { throw problem("/ports", "\(port) is not within 1 and 65535") }
        for (index, path) in rule.paths.enumerated() { try check(path, pointer: "\(pointer)/paths/\(index)") }
        for (index, method) in rule.methods.enumerated() where !EgressMethods.all.contains(method) {
            throw problem("/methods/\(index)", "\(method) is none that a fetch can have")
        }
        return pattern
    }

    /// A path pattern has to be the beginning of a path that the URL parser lets through.
    private static func check(_ pattern: String, pointer: String) throws(EgressPolicyError) {
        let path = pattern.hasSuffix("*") ? String(pattern.dropLast()) : pattern
        guard path.hasPrefix("/") else { throw EgressPolicyError(pointer: pointer, reason: "does not begin with a slash") }
        do throws(EgressRefusal) { try EgressURL.check(path: Array(path.utf8)[...]) } catch {
            throw EgressPolicyError(pointer: pointer, reason: "matches no URL: \(error)")
        }
    }
}

/// The methods that a plugin's request may have; the manifest schema lists the same.
enum EgressMethods {
    static let all: Set<String> = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
}
