import Glibc
import IO
import Supervisor
import TestSupport
import Testing
import WorkerProtocol
import Workers

@Suite(.serialized) struct WorkerFaultTests {
    private func text(_ outcome: WorkerCallOutcome) -> String {
        switch outcome.end {
        case .result(let result): String(decoding: result.output, as: UTF8.self)
        case .failure(let failure): "failure \(failure.code)"
        case .cancelled: "cancelled"
        case .deadline: "deadline"
        case .refused(let refusal): "refused \(refusal)"
        case .died(let reason): "died \(reason.name)"
        }
    }

    @Test("calls are answered, by one warm worker after the other's end of its key (TOOL-2)")
    func answers() async throws {
        try await WorkerHarness.run(script: { $0.echo() }) { harness in
            for index in 0..<200 {
                let outcome = await harness.call("{\"n\":\(index)}")
                #expect(text(outcome) == "{\"n\":\(index)}")
            }
            #expect(harness.spawner.spawnedCount <= 2)
        }
    }

    static let faults: [(String, @Sendable (FakeWorker, UInt64) -> Void, String)] = [
        (
            "a length of 4 GiB", { worker, id in worker.send(raw: [0xFF, 0xFF, 0xFF, 0xFF, 0x84, 0, 0, 0] + [UInt8](repeating: 0, count: 8)) },
            "died protocol"
        ),
        ("an unknown type", { worker, id in worker.send(raw: [0, 0, 0, 0, 0x7F, 0, 0, 0] + [UInt8](repeating: 0, count: 8)) }, "died protocol"),
        ("a host's own frame type", { worker, id in worker.send(.call, id) }, "died protocol"),
        ("reserved bits", { worker, id in worker.send(raw: [0, 0, 0, 0, 0x84, 1, 0, 0] + [UInt8](repeating: 0, count: 8)) }, "died protocol"),
        ("a result of length zero", { worker, id in worker.send(.result, id) }, "died protocol"),
        ("a result for a call never made", { worker, id in worker.answer(id &+ 1, "{}") }, "died protocol"),
        ("a posture in a call", { worker, id in worker.send(.jailed, id) }, "died protocol"),
        (
            "two results at once",
            { worker, id in
                let frame = Frame(type: .result, callID: id, payload: ResultPayload(output: Array("{}".utf8)).encoded()).encoded()
                worker.send(raw: frame + frame)
            }, "died protocol"
        ),
        ("an event that is no event", { worker, id in worker.send(.event, id, [9, 1, 2]) }, "died protocol"),
        (
            "a flood of events",
            { worker, id in
                let frame = Frame(type: .event, callID: id, payload: EventPayload(kind: .progress, json: Array("{}".utf8)).encoded()).encoded()
                for _ in 0...SupervisorLimits.eventsPerCallMax { if !worker.send(raw: frame) { return } }
            }, "died protocol"
        ),
        ("the end of the process", { worker, id in worker.die(WorkerExit(status: nil, signal: 11)) }, "died crash"),
        ("the memory limit", { worker, id in worker.die(WorkerExit(status: nil, signal: 9, outOfMemoryKills: 1)) }, "died memory"),
        (
            "a tripwire",
            { worker, id in
                worker.die(WorkerExit(status: nil, signal: 9, violation: SyscallViolation(number: 101, name: "ptrace", arguments: [0])))
            }, "died violation"
        ),
    ]

    @Test(
        "a worker that breaks the protocol or dies fails its own call with the reason, and the next call is served by another",
        arguments: 0..<faults.count)
    func fault(_ index: Int) async throws {
        let (name, act, expected) = Self.faults[index]
        try await WorkerHarness.run(
            .init(workersMax: 1, spares: 1),
            script: { worker in
                worker.load()
                guard worker.index == 0, let (id, _) = worker.nextCall() else { return worker.echoLoaded() }
                act(worker, id)
                while worker.next() != nil {}
            }
        ) { harness in
            let broken = await harness.call()
            #expect(text(broken) == expected, "\(name)")
            let next = await harness.call("{\"again\":true}")
            #expect(text(next) == "{\"again\":true}", "\(name)")
            let isGone = try await harness.eventually { harness.recorder.seen.ended.count >= 1 }
            #expect(isGone, "\(name)")
        }
    }

    @Test("half a frame and then silence ends the worker after two seconds, long before the call's deadline")
    func partialFrame() async throws {
        try await WorkerHarness.run(
            script: { worker in
                worker.load()
                guard worker.nextCall() != nil else { return }
                worker.send(raw: [16, 0, 0, 0, 0x84])
                while worker.next() != nil {}
            }
        ) { harness in
            let begun = Deadline.now()
            let outcome = await harness.call(milliseconds: 20_000)
            let took = Int((Deadline.now().nanoseconds - begun.nanoseconds) / 1_000_000)
            #expect(text(outcome) == "died protocol")
            #expect((1_900...4_000).contains(took), "\(took) ms")
        }
    }

