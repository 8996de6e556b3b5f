import IO
import Supervisor
import WorkerProtocol

/// One call on an idle worker; the owner is the call's task on the call's loop.
extension WorkerHandle {
    /// How the conversation about one call ended, and what must become of the worker.
    struct ServeEnd {
        var end: WorkerCallEnd
        var reachedPlugin = true
        /// The worker is idle again, or gone.
        enum Fate { case idle, windDown, kill(KillReason), gone }
        var fate: Fate
    }

    /// Sends the call and listens until it has ended.
    func serve<Host: WorkerCallHost>(
        _ call: WorkerCall, id callID: UInt64, _ registration: FDRegistration, _ host: Host
    ) async -> ServeEnd {
        let payload = CallPayload(
            deadlineNanoseconds: call.deadline.nanoseconds, tool: call.tool, requestID: call.requestID, input: call.input,
            attachments: call.attachments)
        do {
            try await send(payload.frame(callID: callID), registration, until: call.deadline)
            var waitFirst = true
            if pool.busyPoll.mayTry() {
                waitFirst = try !look()
                pool.busyPoll.tried(!waitFirst)
            }
            while true {
                let frame = try await nextFrame(registration, until: call.deadline, waitFirst: waitFirst)
                waitFirst = false
                if let end = try await handle(frame, callID, registration, host, call.deadline) { return end }
            }
        } catch {
            return await interrupted(error, callID, registration)
        }
    }

    private func handle<Host: WorkerCallHost>(
        _ frame: Frame, _ callID: UInt64, _ registration: FDRegistration, _ host: Host, _ deadline: Deadline
    ) async throws(FrameEnd) -> ServeEnd? {
        switch judge(frame) {
        case .result: return try finished(frame)
        case .failure: return try finished(frame)
        case .event:
            do {
                let event = try EventPayload(decoding: frame.payload)
                try await host.event(event.kind, event.json)
            } catch {
                throw error is MalformedPayload ? .fault(.malformed) : .cancelled
            }
        case .log:
            do {
                let line = try LogPayload(decoding: frame.payload)
                host.log(line.level, line.message)
            } catch { throw .fault(.malformed) }
        case .fetch: try await fetch(frame, callID, registration, host, deadline)
        case .keyValue: try await keyValue(frame, callID, registration, host, deadline)
        case .kill(let reason): return ServeEnd(end: .died(reason), fate: .kill(reason))
        case .jailed, .ready, .loadRefused, .endOfCancelled, .ignore: break
        }
        return nil
    }

    private func fetch<Host: WorkerCallHost>(
        _ frame: Frame, _ callID: UInt64, _ registration: FDRegistration, _ host: Host, _ deadline: Deadline
    ) async throws(FrameEnd) {
        let request: FetchPayload
        do { request = try FetchPayload(decoding: frame.payload) } catch { throw .fault(.malformed) }
        let reply = await host.fetch(request, until: deadline)
        try await send(Frame(type: .fetchReply, callID: callID, payload: reply.encoded()).encoded(), registration, until: deadline)
    }

    private func keyValue<Host: WorkerCallHost>(
        _ frame: Frame, _ callID: UInt64, _ registration: FDRegistration, _ host: Host, _ deadline: Deadline
    ) async throws(FrameEnd) {
        let request: KeyValuePayload
        do { request = try KeyValuePayload(decoding: frame.payload) } catch { throw .fault(.malformed) }
        let reply = await host.keyValue(request, until: deadline)
        try await send(Frame(type: .keyValueReply, callID: callID, payload: reply.encoded()).encoded(), registration, until: deadline)
    }

    /// The call's last frame. Whatever the worker sent behind it is judged before the answer is believed.
    private func finished(_ frame: Frame) throws(FrameEnd) -> ServeEnd {
        while decoder.isInsideFrame, let extra = try decoded() {
            if case .kill(let reason) = judge(extra) { return ServeEnd(end: .died(reason), fate: .kill(reason)) }
        }
        do {
            if frame.type == .result { return ServeEnd(end: .result(try ResultPayload(decoding: frame.payload)), fate: .idle) }
            return ServeEnd(end: .failure(try FailurePayload(decoding: frame.payload)), fate: .idle)
        } catch {
            throw .fault(.malformed)
        }
    }

    private func interrupted(_ end: FrameEnd, _ callID: UInt64, _ registration: FDRegistration) async -> ServeEnd {
        switch end {
        case .fault(let fault):
            let reason = KillReason.protocolFault(fault)
            return ServeEnd(end: .died(reason), fate: .kill(reason))
        case .closed:
            let reason = await exitReason(until: .after(milliseconds: WorkersLimits.exitReportMillisecondsMax))
            guard let reason else {
                return ServeEnd(end: .died(.protocolFault(.partialFrame)), fate: .kill(.protocolFault(.partialFrame)))
            }
            return ServeEnd(end: .died(reason), fate: .gone)
        case .timedOut: return giveUp(.deadline, callID)
        case .cancelled: return giveUp(.cancelled, callID)
        }
    }

    /// Tells the plugin at once that its call is over.
    private func giveUp(_ cause: WorkerState.CancelCause, _ callID: UInt64) -> ServeEnd {
        let end: WorkerCallEnd = cause == .deadline ? .deadline : .cancelled
        let isTold = shared.withLock { $0.state.cancel(cause, at: .now) } && sendCancel(callID)
        return ServeEnd(end: end, fate: isTold ? .windDown : .kill(cause == .deadline ? .deadline : .cancelled))
    }

    /// A worker that does not even take sixteen bytes is not reading; false then.
    private func sendCancel(_ callID: UInt64) -> Bool {
        let bytes = Frame(type: .cancel, callID: callID, payload: []).encoded()
        return Self.sendNow(socket, bytes) == bytes.count
    }

    /// Listens to a worker whose call was given up until it is idle (true) or must die or has died (false).
    func windDown(_ registration: FDRegistration) async -> KillReason? {
        while true {
            let until = shared.withLock { $0.state.nextTick } ?? .now
            do {
                let frame = try await nextFrame(registration, until: Deadline(until))
                switch judge(frame) {
                case .endOfCancelled: return nil
                case .kill(let reason): return reason
                default: continue
                }
            } catch {
                switch error {
                case .fault(let fault): return .protocolFault(fault)
                case .closed, .cancelled: return .cancelled
                case .timedOut:
                    // `tick` has moved the state on; the kill itself is asked for by whoever gets this reason.
                    let action = shared.withLock { shared in
                        switch shared.state.phase {
                        case .cancelling(_, _, let end, let cause): Moment.now >= end ? (cause == .deadline ? KillReason.deadline : .cancelled) : nil
                        default: KillReason.cancelled
                        }
                    }
                    if let action { return action }
                }
            }
        }
    }
}
