/// One step of a decision, for `limen egress test` and the log.
package struct EgressStep: Sendable, Hashable {
    /// What was looked at: url, name, host, scheme, port, method, path, tunnel, address.
    package let name: String
    /// What was found; never an internal address.
    package let detail: String
    /// Whether the request went on from here.
    package let isPassed: Bool

    init(_ name: String, _ detail: String, isPassed: Bool) {
        self.name = name
        self.detail = detail
        self.isPassed = isPassed
    }
}

/// Whom an allowed request goes to.
package struct EgressTarget: Sendable, Hashable {
    /// The host to look up (or the address to dial), to name in SNI and to hold against the certificate.
    package let host: EgressHost
    package let port: Int
    /// The URL; nil for a tunnel.
    package let url: EgressURL?
    /// The rule's place in `egress.allow`.
    package let rule: Int
}

/// The answer to one request, with the way to it.
package struct EgressDecision: Sendable, Hashable {
    /// Every step, the refusing one last.
    package private(set) var steps: [EgressStep]
    /// Whom it goes to; nil when refused.
    package private(set) var target: EgressTarget?
    /// The rule that refused; nil when allowed.
    package private(set) var refusal: EgressRefusal?
    /// The only addresses that may be dialled; empty until answers were judged.
    package private(set) var addresses: [IPAddress] = []

    /// Allowed so far.
    package var isAllowed: Bool { refusal == nil }
    /// Allowed, and still without an address: the host has to be looked up and the answers judged.
    package var needsAddresses: Bool { isAllowed && addresses.isEmpty }

    init(steps: [EgressStep], target: EgressTarget) {
        self.steps = steps
        self.target = target
    }

    init(steps: [EgressStep], refusal: EgressRefusal) {
        self.steps = steps
        self.refusal = refusal
    }

    /// Takes the resolver's answers into the decision.
    mutating func take(_ judgement: AddressJudgement) {
        guard isAllowed else { return }
        steps += judgement.steps
        addresses = judgement.usable
        if judgement.usable.isEmpty {
            if judgement.steps.isEmpty { steps.append(EgressStep("address", "no answer", isPassed: false)) }
            refuse(judgement.steps.isEmpty ? .addressMissing : .addressNotPublic)
        }
    }

    private mutating func refuse(_ rule: EgressRefusal) {
        refusal = rule
        target = nil
        addresses = []
    }
}
