import Supervisor
import Testing
import WorkerProtocol

@Suite struct WorkerStateTests {
    private let start = Moment(nanoseconds: 5_000_000_000)
    private func ms(_ value: Int) -> Moment { start.adding(milliseconds: value) }

    private func idle() -> WorkerState {
        var worker = WorkerState(at: start)
        worker.spawned(at: start)
        _ = worker.received(.jailed, call: 0, at: start)
        _ = worker.received(.ready, call: 0, at: start)
        return worker
    }

    private func busy(_ id: UInt64 = 7) -> WorkerState {
        var worker = idle()
        same(worker.begin(id, deadline: ms(15_000)), true)
        return worker
    }

    @Test("a worker goes from spawn over its posture and its description to ready")
    func happyPath() {
        var worker = WorkerState(at: start)
        same(worker.begin(1, deadline: ms(1)), false)
        worker.spawned(at: start)
        same(worker.received(.jailed, call: 0, at: start), .jailed)
        same(worker.begin(1, deadline: ms(1)), false)
        same(worker.received(.ready, call: 0, at: start), .ready)
        #expect(worker.isIdle)
        same(worker.begin(1, deadline: ms(1_000)), true)
        same(worker.begin(2, deadline: ms(1_000)), false)
        same(worker.received(.event, call: 1, at: start), .event)
        same(worker.received(.result, call: 1, at: start), .result)
        #expect(worker.isIdle)
    }

    @Test("before the posture every other frame ends the worker", arguments: FrameType.allCases.filter { $0.isFromWorker && $0 != .jailed })
    func nothingBeforePosture(_ type: FrameType) {
        var worker = WorkerState(at: start)
        worker.spawned(at: start)
        same(worker.received(type, call: 0, at: start), .kill(.protocolFault(.unexpectedType)))
        #expect(worker.name == "killing")
    }

    @Test(
        "while loading only log lines and the description are accepted, so that a constructor cannot speak for the host",
        arguments: [FrameType.jailed, .event, .result, .fetch, .keyValue])
    func loading(_ type: FrameType) {
        var worker = WorkerState(at: start)
        worker.spawned(at: start)
        _ = worker.received(.jailed, call: 0, at: start)
        same(worker.received(.log, call: 0, at: start), .log)
        same(worker.received(type, call: 0, at: start), .kill(.protocolFault(.unexpectedType)))
    }

    @Test(
        "an idle worker that sends anything but a log line is ended",
        arguments: [FrameType.jailed, .ready, .event, .result, .failure, .fetch, .keyValue])
    func idleFrames(_ type: FrameType) {
        var worker = idle()
        same(worker.received(type, call: 9, at: start), .kill(.protocolFault(.unexpectedType)))
    }

    @Test("a frame for a call that the worker does not have ends it", arguments: [FrameType.event, .result, .failure, .fetch, .keyValue, .log])
    func wrongCall(_ type: FrameType) {
        var worker = busy(7)
        same(worker.received(type, call: 8, at: start), .kill(.protocolFault(.wrongCall)))
        same(worker.received(.result, call: 7, at: start), .ignore)
    }

    @Test("two results for one call end the worker")
    func secondResult() {
        var worker = busy(7)
        same(worker.received(.result, call: 7, at: start), .result)
        same(worker.received(.result, call: 7, at: start), .kill(.protocolFault(.secondResult)))
    }

    @Test("jailed or ready in the middle of a call ends the worker", arguments: [FrameType.jailed, .ready])
    func lifecycleInCall(_ type: FrameType) {
        var worker = busy(7)
        same(worker.received(type, call: 7, at: start), .kill(.protocolFault(.unexpectedType)))
    }

    @Test("a deadline cancels, and two seconds of ignoring that kill (TOOL-8)")
    func deadline() {
        var worker = busy(7)
        same(worker.tick(at: ms(14_999)), .none)
        #expect(worker.nextTick == ms(15_000))
        same(worker.tick(at: ms(15_000)), .sendCancel)
        same(worker.tick(at: ms(16_999)), .none)
        same(worker.tick(at: ms(17_000)), .kill(.deadline))
        same(worker.exited(.crash(signal: 9)), .deadline)
    }

    @Test("a cancelled call that fails in time leaves a worker that serves the next")
    func cancelled() {
        var worker = busy(7)
        same(worker.cancel(.cancelled, at: ms(100)), true)
        same(worker.cancel(.cancelled, at: ms(101)), false)
        same(worker.received(.event, call: 7, at: ms(200)), .ignore)
        same(worker.received(.failure, call: 7, at: ms(300)), .endOfCancelled)
        #expect(worker.isIdle)
        same(worker.begin(8, deadline: ms(9_000)), true)
        same(worker.received(.failure, call: 7, at: ms(301)), .kill(.protocolFault(.wrongCall)))
    }

