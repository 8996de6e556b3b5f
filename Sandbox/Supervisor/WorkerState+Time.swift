extension WorkerState {
    /// Applies the limits of time.
    package mutating func tick(at now: Moment) -> TickAction {
        switch phase {
        case .spawning(let until), .jailing(let until):
            return now >= until ? killed(.jail("it was not ready in time"), at: now) : .none
        case .loading(let until): return now >= until ? killed(.load("the load deadline passed"), at: now) : .none
        case .busy(let call): return now >= call.deadline && cancel(.deadline, at: now) ? .sendCancel : .none
        case .cancelling(_, _, let until, let cause):
            return now >= until ? killed(cause == .deadline ? .deadline : .cancelled, at: now) : .none
        case .draining(let until, let reason): return now >= until ? killed(reason, at: now) : .none
        case .killing(let reason, let repeatAt): return now >= repeatAt ? again(reason, at: now) : .none
        case .idle, .dead: return .none
        }
    }

    /// When `tick` has something to do next, or nil.
    package var nextTick: Moment? {
        switch phase {
        case .spawning(let until), .jailing(let until), .loading(let until), .draining(let until, _): until
        case .busy(let call): call.deadline
        case .cancelling(_, _, let until, _): until
        case .killing(_, let repeatAt): repeatAt
        case .idle, .dead: nil
        }
    }

    private mutating func killed(_ reason: KillReason, at now: Moment) -> TickAction {
        kill(reason, at: now) ? .kill(reason) : .none
    }

    private mutating func again(_ reason: KillReason, at now: Moment) -> TickAction {
        repeatKill(reason, at: now)
        return .kill(reason)
    }
}

extension WorkerState {
    /// The phase in one word, for the sandbox view and metrics.
    package var name: String {
        switch phase {
        case .spawning: "spawning"
        case .jailing: "jailing"
        case .loading: "loading"
        case .idle: "ready"
        case .busy: "busy"
        case .cancelling: "cancelling"
        case .draining: "draining"
        case .killing: "killing"
        case .dead: "dead"
        }
    }

    /// Whether a call may be put on it.
    package var isIdle: Bool { if case .idle = phase { true } else { false } }

    /// Whether the plugin was ever loaded.
    package var isLoadPhase: Bool {
        switch phase {
        case .spawning, .jailing, .loading: true
        default: false
        }
    }
}
