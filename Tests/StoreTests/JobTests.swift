import Glibc
import IO
import Store
import Testing

private final class Flag: Sendable {
    private let value = Lock(false)
    var isSet: Bool { value.withLock { $0 } }
    func set() { value.withLock { $0 = true } }
    func clear() { value.withLock { $0 = false } }
}

@Suite("Jobs") struct JobTests {
    private func withJobs<Result>(_ engine: DatabaseEngine, _ caps: JobStore.Caps = .init(), _ body: (JobStore, Database) async throws -> Result)
        async throws -> Result
    {
        try await withDatabase(engine) { database in try await body(JobStore(database: database, caps: caps), database) }
    }

    /// A worker that dies now and then, at any point between two statements, and leaves the rest to its lease.
    private static func work(_ jobs: JobStore, _ name: String, until isOver: Flag) async throws {
        var random = SystemRandomNumberGenerator()
        while !isOver.isSet {
            guard let lease = try await jobs.claim(worker: name, kinds: ["count"]) else {
                try await Task.sleep(for: .milliseconds(20))
                continue
            }
            if Int.random(in: 0..<20, using: &random) == 0 { continue }
            _ = try await jobs.heartbeat(lease)
            if Int.random(in: 0..<20, using: &random) == 0 { continue }
            try await jobs.complete(lease) { connection in
                try await connection.execute(
                    "INSERT INTO plugin_state (plugin, state, changed_at, changed_by) VALUES ($1, 'done', 1, $2)",
                    [.text("j" + lease.payload), .text(name)])
            }
        }
    }

