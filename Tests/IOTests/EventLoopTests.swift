import Glibc
import IO
import Synchronization
import TestKit
import Testing

@Suite struct EventLoopTests {
    @Test("a task, its children and its continuations stay on the loop that they prefer")
    func staysOnLoop() async throws {
        let stayed = try await onLoop(count: 2) { loop in
            var all = loop.isCurrent
            try await loop.sleep(until: .after(milliseconds: 1))
            all = all && loop.isCurrent
            async let child = { loop.isCurrent }()
            let fromChild = await child
            all = all && fromChild
            let fromGroup = await withTaskGroup(of: Bool.self) { group in
                for _ in 0..<4 { group.addTask { loop.isCurrent } }
                return await group.reduce(true) { $0 && $1 }
            }
            let owned = try await OwnedTask { EventLoop.current === loop }.value
            return all && fromGroup && owned && loop.isCurrent
        }
        #expect(stayed)
    }

    @Test("an actor can live on a loop")
    func actorOnLoop() async throws {
        actor Resident {
            let loop: EventLoop
            nonisolated var unownedExecutor: UnownedSerialExecutor { loop.serialExecutor.asUnownedSerialExecutor() }
            init(loop: EventLoop) { self.loop = loop }
            func isHome() -> Bool { loop.isCurrent }
        }
        let group = try EventLoopGroup(count: 1)
        #expect(await Resident(loop: group.loops[0]).isHome())
        await group.shutdown()
    }

    @Test("callbacks of one thread run in order, on the loop")
    func executeInOrder() async throws {
        let seen = try await onLoop(count: 2) { loop in
            let seen = Lock<[Int]>([])
            for index in 0..<1000 { loop.execute { seen.withLock { $0.append(index) } } }
            try await loop.sleep(until: .after(milliseconds: 20))
            return seen.withLock { $0 }
        }
        #expect(seen == Array(0..<1000))
    }

    @Test("work left by many threads at once is all done")
    func manyThreads() async throws {
        let group = try EventLoopGroup(count: 2)
        let count = Shared(0)
        let leave: @Sendable (Int) -> Void = { many in
            for _ in 0..<many { group.next().execute { count.lock.withLock { $0 += 1 } } }
        }
        let pool = try BlockingPool(name: "test", threads: 4, queueMax: 16)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            for _ in 0..<4 {
                tasks.addTask { try await pool.run { leave(5000) } }
            }
            try await tasks.waitForAll()
        }
        await group.shutdown()
        pool.shutdown()
        #expect(count.lock.withLock { $0 } == 20_000)
    }

    @Test("timers fire in order of their deadlines, and a cancelled one never")
    func timersInOrder() async throws {
        let seen = try await onLoop { loop in
            let seen = Lock<[Int]>([])
            let start = Deadline.now()
            for wait in [30, 10, 20, 5, 25, 15] {
                loop.schedule(at: start.adding(milliseconds: wait)) { seen.withLock { $0.append(wait) } }
            }
            loop.schedule(at: start.adding(milliseconds: 12)) { seen.withLock { $0.append(-1) } }.cancel()
            try await loop.sleep(until: start.adding(milliseconds: 60))
            return seen.withLock { $0 }
        }
        #expect(seen == [5, 10, 15, 20, 25, 30])
    }

    @Test("timers fire in the order of their milliseconds, whatever is taken out of the middle", arguments: 0..<20)
    func againstSort(seed: Int) async throws {
        let (seen, expected) = try await onLoop { loop in
            var random = SeededRandom(seed: UInt64(seed) &+ 1)
            let seen = Lock<[UInt64]>([])
            let base = Deadline.now().adding(milliseconds: 20).nanoseconds
            var timers: [(UInt64, Timer)] = []
            for _ in 0..<500 {
                let due = base + random.next() % 10_000_000
                timers.append((due, loop.schedule(at: Deadline(nanoseconds: due)) { seen.withLock { $0.append(due) } }))
            }
            var kept: [UInt64] = []
            for (due, timer) in timers {
                if random.next() % 3 == 0 { timer.cancel() } else { kept.append(due) }
            }
            try await loop.sleep(until: Deadline(nanoseconds: base + 30_000_000))
            return (seen.withLock { $0 }, kept.sorted())
        }
        let ticks = { (dues: [UInt64]) in dues.map { ($0 + 999_999) / 1_000_000 } }
        #expect(ticks(seen) == ticks(expected) && Set(seen) == Set(expected), "seed \(seed)")
    }

    @Test("sleep ends within 50 ms of a cancellation", arguments: [true, false])
    func sleepEndsOnCancellation(onItsLoop: Bool) async throws {
        let group = try EventLoopGroup(count: 1)
        let loop = group.loops[0]
        // The best of some attempts, because a busy machine can keep any thread waiting.
        var best = Int.max
        for _ in 0..<20 where best >= 50 {
            let task = OwnedTask(on: onItsLoop ? loop : nil) {
                (await codeThrown { try await loop.sleep(until: .after(milliseconds: 60_000)) }, Deadline.now())
            }
            try await loop.sleep(until: .after(milliseconds: 20))
            let start = Deadline.now().nanoseconds
            task.cancel()
            let (code, end) = try await task.value
            #expect(code == .cancelled)
            best = min(best, Int((end.nanoseconds - start) / 1_000_000))
        }
        #expect(best < 50)
        let early = OwnedTask(on: loop) { await codeThrown { try await loop.sleep(until: .distantFuture) } }
        early.cancel()
        #expect(try await early.value == .cancelled)
        await group.shutdown()
    }

    @Test("a loop that ends wakes whoever still waits")
    func shutdownWakes() async throws {
        let group = try EventLoopGroup(count: 1)
        let loop = group.loops[0]
        let pair = try Pair()
        let sleeper = OwnedTask(on: loop) { await codeThrown { try await loop.sleep(until: .distantFuture) } }
        let reader = OwnedTask(on: loop) {
            await codeThrown { try await loop.register(pair.near).readable(until: .distantFuture) }
        }
        try await loop.sleep(until: .after(milliseconds: 20))
        await group.shutdown()
        #expect(try await sleeper.value == .closed)
        #expect(try await reader.value == .closed)
    }

    @Test("a turn that holds its loop over 50 ms is counted and reported")
    func longTurnIsReported() async throws {
        let (reported, worst, count) = try await onLoop { loop in
            let reported = Lock(0)
            loop.statistics.reportLongTurns { milliseconds in reported.withLock { $0 = milliseconds } }
            usleep(70_000)
            try await loop.sleep(until: .after(milliseconds: 5))
            return (reported.withLock { $0 }, loop.statistics.takeWorstTurnNanoseconds(), loop.statistics.longTurns)
        }
        #expect(reported >= 70)
        #expect(worst >= 70_000_000)
        #expect(count == 1)
    }

    @Test("main can run a task on a loop and get its result or its error")
    func runBlocking() throws {
        let group = try EventLoopGroup(count: 1)
        #expect(try group.runBlocking { 41 + 1 } == 42)
        #expect(throws: IOError(.overloaded, "x")) { try group.runBlocking { throw IOError(.overloaded, "x") } }
        group.stop()
    }
}
