import Glibc
import IO
import Testing

@Suite struct BlockingPoolTests {
    @Test("a job in the pool does not delay the loop that waits for it (TOOL-10)")
    func loopGoesOn() async throws {
        let pool = try BlockingPool(name: "test", threads: 1, queueMax: 4)
        let (ticks, worst) = try await onLoop { loop in
            let job = OwnedTask(on: loop) { try await pool.run { _ = usleep(300_000) } }
            _ = loop.statistics.takeWorstTurnNanoseconds()
            let start = Deadline.now()
            var ticks = 0
            var worst = 0
            while elapsed(since: start) < 250 {
                let before = Deadline.now()
                try await loop.sleep(until: .after(milliseconds: 1))
                worst = max(worst, elapsed(since: before))
                ticks += 1
            }
            try await job.value
            return (ticks, worst)
        }
        pool.shutdown()
        #expect(ticks > 2)
        #expect(worst < 250)
    }

    @Test("results and errors come back")
    func results() async throws {
        struct Failure: Error {}
        let pool = try BlockingPool(name: "test", threads: 2, queueMax: 4)
        #expect(try await pool.run { 6 * 7 } == 42)
        await #expect(throws: Failure.self) { try await pool.run { throw Failure() } }
        pool.shutdown()
        #expect(pool.metrics.completed == 2)
        #expect(await codeThrown { try await pool.run {} } == .closed)
    }

    @Test("a full queue refuses at once and counts it")
    func overload() async throws {
        let pool = try BlockingPool(name: "test", threads: 1, queueMax: 2)
        let gate = Gate()
        try await onLoop { loop in
            let blocked = OwnedTask(on: loop) { try await pool.run { gate.wait() } }
            while pool.metrics.running == 0 { try await loop.sleep(until: .after(milliseconds: 1)) }
            let queued = (0..<2).map { _ in OwnedTask(on: loop) { try await pool.run {} } }
            while pool.metrics.queued < 2 { try await loop.sleep(until: .after(milliseconds: 1)) }
            #expect(await codeThrown { try await pool.run {} } == .overloaded)
            #expect(pool.metrics.refused == 1)
            gate.open()
            try await blocked.value
            for task in queued { try await task.value }
        }
        pool.shutdown()
    }

    @Test("the deadline and a cancellation end the wait while the job runs on")
    func abandoned() async throws {
        let pool = try BlockingPool(name: "test", threads: 1, queueMax: 4)
        let gate = Gate()
        try await onLoop { loop in
            let start = Deadline.now()
            #expect(await codeThrown { try await pool.run(deadline: .after(milliseconds: 20)) { gate.wait() } } == .timedOut)
            #expect((19..<2000).contains(elapsed(since: start)))
            let waiting = OwnedTask(on: loop) { await codeThrown { try await pool.run {} } }
            try await loop.sleep(until: .after(milliseconds: 5))
            waiting.cancel()
            #expect(try await waiting.value == .cancelled)
            gate.open()
        }
        pool.shutdown()
        #expect(pool.metrics.abandoned == 2)
        #expect(pool.metrics.completed == 1)
    }
}

@Suite struct OwnershipTests {
    @Test("letting go of an owned task cancels it")
    func dropCancels() async throws {
        try await onLoop { loop in
            let ended = Lock(false)
            do {
                let task = OwnedTask(on: loop) {
                    _ = await codeThrown { try await loop.sleep(until: .distantFuture) }
                    ended.withLock { $0 = true }
                }
                try await loop.sleep(until: .after(milliseconds: 5))
                withExtendedLifetime(task) {}
            }
            try await loop.sleep(until: .after(milliseconds: 50))
            #expect(ended.withLock { $0 })
        }
    }

    @Test("a scope cancels its tasks, waits for them and starts no more")
    func scope() async throws {
        try await onLoop { loop in
            let scope = TaskScope()
            for _ in 0..<100 { scope.start { _ = await codeThrown { try await loop.sleep(until: .distantFuture) } } }
            #expect(scope.count == 100)
            try await loop.sleep(until: .after(milliseconds: 5))
            scope.cancel()
            await scope.finish()
            #expect(scope.count == 0)
            #expect(!scope.start {})
        }
    }

    @Test("signals arrive as values, in order")
    func signals() async throws {
        let source = try SignalSource([SIGUSR1, SIGUSR2])
        let seen = try await onLoop { loop in
            let seen = Lock<[Int32]>([])
            let task = OwnedTask(on: loop) {
                let record: (Int32) async -> Void = { number in seen.withLock { $0.append(number) } }
                try await source.receive(record)
            }
            for signal in [SIGUSR1, SIGUSR2, SIGUSR1] {
                let before = seen.withLock { $0.count }
                kill(getpid(), signal)
                let deadline = Deadline.after(milliseconds: 5000)
                while seen.withLock({ $0.count }) == before && !deadline.hasPassed { try await loop.sleep(until: .after(milliseconds: 2)) }
            }
            task.cancel()
            await task.finish()
            return seen.withLock { $0 }
        }
        #expect(seen == [SIGUSR1, SIGUSR2, SIGUSR1])
    }
}

/// A gate that a thread waits at.
final class Gate: Sendable {
    private let condition = Condition()
    private let isOpen = Lock(false)
    func wait() { condition.withLock { while !isOpen.withLock({ $0 }) { condition.wait() } } }
    func open() {
        condition.withLock {
            isOpen.withLock { $0 = true }
            condition.broadcast()
        }
    }
}
