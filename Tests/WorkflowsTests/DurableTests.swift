import IO
import JSON
import Store
import Testing

@testable import Workflows

@Suite("Durable runs", .serialized)
struct DurableTests {
    private static let engines: [DatabaseEngine] = [.sqlite, .postgres]
    private static let simple: JSONValue = .workflow(
        entry: "a",
        [
            .call("a", inputs: ["n": "${input.n}"], output: "a", next: "b"), .call("b", inputs: ["n": "${vars.a.n + 1}"], output: "b", next: "done"),
            .end("done", ["n": "${vars.b.n}"]),
        ])

    private func code(_ body: () async throws -> Void) async -> String {
        do {
            try await body()
            return "none"
        } catch let error as WorkflowError {
            switch error {
            case .missing(let kind): return "missing \(kind)"
            case .busy: return "busy"
            case .reused: return "reused"
            case .ended: return "ended"
            case .invalid: return "invalid"
            case .refused(let failure): return "refused \(failure.reason ?? "")"
            case .store(let error): return "store \(error)"
            }
        } catch {
            return "\(error)"
        }
    }

    @Test("a run is kept, done by the queue, and shown with outputs and trace; one record says how it went (WF-1)", arguments: engines)
    func whole(engine: DatabaseEngine) async throws {
        let bench = try await RunBench(engine)
        bench.source.add(Self.simple)
        let run = try await bench.working {
            let (run, isNew) = try await bench.start(input: ["n": 1])
            #expect(isNew && run.state == .queued)
            return try await bench.end(of: run.id)
        }
        #expect(run.state == .done && run.outputs == ["n": 2] && run.input == ["n": 1] && run.failure == nil)
        #expect(run.trace.map { $0["node"] } == ["a", "b", "done"])
        #expect(run.trace.map { $0["outcome"] } == ["ok", "ok", "ok"])
        let records = bench.records.values
        #expect(records.count == 1 && records.first?.outcome == "done" && records.first?.calls == 2 && records.first?.nodes == 3)
        // What nodes answered was for a host that goes on; the trace is the run's own.
        #expect(try await bench.count("SELECT count(*) FROM workflow_node") == 0)
        #expect(try await bench.count("SELECT count(*) FROM job WHERE state = 'done'") == 1)
        // Another's is not there; an admin's tenant is.
        #expect(await code { _ = try await bench.store.run(run.id, of: RunBench.bob) } == "missing run")
        #expect(await code { _ = try await bench.store.run(run.id, of: RunOwner(tenant: "other", account: "eve", isAdmin: true)) } == "missing run")
        _ = try await bench.store.run(run.id, of: RunOwner(tenant: "main", account: "bob", isAdmin: true))
    }

