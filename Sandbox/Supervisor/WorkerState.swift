package import WorkerProtocol

/// The life of one worker as the host sees it: which frames it may send now, and when it must die.
///
/// The owner performs what the methods answer: it sends frames, asks for kills, completes calls. Time is passed in. Everything that a worker sends after
/// `jailed` is a stranger's word: a frame that the phase does not allow ends the worker.
package struct WorkerState: Sendable {
    /// The call that a worker has; at most one.
    package struct Call: Sendable, Hashable {
        package let id: UInt64
        package let deadline: Moment
        fileprivate(set) var events = 0
        fileprivate(set) var eventBytes = 0
        fileprivate(set) var logsDropped = 0
        fileprivate(set) var requests = 0
    }

    /// Why a call is given up before its end.
    package enum CancelCause: Sendable, Hashable { case cancelled, deadline }

    package enum Phase: Sendable, Hashable {
        /// The spawner was asked. Next: jailing, killing, dead.
        case spawning(until: Moment)
        /// The process runs our code and builds its jail. Next: loading, killing, dead.
        case jailing(until: Moment)
        /// The plugin's constructors and entry function run. Next: idle, killing, dead.
        case loading(until: Moment)
        /// Loaded, without a call. Next: busy, draining, killing, dead.
        case idle
        /// One call in flight. Next: idle, cancelling, killing, dead.
        case busy(Call)
        /// The plugin was told to stop and has a grace. Next: idle, killing, dead.
        case cancelling(Call, since: Moment, until: Moment, CancelCause)
        /// Told to end by itself. Next: killing, dead.
        case draining(until: Moment, KillReason)
        /// The spawner was asked to kill it. Next: dead.
        case killing(KillReason, repeatAt: Moment)
        /// The process is gone. Last.
        case dead(KillReason)
    }

    /// What to do with a frame that was received.
    package enum Verdict: Sendable, Hashable {
        /// Check the posture and send `hello`.
        case jailed
        /// Check the description; the worker is idle.
        case ready
        /// The plugin refused to load and says why in its payload; kill it with that reason.
        case loadRefused
        case event, fetch, keyValue, log
        /// A reply that is read piece by piece: its beginning, a piece, its end.
        case fetchOpen, fetchRead, fetchClose
        /// A body that is written piece by piece: its beginning, a piece, its end.
        case fetchBegin, fetchWrite, fetchFinish
        /// The call is over, with a result.
        case result
        /// The call is over, with the plugin's error.
        case failure
        /// The cancelled call is over; nobody is told; the worker is idle.
        case endOfCancelled
        /// Not worth acting on.
        case ignore
        /// Ask the spawner to kill it; its call fails.
        case kill(KillReason)
    }

    /// What time demands.
    package enum TickAction: Sendable, Hashable {
        case none
        /// Tell the plugin that its call is over.
        case sendCancel
        /// Ask the spawner to kill it.
        case kill(KillReason)
    }

    package private(set) var phase: Phase
    private var lastCall: UInt64 = 0
    /// The call in flight when the process ended: its answer may still lie in the socket, since the spawner reports from another side.
    private var unheard: UInt64 = 0
    private var logs: RateMeter
    private var logsOutsideCalls = 0

    /// A worker that the spawner is being asked for.
    package init(at now: Moment) {
        phase = .spawning(until: now.adding(milliseconds: SupervisorLimits.jailMillisecondsMax))
        logs = RateMeter(perSecond: SupervisorLimits.logsPerSecondMax, burst: SupervisorLimits.logsBurst, at: now)
    }

    // MARK: What the host does

    /// The spawner has handed over the worker's socket.
    package mutating func spawned(at now: Moment) {
        guard case .spawning = phase else { return }
        phase = .jailing(until: now.adding(milliseconds: SupervisorLimits.jailMillisecondsMax))
    }

    /// Puts a call on an idle worker; false if it is not idle.
    package mutating func begin(_ id: UInt64, deadline: Moment) -> Bool {
        guard case .idle = phase else { return false }
        phase = .busy(Call(id: id, deadline: deadline))
        return true
    }

    /// Gives the call up. Answers whether a `cancel` frame must be sent now.
    package mutating func cancel(_ cause: CancelCause, at now: Moment) -> Bool {
        guard case .busy(let call) = phase else { return false }
        phase = .cancelling(call, since: now, until: now.adding(milliseconds: SupervisorLimits.cancelGraceMilliseconds), cause)
        return true
    }

    /// Asks an idle worker to end by itself. Answers whether a `drain` frame must be sent; otherwise it must be killed.
    package mutating func drain(_ reason: KillReason, at now: Moment) -> Bool {
        guard case .idle = phase else { return false }
        phase = .draining(until: now.adding(milliseconds: SupervisorLimits.drainMilliseconds), reason)
        return true
    }

    /// The worker must die. Answers whether the spawner must be asked: false if it was already, or the worker is dead.
    package mutating func kill(_ reason: KillReason, at now: Moment) -> Bool {
        switch phase {
        case .killing, .dead: return false
        default:
            phase = .killing(reason, repeatAt: now.adding(milliseconds: SupervisorLimits.killRepeatMilliseconds))
            return true
        }
    }

    /// Asks once more for a kill that was not reported done.
    mutating func repeatKill(_ reason: KillReason, at now: Moment) {
        phase = .killing(reason, repeatAt: now.adding(milliseconds: SupervisorLimits.killRepeatMilliseconds))
    }

    /// The process is gone; answers the reason to show, which is ours if we asked for it and `cause` otherwise.
    package mutating func exited(_ cause: KillReason) -> KillReason {
        let reason: KillReason =
            switch phase {
            case .dead(let reason): reason
            case .killing(let reason, _): Self.stronger(asked: reason, seen: cause)
            case .draining(_, let reason): reason
            case .spawning, .jailing: if case .jail = cause { cause } else { .jail(cause.explanation) }
            case .loading:
                switch cause {
                case .violation, .memory: cause
                default: .load(cause.explanation)
                }
            case .idle, .busy, .cancelling: cause
            }
        if case .busy(let call) = phase { unheard = call.id }
        phase = .dead(reason)
        return reason
    }

    /// A tripwire or the memory limit explains more than the consequence that was noticed first.
    private static func stronger(asked: KillReason, seen: KillReason) -> KillReason {
        switch (asked, seen) {
        case (_, .violation), (_, .memory): seen
        default: asked
        }
    }

    // MARK: What the worker does

    /// Judges a frame from the worker with a payload of `bytes`. The type, the direction and the length were checked by the decoder.
    package mutating func received(_ type: FrameType, call id: UInt64, bytes: Int = 0, at now: Moment) -> Verdict {
        switch phase {
        case .spawning: return .kill(.protocolFault(.unexpectedType))
        case .dead: return lastWords(type, id)
        case .killing: return .ignore
        case .jailing:
            guard type == .jailed, id == 0 else { return fault(.unexpectedType, at: now) }
            phase = .loading(until: now.adding(milliseconds: SupervisorLimits.loadMillisecondsMax))
            return .jailed
        case .loading:
            if type == .ready, id == 0 {
                phase = .idle
                return .ready
            }
            if type == .failure, id == 0 { return .loadRefused }
            return outsideCall(type, at: now)
        case .idle:
            if id != 0, id == lastCall, type == .result || type == .failure { return fault(.secondResult, at: now) }
            return outsideCall(type, at: now)
        case .draining: return type == .log ? .ignore : fault(.unexpectedType, at: now)
        case .busy(let call): return inCall(type, id, call, bytes, at: now)
        case .cancelling(let call, let since, let until, let cause):
            return inCancelledCall(type, id, call, since, until, cause, at: now)
        }
    }

    /// What a worker had sent before it ended counts as if it had been read in time.
    private mutating func lastWords(_ type: FrameType, _ id: UInt64) -> Verdict {
        guard unheard != 0, id == unheard || (type == .log && id == 0) else { return .kill(.protocolFault(.unexpectedType)) }
        guard type == .result || type == .failure else { return .ignore }
        unheard = 0
        return type == .result ? .result : .failure
    }

    private mutating func outsideCall(_ type: FrameType, at now: Moment) -> Verdict {
        guard type == .log else { return fault(.unexpectedType, at: now) }
        if logs.take(at: now) { return .log }
        logsOutsideCalls += 1
        return logsOutsideCalls > SupervisorLimits.logsDroppedPerCallMax ? fault(.logFlood, at: now) : .ignore
    }

    private mutating func inCall(_ type: FrameType, _ id: UInt64, _ call: Call, _ bytes: Int, at now: Moment) -> Verdict {
        if id != call.id, !(type == .log && id == 0) { return fault(.wrongCall, at: now) }
        switch type {
        case .result, .failure:
            lastCall = call.id
            phase = .idle
            return type == .result ? .result : .failure
        case .event: return event(call, bytes, at: now)
        case .log: return log(call, at: now)
        // At most one is open a reply or a body, and each takes a byte of what that may have: no count of their own.
        case .fetchRead: return .fetchRead
        case .fetchWrite: return .fetchWrite
        case .fetch, .keyValue, .fetchOpen, .fetchClose, .fetchBegin, .fetchFinish:
            var call = call
            call.requests += 1
            phase = .busy(call)
            if call.requests > SupervisorLimits.requestsPerCallMax { return fault(.requestFlood, at: now) }
            switch type {
            case .fetch: return .fetch
            case .fetchOpen: return .fetchOpen
            case .fetchClose: return .fetchClose
            case .fetchBegin: return .fetchBegin
            case .fetchFinish: return .fetchFinish
            default: return .keyValue
            }
        default: return fault(.unexpectedType, at: now)
        }
    }

    private mutating func event(_ call: Call, _ bytes: Int, at now: Moment) -> Verdict {
        var call = call
        call.events += 1
        call.eventBytes += bytes
        phase = .busy(call)
        let isWithin = call.events <= SupervisorLimits.eventsPerCallMax && call.eventBytes <= SupervisorLimits.eventBytesPerCallMax
        return isWithin ? .event : fault(.eventFlood, at: now)
    }

    private mutating func log(_ call: Call, at now: Moment) -> Verdict {
        if logs.take(at: now) { return .log }
        var call = call
        call.logsDropped += 1
        phase = .busy(call)
        return call.logsDropped > SupervisorLimits.logsDroppedPerCallMax ? fault(.logFlood, at: now) : .ignore
    }

    private mutating func inCancelledCall(
        _ type: FrameType, _ id: UInt64, _ call: Call, _ since: Moment, _ until: Moment, _ cause: CancelCause, at now: Moment
    ) -> Verdict {
        if id != call.id, !(type == .log && id == 0) { return fault(.wrongCall, at: now) }
        switch type {
        case .failure:
            lastCall = call.id
            phase = .idle
            return .endOfCancelled
        case .result:
            // It may have crossed the cancellation on the wire; the worker is not used again all the same.
            let crossed = now.milliseconds(since: since) <= SupervisorLimits.cancelRaceMilliseconds
            guard crossed else { return fault(.resultAfterCancel, at: now) }
            _ = kill(.cancelled, at: now)
            return .kill(.cancelled)
        case .event, .log, .fetch, .keyValue, .fetchOpen, .fetchRead, .fetchClose, .fetchBegin, .fetchWrite, .fetchFinish:
            if type == .log, logs.take(at: now) { return .log }
            var call = call
            call.logsDropped += 1
            phase = .cancelling(call, since: since, until: until, cause)
            return call.logsDropped > SupervisorLimits.logsDroppedPerCallMax ? fault(.logFlood, at: now) : .ignore
        default: return fault(.unexpectedType, at: now)
        }
    }

    /// The worker broke the protocol in a way that the decoder or a payload showed.
    package mutating func fault(_ fault: ProtocolFault, at now: Moment) -> Verdict {
        let reason = KillReason.protocolFault(fault)
        return kill(reason, at: now) ? .kill(reason) : .ignore
    }
}
