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

    /// What one call's task keeps while it talks to the worker.
    struct Talk {
        let id: UInt64
        let registration: FDRegistration
        let host: any WorkerCallHost
        let deadline: Deadline
        /// Made for the first fetch or key-value request.
        var requests: CallRequests?
        /// Whether the worker has said anything since the call was sent.
        var hasHeard = false
    }

    /// Sends the call and listens until it has ended.
    func serve(
        _ call: WorkerCall, id callID: UInt64, _ registration: FDRegistration, _ host: any WorkerCallHost
    ) async -> ServeEnd {
        var talk = Talk(id: callID, registration: registration, host: host, deadline: call.deadline)
        var end: ServeEnd
        do {
            end = try await converse(call, &talk)
        } catch {
            end = await interrupted(error, &talk)
        }
        guard let requests = talk.requests else { return end }
        requests.end(pool.service.scope)
        host.callEnded()
        // The plugin ended its call while an answer was on its way: half of it cannot be followed by anything.
        if requests.isMidFrame, case .idle = end.fate { end.fate = .kill(.retired) }
        return end
    }

    private func converse(_ call: WorkerCall, _ talk: inout Talk) async throws(FrameEnd) -> ServeEnd {
        let payload = CallPayload(
            deadlineNanoseconds: call.deadline.nanoseconds, tool: call.tool, requestID: call.requestID, traceparent: call.traceparent,
            input: call.input,
            attachments: call.attachments)
        try await send(payload.frame(callID: talk.id), talk.registration, until: talk.deadline)
        var waitFirst = true
        var turn = 0
        while true {
            let frame = try await nextFrame(talk.registration, until: talk.deadline, waitFirst: waitFirst)
            waitFirst = false
            talk.hasHeard = true
            if let end = try await handle(frame, &talk) { return end }
            turn += 1
            guard turn % WorkersLimits.framesPerTurn == 0 else { continue }
            // A worker that always has more to say must neither hold the loop nor outlive its deadline.
            await Task.yield()
            if talk.deadline.hasPassed { throw .timedOut }
            if Task.isCancelled { throw .cancelled }
        }
    }

    private func handle(_ frame: Frame, _ talk: inout Talk) async throws(FrameEnd) -> ServeEnd? {
        switch judge(frame) {
        case .result: return try finished(frame)
        case .failure: return try finished(frame)
        case .event:
            do {
                let event = try EventPayload(decoding: frame.payload)
                try await talk.host.event(event.kind, event.json)
            } catch {
                if error is MalformedPayload { throw .fault(.malformed) }
                throw talk.deadline.hasPassed ? .timedOut : .cancelled
            }
        case .log:
            do {
                let line = try LogPayload(decoding: frame.payload)
                talk.host.log(line.level, line.message)
            } catch { throw .fault(.malformed) }
        case .fetch: try await fetch(frame, &talk)
        case .keyValue: try await keyValue(frame, &talk)
        case .fetchOpen: try await fetchOpen(frame, &talk)
        case .fetchRead: try await fetchRead(frame, &talk)
        case .fetchClose: try fetchClose(frame, &talk)
        case .fetchBegin: try fetchBegin(frame, &talk)
        case .fetchWrite: try fetchWrite(frame, &talk)
        case .fetchFinish: try fetchFinish(frame, &talk)
        case .kill(let reason): return ServeEnd(end: .died(reason), fate: .kill(reason))
        case .jailed, .ready, .loadRefused, .endOfCancelled, .ignore: break
        }
        return nil
    }

    private func fetch(_ frame: Frame, _ talk: inout Talk) async throws(FrameEnd) {
        let request: FetchPayload
        do { request = try FetchPayload(decoding: frame.payload) } catch { throw .fault(.malformed) }
        let (callID, host, deadline) = (talk.id, talk.host, talk.deadline)
        try await ask(.fetch, &talk) {
            Frame(type: .fetchReply, callID: callID, payload: await host.fetch(request, until: deadline).encoded()).encoded()
        }
    }

    private func keyValue(_ frame: Frame, _ talk: inout Talk) async throws(FrameEnd) {
        let request: KeyValuePayload
        do { request = try KeyValuePayload(decoding: frame.payload) } catch { throw .fault(.malformed) }
        let (callID, host, deadline) = (talk.id, talk.host, talk.deadline)
        try await ask(RequestOrder.Request(request), &talk) {
            Frame(type: .keyValueReply, callID: callID, payload: await host.keyValue(request, until: deadline).encoded()).encoded()
        }
    }

    /// Serves a request beside the others; while too many are open the worker is not read, which is its back-pressure.
    func ask(
        _ request: RequestOrder.Request, _ talk: inout Talk, _ answer: @escaping CallRequests.Answer
    ) async throws(FrameEnd) {
        let requests = requests(&talk)
        while requests.isFull {
            await requests.waitForRoom()
            if talk.deadline.hasPassed { throw .timedOut }
            if Task.isCancelled { throw .cancelled }
        }
        requests.add(request, answer)
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

    private func interrupted(_ end: FrameEnd, _ talk: inout Talk) async -> ServeEnd {
        let isBroken = isMidFrame || talk.requests?.isMidFrame == true
        switch end {
        case .fault(let fault):
            let reason = KillReason.protocolFault(fault)
            return ServeEnd(end: .died(reason), fate: .kill(reason))
        case .closed(let unread):
            // Frames come in order, and a plugin is given a call when all of its frame is there: a worker that went with bytes unread, and said nothing
            // before, had not begun.
            let reachedPlugin = !unread || talk.hasHeard
            let reason = await exitReason(until: .after(milliseconds: WorkersLimits.exitReportMillisecondsMax))
            guard let reason else {
                return ServeEnd(
                    end: .died(.protocolFault(.partialFrame)), reachedPlugin: reachedPlugin, fate: .kill(.protocolFault(.partialFrame)))
            }
            return ServeEnd(end: .died(reason), reachedPlugin: reachedPlugin, fate: .gone)
        case .timedOut: return giveUp(.deadline, talk.id, isBroken)
        case .cancelled: return giveUp(.cancelled, talk.id, isBroken)
        }
    }

    /// Tells the plugin at once that its call is over.
    private func giveUp(_ cause: WorkerState.CancelCause, _ callID: UInt64, _ isBroken: Bool) -> ServeEnd {
        let end: WorkerCallEnd = cause == .deadline ? .deadline : .cancelled
        let isTold = !isBroken && shared.withLock { $0.state.cancel(cause, at: .now) } && sendCancel(callID)
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
                case .log: logOutside(frame.payload)
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
