import IO
import Supervisor
import WorkerProtocol

/// From the posture to the description; the owner is a task of the service on its own loop.
extension WorkerHandle {
    /// Waits until the plugin is loaded; answers why it is not.
    func load(on loop: EventLoop) async -> KillReason? {
        let registration: FDRegistration
        do {
            registration = try watch(on: loop)
        } catch {
            return .load("its socket could not be watched: \(error)")
        }
        while true {
            do {
                let until = shared.withLock { $0.state.nextTick } ?? Moment.now
                let frame = try await nextFrame(registration, until: Deadline(until))
                if let done = try await loadStep(frame, registration) { return done.reason }
            } catch {
                // The spawner knows better than the socket why a worker ended: which step of the jail did not hold, say.
                if case .closed = error, let reason = await exitReason(until: .after(milliseconds: SupervisorLimits.killRepeatMilliseconds)) {
                    return reason
                }
                return loadEnd(error)
            }
        }
    }

    /// The end of loading, with a reason if it failed.
    private struct LoadEnd { let reason: KillReason? }

    private func loadStep(_ frame: Frame, _ registration: FDRegistration) async throws(FrameEnd) -> LoadEnd? {
        switch judge(frame) {
        case .jailed:
            do {
                let posture = try JailedPayload(decoding: frame.payload)
                shared.withLock { $0.posture = posture }
            } catch {
                return LoadEnd(reason: .jail("the posture could not be read: \(error)"))
            }
            try await send(greeting(), registration, until: .after(milliseconds: SupervisorLimits.loadMillisecondsMax))
            return nil
        case .ready: return LoadEnd(reason: checkDescription(frame.payload))
        case .loadRefused: return LoadEnd(reason: .load(Self.refusal(frame.payload)))
        case .log: logOutside(frame.payload)
        case .kill(let reason): return LoadEnd(reason: reason)
        default: break
        }
        return nil
    }

    /// `hello`, and before it the conditions of a call that is recorded or replayed.
    private func greeting() -> [UInt8] {
        let setting = pool.spec.conditions?.setting
        // Once compared it is of no further use: what callers see is the approved one.
        isDescribing = !pool.isReady
        let hello = HelloPayload(wantsDescription: isDescribing, config: setting?.config ?? pool.spec.config)
        let frame = Frame(type: .hello, callID: 0, payload: hello.encoded()).encoded()
        guard let setting else { return frame }
        return Frame(type: .conditions, callID: 0, payload: setting.conditions.encoded()).encoded() + frame
    }

    private func checkDescription(_ payload: [UInt8]) -> KillReason? {
        do {
            let ready = try ReadyPayload(decoding: payload)
            if isDescribing, let refusal = pool.spec.check(ready) { return .load(refusal) }
            shared.withLock { $0.wasReady = true }
            return nil
        } catch {
            return .protocolFault(.malformed)
        }
    }

    /// What the plugin says about its own refusal: a stranger's words, bounded and without control characters.
    private static func refusal(_ payload: [UInt8]) -> String {
        do {
            return try FailurePayload(decoding: payload).message.printable(bytesMax: WorkersLimits.failureMessageBytesMax)
        } catch {
            return "it refused without a reason that can be read"
        }
    }

    /// Passes a line on that belongs to no call.
    func logOutside(_ payload: [UInt8]) {
        do {
            let line = try LogPayload(decoding: payload)
            pool.service.observer.workerLogged(plugin: pool.spec.name, level: line.level, message: line.message)
        } catch {
            pool.service.observer.workerLogged(plugin: pool.spec.name, level: 3, message: "a log line that cannot be read")
        }
    }

    private func loadEnd(_ end: FrameEnd) -> KillReason {
        switch end {
        case .fault(let fault): return .protocolFault(fault)
        case .cancelled: return .drained
        case .closed: return .load("the process ended while it was loading")
        case .timedOut:
            let action = shared.withLock { $0.state.tick(at: .now) }
            if case .kill(let reason) = action { return reason }
            return .load("the load deadline passed")
        }
    }

    /// Tells an idle worker to end by itself; false if it must be killed.
    func drain(_ reason: KillReason) -> Bool {
        shared.withLock { shared in
            guard !shared.isOwned, shared.exit == nil, shared.state.drain(reason, at: .now) else { return false }
            let bytes = Frame(type: .drain, callID: 0, payload: []).encoded()
            return Self.sendNow(shared.socket, bytes) == bytes.count
        }
    }
}

extension String {
    /// The text without control characters, cut to at most `bytesMax` bytes of UTF-8 at a character.
    package func printable(bytesMax: Int) -> String {
        var out = ""
        var bytes = 0
        for character in self {
            let isControl = character.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7F || (0x80...0x9F).contains($0.value) }
            bytes += isControl ? 1 : character.utf8.count
            if bytes > bytesMax { return out + "…" }
            if isControl { out.append(" ") } else { out.append(character) }
        }
        return out
    }
}
