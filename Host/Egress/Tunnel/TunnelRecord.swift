/// What the log and the metrics hear of one request to a proxy; never an address, and of a target only what the policy could read.
package struct TunnelRecord: Sendable, Hashable {
    /// What became of the request.
    package enum Outcome: Sendable, Hashable {
        /// A tunnel, which has ended.
        case tunnelled(TunnelEnd)
        case refused(EgressRefusal)
        /// No request that a proxy answers; the status it was told.
        case malformed(status: Int)
        /// The server could not be found or reached.
        case failed(TunnelFailure)
        /// The plugin has as many tunnels as it may, or opens them too fast.
        case turnedAway(TunnelBudget.Shortage)
    }

    package var outcome: Outcome
    /// The worker's number.
    package var worker: UInt64
    /// The call that the worker had in hand when the request came; nil between calls.
    package var requestID: String?
    /// That call's tenant; empty between calls.
    package var tenant = ""
    /// Host and port as the policy read them; empty for what it could not read.
    package var target = ""
    /// The rule of the manifest that allowed it, or nil.
    package var rule: Int?
    package var bytesUp = 0
    package var bytesDown = 0
    package var milliseconds = 0
    /// How many requests this record is about; more than one only for those that were turned away.
    package var count = 1

    package init(_ outcome: Outcome, worker: UInt64) {
        self.outcome = outcome
        self.worker = worker
    }
}

/// Why an allowed tunnel was not opened; its text names no address.
package enum TunnelFailure: String, Error, Sendable, Hashable {
    case resolve
    case connect
    case timeOut = "time-out"
}

extension TunnelRecord.Outcome {
    /// One word for metrics: `allowed`, `refused`, `malformed`, `failed` or `turned_away`.
    package var name: String {
        switch self {
        case .tunnelled: "allowed"
        case .refused: "refused"
        case .malformed: "malformed"
        case .failed: "failed"
        case .turnedAway: "turned_away"
        }
    }

    /// Why, in a word.
    package var reason: String {
        switch self {
        case .tunnelled(let end): end.rawValue
        case .refused(let rule): rule.rawValue
        case .malformed(let status): "status_\(status)"
        case .failed(let failure): failure.rawValue
        case .turnedAway(.tooMany): "too_many"
        case .turnedAway(.tooFast): "too_fast"
        }
    }
}