    @Test("a thousand descriptors passed along leave none open in the host")
    func descriptors() async throws {
        @Sendable func open() -> Int { (0..<4_096).filter { fcntl(Int32($0), F_GETFD) >= 0 }.count }
        try await WorkerHarness.run(
            script: { worker in
                worker.load()
                guard let (id, _) = worker.nextCall() else { return }
                let frame = Frame(type: .log, callID: id, payload: LogPayload(level: 1, message: "x").encoded()).encoded()
                for _ in 0..<1_000 { sendDescriptor(worker.socket, frame) }
                worker.answer(id, "{}")
                while worker.next() != nil {}
            }
        ) { harness in
            let before = open()
            let outcome = await harness.call()
            #expect(text(outcome) == "{}")
            #expect(open() <= before + 4)
        }
    }

    @Test("a cancelled call returns within 50 ms and its plugin is told at once; the worker that listens serves on (TOOL-8)")
    func cancel() async throws {
        try await WorkerHarness.run(
            .init(workersMax: 1, spares: 1),
            script: { worker in
                worker.load()
                guard worker.index == 0, let (id, _) = worker.nextCall() else { return worker.echoLoaded() }
                while let frame = worker.next() {
                    if frame.type == .cancel, frame.callID == id {
                        worker.fail(id, "cancelled")
                        return worker.echoLoaded()
                    }
                }
            }
        ) { harness in
            let loop = EventLoop.current
            let task = OwnedTask(on: loop) { await harness.call(milliseconds: 20_000) }
            try await loop?.sleep(until: .after(milliseconds: 100))
            let begun = Deadline.now()
            task.cancel()
            let outcome = try await task.value
            let took = (Deadline.now().nanoseconds - begun.nanoseconds) / 1_000_000
            #expect(text(outcome) == "cancelled")
            #expect(took < 50, "\(took) ms")
            let next = await harness.call("{\"on\":1}")
            #expect(text(next) == "{\"on\":1}")
            #expect(harness.spawner.spawnedCount == 1)
        }
    }

    @Test("a plugin that ignores its cancellation for two seconds is killed (TOOL-8)")
    func ignoresCancel() async throws {
        try await WorkerHarness.run(
            .init(workersMax: 1, spares: 1),
            script: { worker in
                worker.load()
                guard worker.index == 0, worker.nextCall() != nil else { return worker.echoLoaded() }
                while worker.next() != nil {}
            }
        ) { harness in
            let begun = Deadline.now()
            let outcome = await harness.call(milliseconds: 200)
            #expect(text(outcome) == "deadline")
            #expect(Deadline.now() < begun.adding(milliseconds: 260))
            #expect(harness.spawner.killed.isEmpty)
            let isKilled = try await harness.eventually { !harness.spawner.killed.isEmpty }
            #expect(isKilled)
            let took = (Deadline.now().nanoseconds - begun.nanoseconds) / 1_000_000
            #expect((2_100...2_600).contains(took), "\(took) ms")
            let next = await harness.call("{\"on\":1}")
            #expect(text(next) == "{\"on\":1}")
            #expect(harness.recorder.seen.ended.contains(.deadline))
        }
    }

    @Test("a late answer of a cancelled call never answers the next one")
    func lateAnswer() async throws {
        try await WorkerHarness.run(
            .init(workersMax: 1, spares: 1),
            script: { worker in
                worker.load()
                guard worker.index == 0, let (id, _) = worker.nextCall() else { return worker.echoLoaded() }
                _ = worker.next()
                usleep(200_000)
                worker.answer(id, "{\"late\":true}")
                while worker.next() != nil {}
            }
        ) { harness in
            let first = await harness.call(milliseconds: 50)
            #expect(text(first) == "deadline")
            let next = await harness.call("{\"mine\":1}")
            #expect(text(next) == "{\"mine\":1}")
            #expect(harness.recorder.seen.ended.contains(.protocolFault(.resultAfterCancel)))
        }
    }

    @Test("ten thousand cancelled calls leave nothing in flight and nobody waiting (LIM-6)")
    func storm() async throws {
        try await WorkerHarness.run(
            .init(mode: .shared, workersMax: 4, spares: 1),
            script: { worker in
                worker.load()
                while let frame = worker.next() {
                    if frame.type == .call, frame.callID % 3 == 0 { worker.answer(frame.callID, "{}") }
                    if frame.type == .cancel, frame.callID % 3 != 0 { worker.fail(frame.callID, "cancelled") }
                    if frame.type == .drain { return }
                }
            }
        ) { harness in
            let loop = EventLoop.current
            for _ in 0..<100 {
                let tasks = (0..<100).map { _ in OwnedTask(on: loop) { await harness.call(milliseconds: 10_000) } }
                try await loop?.sleep(until: .after(milliseconds: 1))
                for task in tasks { task.cancel() }
                for task in tasks { _ = try await task.value }
            }
            let isQuiet = try await harness.eventually(milliseconds: 5_000) {
                let counts = harness.pool.counts
                return counts.waiting == 0 && counts.busy == 0 && counts.retiring == 0
            }
            #expect(isQuiet, "\(harness.pool.counts)")
            let after = await harness.call("{}", milliseconds: 3_000)
            #expect(["{}", "deadline"].contains(text(after)))
            #expect(harness.spawner.aliveCount <= 4)
        }
    }