    @Test("50 workers, killed at random, do 1,000 jobs, each once, and no descriptor stays (LEARN-5, OPS-8)", arguments: DatabaseEngine.allCases)
    func eachOnce(engine: DatabaseEngine) async throws {
        var caps = JobStore.Caps()
        (caps.leaseMilliseconds, caps.running) = (400, 50)
        try await withJobs(engine, caps) { jobs, database in
            for start in stride(from: 0, to: 1000, by: 100) {
                try await database.write { connection in
                    for index in start..<start + 100 {
                        try await JobStore.add(
                            JobRequest("count", tenant: "t\(index % 3)", owner: "u\(index % 7)", payload: "\(index)", attemptsMax: 100), connection)
                    }
                }
            }
            // The readers and the pool have what they keep.
            _ = try await jobs.counts()
            let before = Self.descriptors()
            let isOver = Flag()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for worker in 0..<50 { group.addTask { try await Self.work(jobs, "w\(worker)", until: isOver) } }
                let end = Deadline.after(milliseconds: 60_000)
                while try await jobs.counts()["count"]?[.done] != 1000, !end.hasPassed { try await Task.sleep(for: .milliseconds(100)) }
                isOver.set()
                try await group.waitForAll()
            }
            #expect(try await jobs.counts()["count"] == [.done: 1000])
            let done = try await database.read { try await $0.row("SELECT count(*), count(DISTINCT plugin) FROM plugin_state") }
            #expect(done?.values == [.integer(1000), .integer(1000)])
            #expect(Self.descriptors() <= before + 20)
        }
    }

    private static func descriptors() -> Int {
        guard let folder = opendir("/proc/self/fd") else { return -1 }
        defer { closedir(folder) }
        var count = 0
        while readdir(folder) != nil { count += 1 }
        return count
    }

    @Test("whoever lost the lease completes nothing, and what it wrote is not there", arguments: DatabaseEngine.allCases)
    func lostLease(engine: DatabaseEngine) async throws {
        try await withJobs(engine) { jobs, database in
            try await jobs.add(JobRequest("k", tenant: "t", owner: "u"))
            // Read behind it: the job is due from its own moment on.
            let now = StoreClock.nowMilliseconds()
            let first = try #require(try await jobs.claim(worker: "a", kinds: ["k"], nowMilliseconds: now))
            #expect(try await jobs.claim(worker: "b", kinds: ["k"], nowMilliseconds: now) == nil)
            #expect(try await jobs.heartbeat(first, nowMilliseconds: now + 30_000))
            #expect(try await jobs.claim(worker: "b", kinds: ["k"], nowMilliseconds: now + 61_000) == nil)
            let second = try #require(try await jobs.claim(worker: "b", kinds: ["k"], nowMilliseconds: now + 91_000))
            #expect(second.id == first.id && second.attempt == 2)
            #expect(try await !jobs.heartbeat(first))
            let late = try await jobs.complete(first) { connection in
                try await connection.execute("INSERT INTO plugin_state (plugin, state, changed_at, changed_by) VALUES ('late', 's', 1, 'a')")
            }
            #expect(!late)
            #expect(try await jobs.complete(second))
            #expect(try await !jobs.complete(second))
            #expect(try await database.read { try await $0.row("SELECT count(*) FROM plugin_state")?.int(0) } == 0)
        }
    }

    @Test(
        "a job that fails waits ever longer, is dead after its last attempt, is seen, and can be given another chance (OPS-4)",
        arguments: DatabaseEngine.allCases)
    func deadLetters(engine: DatabaseEngine) async throws {
        try await withJobs(engine) { jobs, _ in
            let id = try await jobs.add(JobRequest("k", tenant: "t", owner: "u", attemptsMax: 3))
            var now = StoreClock.nowMilliseconds()
            var pauses: [Int64] = []
            for _ in 0..<3 {
                let lease = try #require(try await jobs.claim(worker: "a", kinds: ["k"], nowMilliseconds: now))
                #expect(try await jobs.fail(lease, "no route", nowMilliseconds: now))
                guard let waiting = try await jobs.list(.queued).items.first else { break }
                pauses.append(waiting.dueAtMilliseconds - now)
                #expect(try await jobs.claim(worker: "a", kinds: ["k"], nowMilliseconds: now) == nil)
                now = waiting.dueAtMilliseconds
            }
            #expect(pauses.count == 2 && (500...1000).contains(pauses[0]) && (1000...2000).contains(pauses[1]))
            let dead = try await jobs.list(.dead, tenant: "t").items
            #expect(dead.map(\.failure) == ["no route"] && dead.map(\.attempts) == [3])
            #expect(try await jobs.list(.dead, tenant: "other").items.isEmpty)
            #expect(try await jobs.counts() == ["k": [.dead: 1]])
            #expect(try await jobs.retry(try #require(id), tenant: "other") == nil)
            #expect(try await jobs.retry(try #require(id), tenant: "t")?.attempts == 0)
            #expect(try await jobs.claim(worker: "a", kinds: ["k"]) != nil)
        }
    }

    @Test("tenants, then users, take turns however many jobs one of them has; caps hold in all and by kind", arguments: DatabaseEngine.allCases)
    func fairness(engine: DatabaseEngine) async throws {
        var caps = JobStore.Caps()
        (caps.running, caps.runningByKind) = (6, ["slow": 1])
        try await withJobs(engine, caps) { jobs, _ in
            for _ in 0..<20 { try await jobs.add(JobRequest("k", tenant: "greedy", owner: "u1")) }
            try await jobs.add(JobRequest("k", tenant: "greedy", owner: "u2"))
            for _ in 0..<2 { try await jobs.add(JobRequest("k", tenant: "small", owner: "v")) }
            for _ in 0..<2 { try await jobs.add(JobRequest("slow", tenant: "small", owner: "v")) }
            let claims = await withTaskGroup(of: JobLease?.self) { group in
                for _ in 0..<20 {
                    group.addTask {
                        do { return try await jobs.claim(worker: "w", kinds: ["k", "slow"]) } catch {
                            Issue.record("\(error)")
                            return nil
                        }
                    }
                }
                return await group.reduce(into: [JobLease]()) { all, next in next.map { all.append($0) } }
            }
            #expect(claims.count == 6)
            #expect(claims.filter { $0.kind == "slow" }.count == 1)
            #expect(Set(claims.map(\.owner)) == ["u1", "u2", "v"])
            #expect(claims.filter { $0.tenant == "small" }.count >= 3)
        }
    }

    @Test("a periodic job is added once for all hosts, and not while the one before still waits", arguments: DatabaseEngine.allCases)
    func periods(engine: DatabaseEngine) async throws {
        try await withJobs(engine) { jobs, _ in
            let now = StoreClock.nowMilliseconds()
            try await jobs.repeatEvery(milliseconds: 1000, "sweep", JobRequest("sweep", tenant: "", owner: "system"))
            let added = await withTaskGroup(of: Int.self) { group in
                for _ in 0..<10 { group.addTask { (try? await jobs.tick(nowMilliseconds: now)) ?? 100 } }  // an error counts as a hundred
                return await group.reduce(0, +)
            }
            #expect(added == 1)
            #expect(try await jobs.tick(nowMilliseconds: now + 1001) == 0)
            let lease = try #require(try await jobs.claim(worker: "a", kinds: ["sweep"], nowMilliseconds: now))
            #expect(try await jobs.complete(lease))
            #expect(try await jobs.tick(nowMilliseconds: now + 2002) == 1)
            #expect(try await jobs.forget(doneBeforeMilliseconds: now + 100_000) == 1)
        }
    }
}

