/// How far an allowed request had come when it failed.
package enum EgressPhase: String, Sendable, Hashable, CaseIterable {
    case resolve, connect, tls, request, headers, body, size
    case timeout = "time-out"
}

/// Why an allowed request brought no whole reply. Its text says the phase and nothing of addresses inside.
package struct EgressFailure: Error, Sendable, Hashable, CustomStringConvertible {
    package let phase: EgressPhase
    /// What happened, fit for the plugin.
    package let reason: String

    package init(_ phase: EgressPhase, _ reason: String) {
        self.phase = phase
        self.reason = reason
    }

    /// The code that the plugin gets (limen_plugin.h, `limen_fetch_reply`).
    package var code: String {
        switch phase {
        case .timeout: "timed_out"
        case .size: "too_large"
        default: "unreachable"
        }
    }

    package var description: String { "\(phase.rawValue): \(reason)" }
}