    @Test("a result after the cancellation never answers anybody: the worker is ended", arguments: [10, 1_000])
    func resultAfterCancel(_ later: Int) {
        var worker = busy(7)
        same(worker.cancel(.cancelled, at: start), true)
        let expected: KillReason = later <= 50 ? .cancelled : .protocolFault(.resultAfterCancel)
        same(worker.received(.result, call: 7, at: ms(later)), .kill(expected))
    }

    @Test("events have a budget of number for each call, whatever their rate: a flood ends the worker, the next call has its own budget")
    func eventFlood() {
        var worker = busy(7)
        for _ in 0..<SupervisorLimits.eventsPerCallMax { same(worker.received(.event, call: 7, bytes: 20, at: start), .event) }
        var next = worker
        same(worker.received(.event, call: 7, bytes: 20, at: start), .kill(.protocolFault(.eventFlood)))
        same(next.received(.result, call: 7, at: start), .result)
        same(next.begin(8, deadline: ms(15_000)), true)
        same(next.received(.event, call: 8, bytes: 20, at: start), .event)
    }

    @Test("events have a budget of bytes for each call")
    func eventBytes() {
        var worker = busy(7)
        let large = 256 << 10
        for _ in 0..<(SupervisorLimits.eventBytesPerCallMax / large) { same(worker.received(.event, call: 7, bytes: large, at: start), .event) }
        same(worker.received(.event, call: 7, bytes: 1, at: start), .kill(.protocolFault(.eventFlood)))
    }

    @Test("log lines over the rate are dropped, and a flood of them ends the worker")
    func logFlood() {
        var worker = busy(7)
        for _ in 0..<SupervisorLimits.logsBurst { same(worker.received(.log, call: 7, at: start), .log) }
        for _ in 0..<SupervisorLimits.logsDroppedPerCallMax { same(worker.received(.log, call: 0, at: start), .ignore) }
        same(worker.received(.log, call: 7, at: start), .kill(.protocolFault(.logFlood)))
    }

    @Test("an answer that was sent before the worker ended counts once, and nothing else that it left does")
    func lastWords() {
        var worker = busy(7)
        same(worker.exited(.exited(status: 0)), .exited(status: 0))
        same(worker.received(.event, call: 7, at: start), .ignore)
        same(worker.received(.result, call: 8, at: start), .kill(.protocolFault(.unexpectedType)))
        same(worker.received(.result, call: 7, at: start), .result)
        same(worker.received(.result, call: 7, at: start), .kill(.protocolFault(.unexpectedType)))
        var idle = idle()
        _ = idle.exited(.crash(signal: 6))
        same(idle.received(.result, call: 7, at: start), .kill(.protocolFault(.unexpectedType)))
    }

    @Test("loading has a deadline of its own and names itself as the reason")
    func loadDeadline() {
        var worker = WorkerState(at: start)
        worker.spawned(at: start)
        _ = worker.received(.jailed, call: 0, at: start)
        same(worker.tick(at: ms(9_999)), .none)
        same(worker.tick(at: ms(10_000)), .kill(.load("the load deadline passed")))
    }

    @Test("a kill that is not reported done is asked for again")
    func killAgain() {
        var worker = busy(7)
        same(worker.kill(.deadline, at: start), true)
        same(worker.kill(.evicted, at: start), false)
        same(worker.tick(at: ms(999)), .none)
        same(worker.tick(at: ms(1_000)), .kill(.deadline))
        same(worker.tick(at: ms(1_001)), .none)
        same(worker.exited(.crash(signal: 9)), .deadline)
        same(worker.tick(at: ms(99_000)), .none)
    }

    @Test("a tripwire explains a death better than what was noticed first")
    func violation() {
        let violation = KillReason.violation(Violation(number: 101, name: "ptrace"))
        var worker = busy(7)
        same(worker.exited(violation), violation)
        var asked = busy(7)
        _ = asked.received(.result, call: 8, at: start)
        same(asked.exited(violation), violation)
        var loading = WorkerState(at: start)
        loading.spawned(at: start)
        _ = loading.received(.jailed, call: 0, at: start)
        same(loading.exited(.crash(signal: 11)), .load("the process died of signal 11"))
    }

    @Test("a drained worker gets half a second to end by itself")
    func drains() {
        var worker = idle()
        same(worker.drain(.idle, at: start), true)
        same(worker.tick(at: ms(499)), .none)
        same(worker.tick(at: ms(500)), .kill(.idle))
        var atWork = busy()
        same(atWork.drain(.idle, at: start), false)
    }
}