@Suite("Idempotency") struct IdempotencyTests {
    private let reply = StoredReply(status: 201, contentType: "application/json", body: Array("{}".utf8))

    @Test(
        "of 100 equal requests at once one runs; the others wait their turn, and later ones get its answer (API-4)",
        arguments: DatabaseEngine.allCases)
    func once(engine: DatabaseEngine) async throws {
        try await withDatabase(engine) { database in
            let store = IdempotencyStore(database: database)
            let outcomes = await withTaskGroup(of: IdempotencyStore.Outcome?.self) { group in
                for _ in 0..<100 {
                    group.addTask {
                        do { return try await store.claim("key", scope: "t u POST /x", request: [1]) } catch {
                            Issue.record("\(error)")
                            return nil
                        }
                    }
                }
                return await group.reduce(into: [IdempotencyStore.Outcome]()) { all, next in next.map { all.append($0) } }
            }
            let claims = outcomes.compactMap { if case .begin(let claim) = $0 { claim } else { nil } }
            #expect(claims.count == 1)
            #expect(outcomes.filter { $0 == .running }.count == 99)
            #expect(try await store.finish(try #require(claims.first), reply))
            #expect(try await store.claim("key", scope: "t u POST /x", request: [1]) == .replay(reply))
            #expect(try await store.claim("key", scope: "t u POST /x", request: [2]) == .reused)
            // Another's key of the same name is another key.
            guard case .begin = try await store.claim("key", scope: "t v POST /x", request: [2]) else {
                Issue.record("another user's key was taken")
                return
            }
        }
    }

    @Test("an answer is kept for 24 hours; a claim that was given up or whose holder died is free again (API-4)", arguments: DatabaseEngine.allCases)
    func ends(engine: DatabaseEngine) async throws {
        try await withDatabase(engine) { database in
            let store = IdempotencyStore(database: database)
            let now = StoreClock.nowMilliseconds()
            func begin(_ key: String, at moment: Int64) async throws -> IdempotencyClaim? {
                if case .begin(let claim) = try await store.claim(key, scope: "s", request: [1], isRepeatable: true, nowMilliseconds: moment) {
                    claim
                } else {
                    nil
                }
            }
            let given = try #require(try await begin("given", at: now))
            try await store.abandon(given)
            #expect(try await begin("given", at: now) != nil)
            #expect(try await !store.finish(given, reply))
            let died = try #require(try await begin("died", at: now))
            #expect(try await begin("died", at: now + 119_000) == nil)
            // What must not be done twice stays as it is: nobody knows whether it was done.
            #expect(try await store.claim("died", scope: "s", request: [1], nowMilliseconds: now + 121_000) == .lost)
            #expect(try await begin("died", at: now + 121_000) != nil)
            #expect(try await !store.finish(died, reply))
            let kept = try #require(try await begin("kept", at: now))
            #expect(try await store.finish(kept, reply))
            #expect(try await begin("kept", at: now + 86_399_000) == nil)
            #expect(try await begin("kept", at: now + 86_401_000) != nil)
            #expect(try await store.forget(nowMilliseconds: now + 86_500_000) >= 1)
        }
    }
}

