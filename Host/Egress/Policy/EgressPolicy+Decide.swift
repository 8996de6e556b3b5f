internal import Registry

extension EgressPolicy {
    /// Decides on a `fetch`, from the text that the plugin sent.
    package func decide(fetch text: String, method: String) -> EgressDecision {
        let url: EgressURL
        do throws(EgressRefusal) { url = try EgressURL(text) } catch { return Self.refused("url", error) }
        return decide(url, method: method)
    }

    /// Decides on a `fetch`, the next hop of a redirect included.
    package func decide(_ url: EgressURL, method: String) -> EgressDecision {
        var trail = Trail(self, url.host)
        trail.steps.append(EgressStep("url", "\(url.scheme.rawValue), \(url.host.shown), port \(url.port)", isPassed: true))
        guard EgressMethods.all.contains(method) else { return trail.refused("method", .methodUnknown) }
        if let refusal = trail.findHost() { return refusal }
        if let refusal = trail.narrow("scheme", url.scheme.rawValue, .schemeNotAllowed, { $0.scheme == url.scheme }) { return refusal }
        if let refusal = trail.narrow("port", "\(url.port)", .portNotAllowed, { $0.ports.contains(url.port) }) { return refusal }
        // What may be tunnelled may be fetched: the tunnel would carry any method and path.
        if let refusal = trail.narrow("method", method, .methodNotAllowed, { $0.isSocket || $0.methods.contains(method) }) { return refusal }
        if let refusal = trail.narrow("path", nil, .pathNotAllowed, { $0.isSocket || Self.matches($0.paths, url.path) }) { return refusal }
        return trail.allowed(url: url, port: url.port)
    }

    /// Decides on a CONNECT, from its request target.
    package func decide(connect text: String) -> EgressDecision {
        let authority: EgressAuthority
        do throws(EgressRefusal) { authority = try EgressAuthority(connect: text) } catch { return Self.refused("url", error) }
        guard let port = authority.port else { return Self.refused("url", .portMissing) }
        var trail = Trail(self, authority.host)
        trail.steps.append(EgressStep("url", "CONNECT, \(authority.host.shown), port \(port)", isPassed: true))
        if let refusal = trail.findHost() { return refusal }
        if let refusal = trail.narrow("tunnel", "socket: true", .tunnelNotAllowed, { $0.isSocket }) { return refusal }
        if let refusal = trail.narrow("port", "\(port)", .portNotAllowed, { $0.ports.contains(port) }) { return refusal }
        return trail.allowed(url: nil, port: port)
    }

    /// Takes a resolver's answers into an allowed decision; nothing but `addresses` of the result may be dialled.
    package func judge(_ answers: [IPAddress], for decision: EgressDecision) -> EgressDecision {
        guard decision.needsAddresses, let target = decision.target else { return decision }
        var judged = decision
        judged.take(AddressJudgement(answers, host: target.host, privateNetworks: privateNetworks))
        return judged
    }

    private static func refused(_ step: String, _ rule: EgressRefusal) -> EgressDecision {
        EgressDecision(steps: [EgressStep(step, rule.description, isPassed: false)], refusal: rule)
    }

    /// Exact paths, or prefixes that end in `*`.
    private static func matches(_ patterns: [String], _ path: String) -> Bool {
        patterns.contains { pattern in
            pattern.utf8.last == UInt8(ascii: "*") ? path.utf8.starts(with: pattern.utf8.dropLast()) : path.utf8.elementsEqual(pattern.utf8)
        }
    }
}

/// A decision being made: the rules that are left, and the steps taken.
private struct Trail {
    let policy: EgressPolicy
    let host: EgressHost
    var steps: [EgressStep] = []
    private var left: [Int] = []

    init(_ policy: EgressPolicy, _ host: EgressHost) {
        self.policy = policy
        self.host = host
    }

    func refused(_ step: String, _ rule: EgressRefusal) -> EgressDecision {
        EgressDecision(steps: steps + [EgressStep(step, rule.description, isPassed: false)], refusal: rule)
    }

    /// Names that no rule can allow, then the rules for the host.
    mutating func findHost() -> EgressDecision? {
        guard !policy.rules.isEmpty else { return refused("host", .noNetwork) }
        if case .name(let name) = host {
            if ForbiddenNames.isMetadata(name) { return refused("name", .metadataName) }
            if ForbiddenNames.isSpecialUse(name) { return refused("name", .specialUseName) }
        }
        left = policy.candidates(host)
        guard !left.isEmpty else { return refused("host", .hostNotAllowed) }
        steps.append(EgressStep("host", "\(host.shown): \(places)", isPassed: true))
        return nil
    }

    /// Keeps the rules that pass; the refusal when none does.
    mutating func narrow(_ name: String, _ value: String?, _ rule: EgressRefusal, _ passes: (EgressRule) -> Bool) -> EgressDecision? {
        left = left.filter { passes(policy.rules[$0]) }
        guard !left.isEmpty else { return refused(name, rule) }
        steps.append(EgressStep(name, (value.map { "\($0): " } ?? "") + places, isPassed: true))
        return nil
    }

    private var places: String { left.map { "/egress/allow/\($0)" }.joined(separator: ", ") }

    /// An address that was written as one is judged at once: there is nothing to look up.
    func allowed(url: EgressURL?, port: Int) -> EgressDecision {
        let decision = EgressDecision(steps: steps, target: EgressTarget(host: host, port: port, url: url, rule: left[0]))
        guard case .address(let address) = host else { return decision }
        return policy.judge([address], for: decision)
    }
}