    @Test("three crashes while loading break the plugin with the reason; a reload lets it try again")
    func loadCrashes() async throws {
        let isGood = Lock(false)
        try await WorkerHarness.run(
            script: { worker in
                if isGood.withLock({ $0 }) { return worker.echo() }
                worker.send(.jailed, 0, JailedPayload(rung: "test", landlockABI: 0, memoryDenyWriteExecute: false).encoded())
                worker.die(WorkerExit(status: nil, signal: 11))
            }
        ) { harness in
            let outcome = await harness.call(milliseconds: 10_000)
            guard case .refused(.broken(let reason)) = outcome.end else {
                Issue.record("\(text(outcome))")
                return
            }
            #expect(reason.contains("signal 11"))
            #expect(harness.recorder.seen.broken == [reason])
            isGood.withLock { $0 = true }
            harness.pool.mend()
            let next = await harness.call("{\"ok\":1}")
            #expect(text(next) == "{\"ok\":1}")
        }
    }

    @Test("a plugin that refuses to load says why, as plain bounded text")
    func loadRefusal() async throws {
        try await WorkerHarness.run(
            script: { worker in
                worker.send(.jailed, 0, JailedPayload(rung: "test", landlockABI: 0, memoryDenyWriteExecute: false).encoded())
                _ = worker.next()
                worker.send(.failure, 0, FailurePayload(code: "load_failed", message: "no symbol\u{1B}[31m limen_plugin_entry").encoded())
                while worker.next() != nil {}
            }
        ) { harness in
            let outcome = await harness.call(milliseconds: 10_000)
            guard case .refused(.broken(let reason)) = outcome.end else {
                Issue.record("\(text(outcome))")
                return
            }
            #expect(reason == "the plugin did not load: no symbol [31m limen_plugin_entry")
        }
    }

    @Test("when the queue is full the next caller is told at once; waiting ends with the caller's deadline")
    func queue() async throws {
        try await WorkerHarness.run(
            .init(mode: .shared, workersMax: 1, spares: 1, waitersMax: 2),
            script: { worker in
                worker.load()
                while worker.next() != nil {}
            }
        ) { harness in
            let loop = EventLoop.current
            _ = try await harness.eventually { harness.pool.counts.spare == 1 }
            let tasks = (0..<3).map { _ in OwnedTask(on: loop) { await harness.call(milliseconds: 400) } }
            try await loop?.sleep(until: .after(milliseconds: 100))
            #expect(text(await harness.call()) == "refused busy")
            for task in tasks { #expect(try await text(task.value) == "deadline") }
        }
    }

    @Test("a call of sixty seconds does not delay the calls of others (TOOL-10)")
    func longCall() async throws {
        try await WorkerHarness.run(
            .init(mode: .shared, workersMax: 2, spares: 2),
            script: { worker in
                worker.load()
                while let frame = worker.next() {
                    guard frame.type == .call, let call = try? CallPayload(decoding: frame.payload) else { continue }
                    if call.input == Array("\"hold\"".utf8) { continue }
                    worker.answer(frame.callID, call.input)
                }
            }
        ) { harness in
            let held = OwnedTask(on: EventLoop.current) { await harness.call("\"hold\"", milliseconds: 60_000) }
            try await EventLoop.current?.sleep(until: .after(milliseconds: 50))
            var times: [UInt64] = []
            for _ in 0..<2_000 {
                let begun = Deadline.now().nanoseconds
                #expect(text(await harness.call("1")) == "1")
                times.append(Deadline.now().nanoseconds - begun)
            }
            times.sort()
            #expect(times[1_980] < 20_000_000, "p99 \(times[1_980] / 1_000) us")
            held.cancel()
            #expect(try await text(held.value) == "cancelled")
        }
    }

    @Test("stopping lets a call end, kills what goes on, and leaves no process (OPS-3)")
    func stop() async throws {
        let spawner = Lock<FakeSpawner?>(nil)
        try await WorkerHarness.run(script: { worker in
            worker.load()
            while worker.next() != nil {}
        }) { harness in
            spawner.withLock { $0 = harness.spawner }
            let held = OwnedTask(on: EventLoop.current) { await harness.call(milliseconds: 60_000) }
            try await EventLoop.current?.sleep(until: .after(milliseconds: 50))
            await harness.service.stop(until: .after(milliseconds: 100))
            let outcome = try await held.value
            #expect(text(outcome) == "died drained")
        }
        #expect(spawner.withLock { $0 }?.aliveCount == 0)
    }
}

extension FakeWorker {
    /// Answers every call with its input until the host is done.
    func echoLoaded() {
        while let frame = next() {
            if frame.type == .drain { return }
            guard frame.type == .call, let call = try? CallPayload(decoding: frame.payload) else { continue }
            answer(frame.callID, call.input)
        }
    }
}