    @Test("what cannot be run is refused before anything is kept, each for its own reason", arguments: engines)
    func refused(engine: DatabaseEngine) async throws {
        let bench = try await RunBench(engine)
        #expect(await code { try await bench.start() } == "missing workflow")
        bench.source.add(["kind": "workflow.chat"])
        #expect(await code { try await bench.start() } == "invalid")
        bench.source.add(Self.simple)
        #expect(await code { try await bench.start(conversation: "gone") } == "missing conversation")
        #expect(await code { try await bench.start(RunBench.bob, conversation: "talk") } == "missing conversation")
        let long = JSONValue.string(String(repeating: "x", count: WorkflowLimits.inputBytesMax))
        #expect(await code { try await bench.start(input: long) } == "refused too_long")
        #expect(await code { _ = try await bench.service.cancel("gone", of: RunBench.ann) } == "missing run")
        #expect(
            await code { _ = try await bench.store.list(of: RunBench.ann, wholeTenant: false, workflow: nil, state: nil, cursor: "!", limit: 5) }
                == "invalid")
        #expect(try await bench.count("SELECT count(*) FROM workflow_run") == 0)
        #expect(try await bench.count("SELECT count(*) FROM job") == 0)
    }

    @Test("fifty racers with one request of one conversation make one run, which is done once (WF-3)", arguments: engines)
    func racers(engine: DatabaseEngine) async throws {
        let bench = try await RunBench(engine)
        bench.source.add(Self.simple)
        let ids = try await bench.working {
            let ids = try await withThrowingTaskGroup(of: (String, Bool).self) { group in
                for _ in 0..<50 {
                    group.addTask {
                        let (run, isNew) = try await bench.start(input: ["n": 1], conversation: "talk", request: "once")
                        return (run.id, isNew)
                    }
                }
                var found: [(String, Bool)] = []
                for try await one in group { found.append(one) }
                return found
            }
            _ = try await bench.end(of: ids[0].0)
            return ids
        }
        #expect(Set(ids.map(\.0)).count == 1 && ids.count { $0.1 } == 1)
        #expect(bench.tools.called.count == 2)
        #expect(await code { try await bench.start(input: ["n": 2], conversation: "talk", request: "once") } == "reused")
        #expect(try await bench.start(input: ["n": 2], request: "once").isNew, "another conversation's request is another")
        #expect(try await bench.start(RunBench.bob, input: ["n": 2], request: "once").isNew, "another person's too")
    }

    @Test("a user has three runs at once, whatever way they end a place is free again, and others have their own (LIM-2)", arguments: engines)
    func busy(engine: DatabaseEngine) async throws {
        let bench = try await RunBench(
            engine, ["t.echo": .init(), "t.slow": .init(milliseconds: 60_000), "t.bad": .init(answer: { _, _ in .failure(RunTests.broken) })])
        let choose: JSONValue = .workflow(
            entry: "w",
            [
                .choose("w", [("input.how == 'good'", "g"), ("input.how == 'bad'", "b")], otherwise: "s"), .call("g", next: "done"),
                .call("b", "t.bad", next: "done"), .call("s", "t.slow", next: "done"), .end(),
            ], timeout: 1_500)
        bench.source.add(choose)
        try await bench.working {
            for how in ["good", "bad", "time", "cancel"] {
                var ids: [String] = []
                for _ in 0..<3 { ids.append(try await bench.start(input: ["how": .string(how)]).run.id) }
                if how == "time" { #expect(await code { try await bench.start(input: ["how": "good"]) } == "busy") }
                if how == "time" { try await bench.start(RunBench.bob, input: ["how": "good"]) }
                if how == "cancel" { for id in ids { try await bench.service.cancel(id, of: RunBench.ann) } }
                for id in ids { #expect(try await bench.end(of: id).state.isOver) }
            }
            #expect(try await bench.start(input: ["how": "good"]).isNew)
        }
        // Nobody did these; their time is over all the same.
        for _ in 0..<2 { try await bench.start(input: ["how": "slow"]) }
        #expect(await code { try await bench.start(max: 2) } == "busy")
        try await bench.loop.sleep(until: .after(milliseconds: 1_600))
        try await bench.start(max: 2)
    }

    @Test("a run keeps the version it began with, although a newer one is there and the workflow is retired (WF-5)", arguments: engines)
    func version(engine: DatabaseEngine) async throws {
        let bench = try await RunBench(engine)
        bench.source.add(.workflow(entry: "done", [.end("done", ["version": 1])]))
        let first = try await bench.start().run.id
        bench.source.add(.workflow(entry: "done", [.end("done", ["version": 2])]))
        let second = try await bench.start().run.id
        bench.source.retire()
        let ends = try await bench.working { [try await bench.end(of: first), try await bench.end(of: second)] }
        #expect(ends.map(\.outputs) == [["version": 1], ["version": 2]])
        #expect(ends.map(\.version) == [1, 2])
        #expect(await code { try await bench.start() } == "missing workflow")
    }

    @Test(
        "cancelled while it waits for a host, or while a tool runs, a run has ended within 50 ms on its host and no tool is left (WF-2)",
        arguments: engines)
    func cancel(engine: DatabaseEngine) async throws {
        let bench = try await RunBench(engine, ["t.stuck": .init(milliseconds: 60_000)])
        bench.source.add(.workflow(entry: "a", [.call("a", "t.stuck", next: "done"), .end()]))
        let waiting = try await bench.start().run.id
        #expect(try await bench.service.cancel(waiting, of: RunBench.ann))
        #expect(await code { try await bench.service.cancel(waiting, of: RunBench.ann) } == "ended")
        try await bench.working {
            let id = try await bench.start().run.id
            while bench.tools.live == 0 { try await bench.loop.sleep(until: .after(milliseconds: 2)) }
            let told = ContinuousClock.now
            #expect(try await !bench.service.cancel(id, of: RunBench.ann))
            while bench.tools.live > 0 { try await bench.loop.sleep(until: .after(milliseconds: 1)) }
            #expect(ContinuousClock.now - told < .milliseconds(engine == .sqlite ? 50 : 150))
            let run = try await bench.end(of: id)
            #expect(run.state == .cancelled && run.failure?.reason == "cancelled")
            #expect(run.trace.first?["outcome"] == "cancelled")
        }
        #expect(bench.tools.called.count == 1)
        #expect(bench.service.running.count == 0)
    }

    @Test("a run whose time is over before a host has it says that it waited in the queue, and its tools are not called (WF-2)")
    func late() async throws {
        let bench = try await RunBench()
        bench.source.add(.workflow(entry: "a", [.call("a", next: "done"), .end()], timeout: 20))
        let id = try await bench.start().run.id
        try await bench.loop.sleep(until: .after(milliseconds: 40))
        let run = try await bench.working { try await bench.end(of: id) }
        #expect(run.state == .failed && run.failure?.reason == "queue" && bench.tools.called.isEmpty)
        #expect(run.failure?.message.contains("no host began this run within its 20 ms") == true)
    }

    @Test("on a host whose clock is an hour behind a run has no more time than its workflow gives (WF-2)")
    func clockBehind() async throws {
        let bench = try await RunBench(.sqlite, ["t.stuck": .init(milliseconds: 60_000)])
        bench.source.add(.workflow(entry: "a", [.call("a", "t.stuck", next: "done"), .end()], timeout: 400))
        let behind = RunStore(database: bench.database) { StoreClock.nowMilliseconds() - 3_600_000 }
        let service = WorkflowService(store: behind, source: bench.source, loop: bench.loop, actions: { [tools = bench.tools] _ in tools })
        let id = try await bench.start().run.id
        let began = ContinuousClock.now
        let run = try await bench.working(service) { try await bench.end(of: id) }
        #expect(run.state == .failed && run.failure?.reason == "timeout", "\(run.state) \(String(describing: run.failure))")
        #expect(ContinuousClock.now - began < .seconds(10))
    }

    @Test(
        "an account or a tenant that is switched off while a run of its is under way has nothing more called in its name, and the run says so",
        arguments: engines, ["UPDATE account SET is_active = 0 WHERE id = 'ann'", "UPDATE tenant SET is_active = 0 WHERE id = 'main'"] as [SQL])
    func barredMeanwhile(engine: DatabaseEngine, switchOff: SQL) async throws {
        let bench = try await RunBench(engine, ["t.echo": .init(milliseconds: 80)])
        bench.source.add(Self.simple)
        let run = try await bench.working {
            let id = try await bench.start(input: ["n": 1]).run.id
            while bench.tools.live == 0 { try await bench.loop.sleep(until: .after(milliseconds: 2)) }
            try await bench.database.write { try await $0.execute(switchOff) }
            return try await bench.end(of: id)
        }
        #expect(run.state == .failed && run.failure?.code == .forbidden && run.failure?.reason == "account")
        #expect(bench.tools.called.count == 1)
        #expect(run.trace.first?["outcome"] == "ok" && run.trace.count <= 2, "\(run.trace)")
    }

    @Test("an account that was switched off has nothing done in its name any more")
    func barred() async throws {
        let bench = try await RunBench()
        bench.source.add(Self.simple)
        let id = try await bench.start(input: ["n": 1]).run.id
        try await bench.database.write { try await $0.execute("UPDATE account SET is_active = 0 WHERE id = 'ann'") }
        let run = try await bench.working { try await bench.end(of: id) }
        #expect(run.failure?.reason == "account" && bench.tools.called.isEmpty)
    }

    @Test("deleting the conversation of a run takes the run away, and its host calls nothing more", arguments: engines)
    func deleted(engine: DatabaseEngine) async throws {
        let bench = try await RunBench(engine, ["t.echo": .init(milliseconds: 80)])
        bench.source.add(Self.simple)
        try await bench.working {
            let id = try await bench.start(input: ["n": 1], conversation: "talk").run.id
            while bench.tools.live == 0 { try await bench.loop.sleep(until: .after(milliseconds: 2)) }
            try await bench.database.write { try await $0.execute("DELETE FROM conversation WHERE id = 'talk'") }
            while try await bench.count("SELECT count(*) FROM job WHERE state IN ('queued', 'running')") > 0 {
                try await bench.loop.sleep(until: .after(milliseconds: 5))
            }
            #expect(await code { _ = try await bench.store.run(id, of: RunBench.ann) } == "missing run")
        }
        #expect(bench.tools.called.count == 1)
        #expect(try await bench.count("SELECT count(*) FROM workflow_node") == 0)
    }

    @Test("runs that ended long ago are removed; one that no job will do any more is given up and says so", arguments: engines)
    func sweep(engine: DatabaseEngine) async throws {
        let bench = try await RunBench(engine)
        bench.source.add(Self.simple)
        let old = try await bench.working { try await bench.end(of: bench.start(input: ["n": 1]).run.id).id }
        let lost = try await bench.start(input: ["n": 1]).run.id
        let waiting = try await bench.start(input: ["n": 1]).run.id
        try await bench.database.write { connection in
            try await connection.execute("UPDATE workflow_run SET ended_at = 1 WHERE id = $1", [.text(old)])
            try await connection.execute("UPDATE workflow_run SET created_at = 1", [])
            try await connection.execute("UPDATE job SET state = 'dead', unique_name = NULL WHERE payload = $1", [.text(lost)])
        }
        let counts = try await bench.store.sweep()
        #expect(counts == (1, 1))
        #expect(try await bench.store.run(lost, of: RunBench.ann).failure?.reason == "interrupted")
        #expect(try await bench.store.run(waiting, of: RunBench.ann).state == .queued)
        #expect(await code { _ = try await bench.store.run(old, of: RunBench.ann) } == "missing run")
    }

    @Test("of a person's ended runs the newest are kept, so many and no more; those under way, and others', are not counted", arguments: engines)
    func thinned(engine: DatabaseEngine) async throws {
        let bench = try await RunBench(engine)
        bench.source.add(Self.simple)
        var ended: [String] = []
        for owner in [RunBench.ann, RunBench.ann, RunBench.ann, RunBench.ann, RunBench.ann, RunBench.bob, RunBench.bob] {
            let id = try await bench.start(owner, input: ["n": 1]).run.id
            try await bench.service.cancel(id, of: owner)
            ended.append(id)
        }
        for _ in 0..<2 { ended.append(try await bench.start(input: ["n": 1]).run.id) }
        #expect(try await bench.store.sweep(kept: 3) == (2, 0))
        #expect(try await bench.store.sweep(kept: 3) == (0, 0))
        let admin = RunOwner(tenant: "main", account: "bob", isAdmin: true)
        let left = try await bench.store.list(of: admin, wholeTenant: true, workflow: nil, state: nil, cursor: nil, limit: 50).items.map(\.id)
        #expect(left == Array(ended.dropFirst(2).reversed()))
    }

    @Test("lists page by key, are a person's own, by workflow and state; an admin sees his tenant's (API-7)", arguments: engines)
    func lists(engine: DatabaseEngine) async throws {
        let bench = try await RunBench(engine)
        bench.source.add(Self.simple)
        var made: [String] = []
        for _ in 0..<5 { made.append(try await bench.start(input: ["n": 1], max: 99).run.id) }
        try await bench.start(RunBench.bob, input: ["n": 1])
        var (seen, cursor): ([String], String?) = ([], nil)
        repeat {
            let page = try await bench.store.list(of: RunBench.ann, wholeTenant: true, workflow: "w", state: .queued, cursor: cursor, limit: 2)
            seen += page.items.map(\.id)
            cursor = page.nextCursor
        } while cursor != nil
        #expect(seen == made.reversed())
        let admin = RunOwner(tenant: "main", account: "bob", isAdmin: true)
        #expect(try await bench.store.list(of: admin, wholeTenant: true, workflow: nil, state: nil, cursor: nil, limit: 50).items.count == 6)
        #expect(try await bench.store.list(of: admin, wholeTenant: false, workflow: nil, state: nil, cursor: nil, limit: 50).items.count == 1)
        #expect(try await bench.store.list(of: RunBench.ann, wholeTenant: false, workflow: nil, state: .done, cursor: nil, limit: 50).items.isEmpty)
    }
}