@Suite("Jobs: a host's runner") struct JobRunnerTests {
    private final class Ends: Sendable {
        private let all = Lock<[JobEnd]>([])
        func add(_ end: JobEnd) { all.withLock { $0.append(end) } }
        func outcomes(_ kind: String) -> [JobEnd.Outcome] { all.withLock { $0.filter { $0.kind == kind }.map(\.outcome) } }
    }

    private func until(_ isSo: () async throws -> Bool) async throws -> Bool {
        let end = Deadline.after(milliseconds: 20_000)
        while !end.hasPassed {
            if try await isSo() { return true }
            try await Task.sleep(for: .milliseconds(20))
        }
        return false
    }

    private struct Bed {
        let jobs: JobStore
        let runner: JobRunner
        let ends: Ends
        let database: Database
        let task: OwnedTask<Void>
    }

    private func with(
        _ engine: DatabaseEngine, leaseMilliseconds: Int = 60_000, probe: StoreProbe? = nil, _ handlers: [String: JobRunner.Handler],
        _ body: (Bed) async throws -> Void
    ) async throws {
        var caps = JobStore.Caps()
        caps.leaseMilliseconds = leaseMilliseconds
        let group = try EventLoopGroup(count: 1)
        defer { group.stop() }
        try await withDatabase(engine, probe: probe) { database in
            let (jobs, ends) = (JobStore(database: database, caps: caps), Ends())
            let runner = JobRunner(jobs, name: "host", handlers: handlers, on: group.loops[0]) { ends.add($0) }
            let task = OwnedTask(on: group.loops[0]) { await runner.run() }
            try await body(Bed(jobs: jobs, runner: runner, ends: ends, database: database, task: task))
            task.cancel()
            await task.finish()
        }
    }

    @Test(
        "a job begins when it is added, what it writes is committed with its end, and a failing one is tried again",
        arguments: DatabaseEngine.allCases)
    func work(engine: DatabaseEngine) async throws {
        let failing: JobRunner.Handler = { lease in
            guard lease.attempt > 1 else { throw StoreError(.unavailable, "not yet") }
            return { connection in
                try await connection.execute("INSERT INTO plugin_state (plugin, state, changed_at, changed_by) VALUES ('p', 's', 1, 'a')")
            }
        }
        try await with(engine, ["k": failing, "no": { _ in throw JobIsHopeless("it cannot be") }]) { bed in
            try await bed.jobs.add(JobRequest("k", tenant: "t", owner: "u"))
            try await bed.jobs.add(JobRequest("no", tenant: "t", owner: "u"))
            #expect(try await until { bed.ends.outcomes("k") == [.failed, .done] })
            #expect(try await bed.jobs.counts() == ["k": [.done: 1], "no": [.dead: 1]])
            #expect(try await bed.jobs.list(.dead).items.map(\.failure) == ["it cannot be"])
            #expect(try await bed.database.read { try await $0.row("SELECT count(*) FROM plugin_state")?.int(0) } == 1)
            #expect(bed.runner.running == 0)
        }
    }

    @Test("a job longer than its lease keeps it; a host that stops gives back what runs, as if it had not begun", arguments: DatabaseEngine.allCases)
    func leases(engine: DatabaseEngine) async throws {
        let long: JobRunner.Handler = { lease in
            try await Task.sleep(for: .milliseconds(lease.payload == "for ever" ? 600_000 : 1_500))
            return { _ in }
        }
        try await with(engine, leaseMilliseconds: 600, ["long": long]) { bed in
            try await bed.jobs.add(JobRequest("long", tenant: "t", owner: "u"))
            #expect(try await until { bed.ends.outcomes("long") == [.done] })
            try await bed.jobs.add(JobRequest("long", tenant: "t", owner: "u", payload: "for ever"))
            #expect(try await until { bed.runner.running == 1 })
            #expect(try await bed.jobs.list(.running).items.map(\.attempts) == [1])
            bed.task.cancel()
            await bed.task.finish()
            #expect(bed.ends.outcomes("long") == [.done, .returned])
            #expect(try await bed.jobs.list(.queued).items.map(\.attempts) == [0])
        }
    }

