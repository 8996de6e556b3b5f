import IO
import JSON
import Store
import Testing

@testable import Workflows

/// Runs whose database fails, or whose host is silent, at each of their statements in turn.
@Suite("Faults in runs", .serialized)
struct RunFaultTests {
    /// Fails the n-th statement or commit from the moment it is armed, and all behind it, until it is disarmed: a host that is gone.
    private final class Fuse: Sendable {
        private let state = Lock<(left: Int?, seen: Int)>((nil, 0))

        var count: Int { state.withLock { $0.seen } }
        func arm(_ number: Int?) { state.withLock { $0 = (number, 0) } }

        var probe: StoreProbe {
            StoreProbe { [self] (step) throws(StoreError) in
                if case .committed = step { return }
                let burns = state.withLock { state in
                    state.seen += 1
                    guard let left = state.left else { return false }
                    state.left = max(0, left - 1)
                    return left <= 1
                }
                if burns { throw StoreError(.unavailable, "the host is gone") }
            }
        }
    }

    private static let flow: JSONValue = .workflow(
        entry: "a",
        [
            .call("a", "t.once", inputs: ["k": "a"], output: "a", next: "f"), .fork("f", ["b", "c"], join: "d"),
            .call("b", "t.once", inputs: ["k": "b"], output: "b", next: "d"), .call("c", "t.safe", inputs: ["k": "c"], output: "c", next: "d"),
            .call("d", "t.once", inputs: ["k": "d"], output: "d", next: "done"),
            .end("done", ["all": ["${vars.a.k}", "${vars.b.k}", "${vars.c.k}", "${vars.d.k}"]]),
        ])

    /// Every look at the queue is later than any lease of the look before.
    private static let looks = Lock<Int64>(0)

    /// Does what is due, once; false when there was nothing.
    private func work(_ bench: RunBench) async throws -> Bool {
        let later = Self.looks.withLock { looks in
            looks += 10_000
            return looks
        }
        guard
            let lease = try await bench.jobs.claim(
                worker: "host", kinds: [RunStore.jobKind], nowMilliseconds: StoreClock.nowMilliseconds() + later)
        else { return false }
        let last = try await OwnedTask(on: bench.loop) { try await bench.service.work(on: lease) }.value
        return try await bench.jobs.complete(lease, last)
    }

    @Test(
        "a host that ends at any statement of a run leaves one that another goes on with: no tool is called twice that may not be (WF-3, STORE-4)",
        arguments: [DatabaseEngine.sqlite, .postgres])
    func everyStatement(engine: DatabaseEngine) async throws {
        let fuse = Fuse()
        let bench = try await RunBench(engine, probe: fuse.probe, ["t.once": .init(isRepeatable: false), "t.safe": .init()])
        bench.source.add(Self.flow)
        try await bench.start()
        fuse.arm(nil)
        #expect(try await work(bench))
        let statements = fuse.count
        #expect(statements >= 12)
        var unknown = 0
        for number in 1...statements {
            let before = bench.tools.called.count
            let id = try await bench.start().run.id
            fuse.arm(number)
            _ = try? await work(bench)  // Its host has died.
            fuse.arm(nil)
            while try await work(bench) {}
            let run = try await bench.store.run(id, of: RunBench.ann)
            let once = zip(bench.tools.called, bench.tools.inputs).dropFirst(before).filter { $0.0 == "t.once" }.map { $0.1["k"]?.stringValue ?? "" }
            #expect(Set(once).count == once.count, "statement \(number): \(once)")
            switch run.state {
            case .done:
                #expect(run.outputs == ["all": ["a", "b", "c", "d"]], "statement \(number)")
                #expect(Set(once) == ["a", "b", "d"], "statement \(number): \(once)")
            case .failed:
                #expect(run.failure?.reason == "outcome_unknown", "statement \(number): \(String(describing: run.failure))")
                unknown += 1
            default: Issue.record("statement \(number): the run is \(run.state)")
            }
            #expect(try await bench.count("SELECT count(*) FROM job WHERE state IN ('queued', 'running', 'dead')") == 0)
        }
        // Between the start of a call and its end nobody can know; everywhere else the run was finished.
        #expect(unknown < statements / 2)
    }