    @Test(
        "a store that is away for less than a lease ends no job; from one that stays away its worker takes the job for lost before another can have it",
        arguments: DatabaseEngine.allCases)
    func away(engine: DatabaseEngine) async throws {
        let isAway = Flag()
        let probe = StoreProbe { (step) throws(StoreError) in
            guard isAway.isSet, case .statement(let sql) = step, "\(sql.sqlite)".hasPrefix("UPDATE job SET lease_until") else { return }
            throw StoreError(.unavailable, "the store is away")
        }
        let ended = Lock<Deadline?>(nil)
        let handlers: [String: JobRunner.Handler] = [
            "short": { _ in
                isAway.set()
                try await Task.sleep(for: .milliseconds(1_400))
                isAway.clear()
                try await Task.sleep(for: .milliseconds(1_600))
                return { _ in }
            },
            "long": { _ in
                isAway.set()
                defer { ended.withLock { $0 = $0 ?? .now() } }
                try await Task.sleep(for: .milliseconds(60_000))
                return { _ in }
            },
        ]
        try await with(engine, leaseMilliseconds: 2_100, probe: probe, handlers) { bed in
            try await bed.jobs.add(JobRequest("short", tenant: "t", owner: "u"))
            #expect(try await until { !bed.ends.outcomes("short").isEmpty })
            #expect(bed.ends.outcomes("short") == [.done])
            let began = Deadline.now()
            try await bed.jobs.add(JobRequest("long", tenant: "t", owner: "u"))
            #expect(try await until { !bed.ends.outcomes("long").isEmpty })
            #expect(bed.ends.outcomes("long").first == .lost)
            let taken = (ended.withLock { $0 }?.nanoseconds ?? 0).subtractingReportingOverflow(began.nanoseconds).partialValue / 1_000_000
            #expect(taken >= 1_900, "\(taken) ms")
        }
    }

    @Test("a host takes nothing back from itself, whatever the wall clock says of its leases", arguments: DatabaseEngine.allCases)
    func clockSteps(engine: DatabaseEngine) async throws {
        let long: JobRunner.Handler = { _ in
            try await Task.sleep(for: .milliseconds(2_500))
            return { _ in }
        }
        try await with(engine, ["long": long]) { bed in
            try await bed.jobs.add(JobRequest("long", tenant: "t", owner: "u"))
            #expect(try await until { bed.runner.running == 1 })
            // As when the clock was set forward behind the claim: for whoever looks, the lease is over.
            try await bed.database.write { try await $0.execute("UPDATE job SET lease_until = 1 WHERE state = 'running'") }
            #expect(try await until { !bed.ends.outcomes("long").isEmpty })
            #expect(bed.ends.outcomes("long") == [.done])
            #expect(try await bed.jobs.list(.done).items.map(\.attempts) == [1])
        }
        // Another's it does take back.
        try await with(engine, [:]) { bed in
            try await bed.jobs.add(JobRequest("k", tenant: "t", owner: "u"))
            let lease = try #require(try await bed.jobs.claim(worker: "a", kinds: ["k"]))
            let later = StoreClock.nowMilliseconds() + 61_000
            #expect(try await bed.jobs.claim(worker: "b", kinds: ["k"], own: [lease], nowMilliseconds: later) == nil)
            #expect(try await bed.jobs.claim(worker: "b", kinds: ["k"], nowMilliseconds: later)?.id == lease.id)
        }
    }

    @Test("a dead job of a period does not stand in the way of the next (OPS-4)", arguments: DatabaseEngine.allCases)
    func deadPeriod(engine: DatabaseEngine) async throws {
        try await withDatabase(engine) { database in
            let (jobs, now) = (JobStore(database: database), StoreClock.nowMilliseconds())
            try await jobs.repeatEvery(milliseconds: 1000, "sweep", JobRequest("sweep", tenant: "", owner: "system"))
            try await jobs.tick(nowMilliseconds: now)
            let lease = try #require(try await jobs.claim(worker: "a", kinds: ["sweep"], nowMilliseconds: now))
            #expect(try await jobs.fail(lease, "no", isFinal: true, nowMilliseconds: now))
            #expect(try await jobs.tick(nowMilliseconds: now + 1001) == 1)
        }
    }
}