    @Test(
        "a host that was silent while another took its run over calls nothing more and writes nothing (WF-3)",
        arguments: [DatabaseEngine.sqlite, .postgres])
    func lateHost(engine: DatabaseEngine) async throws {
        let bench = try await RunBench(engine, ["t.safe": .init(milliseconds: 150), "t.after": .init()])
        bench.source.add(
            .workflow(
                entry: "a",
                [.call("a", "t.safe", output: "a", next: "b"), .call("b", "t.after", inputs: ["x": 1], output: "b", next: "done"), .end()]))
        let id = try await bench.start().run.id
        let first = try #require(try await bench.jobs.claim(worker: "one", kinds: [RunStore.jobKind]))
        let slow = OwnedTask(on: bench.loop) { try await bench.service.work(on: first) }
        while bench.tools.live == 0 { try await bench.loop.sleep(until: .after(milliseconds: 2)) }
        // Its lease is over, as if it had been stopped.
        let later = StoreClock.nowMilliseconds() + 5_000
        let second = try #require(try await bench.jobs.claim(worker: "two", kinds: [RunStore.jobKind], nowMilliseconds: later))
        let last = try await OwnedTask(on: bench.loop) { try await bench.service.work(on: second) }.value
        #expect(try await bench.jobs.complete(second, last))
        _ = try await slow.value
        #expect(try await !bench.jobs.complete(first))
        #expect(bench.tools.called == ["t.safe", "t.safe", "t.after"])
        let run = try await bench.store.run(id, of: RunBench.ann)
        #expect(run.state == .done && run.attempts == 2)
        #expect(bench.records.values.count == 1)
    }

    @Test("a host that stops gives its runs back, and the next goes on with them (WF-3)")
    func stop() async throws {
        let bench = try await RunBench(.sqlite, ["t.safe": .init(milliseconds: 300)])
        bench.source.add(.workflow(entry: "a", [.call("a", "t.safe", output: "a", next: "done"), .end("done", ["ok": true])]))
        let id = try await bench.start().run.id
        let runner = JobRunner(bench.jobs, name: "one", handlers: [RunStore.jobKind: { try await bench.service.work(on: $0) }], on: bench.loop) { _ in
        }
        let host = OwnedTask(on: bench.loop) { await runner.run() }
        while bench.tools.live == 0 { try await bench.loop.sleep(until: .after(milliseconds: 2)) }
        host.cancel()
        await host.finish()
        #expect(try await bench.store.run(id, of: RunBench.ann).state == .running)
        let run = try await bench.working(name: "two") { try await bench.end(of: id) }
        #expect(run.state == .done && run.attempts == 2 && run.trace.first?["tries"] == 2)
    }

    @Test(
        "a host that is stopped while it writes down which calls begin gives those back: the next makes them, and nobody wonders (WF-3)",
        arguments: [DatabaseEngine.sqlite, .postgres])
    func stopWhileWriting(engine: DatabaseEngine) async throws {
        let hook = Lock<(@Sendable () -> Void)?>(nil)
        let probe = StoreProbe { (step) throws(StoreError) in
            guard case .statement(let sql) = step, "\(sql.sqlite)".contains("INSERT INTO workflow_node") else { return }
            let stop = hook.withLock { hook in
                defer { hook = nil }
                return hook
            }
            stop?()
        }
        let bench = try await RunBench(engine, probe: probe, ["t.once": .init(isRepeatable: false)])
        bench.source.add(.workflow(entry: "a", [.call("a", "t.once", output: "a", next: "done"), .end("done", ["ok": true])]))
        let runner = JobRunner(bench.jobs, name: "one", handlers: [RunStore.jobKind: { try await bench.service.work(on: $0) }], on: bench.loop) { _ in
        }
        let host = OwnedTask(on: bench.loop) { await runner.run() }
        hook.withLock { $0 = { host.cancel() } }
        let id = try await bench.start().run.id
        await host.finish()
        #expect(bench.tools.called.isEmpty)
        #expect(try await bench.count("SELECT count(*) FROM workflow_node") == 0)
        let run = try await bench.working(name: "two") { try await bench.end(of: id) }
        #expect(run.state == .done && run.attempts == 2, "\(String(describing: run.failure))")
        #expect(bench.tools.called == ["t.once"] && run.trace.first?["tries"] == 1)
    }
}
