import Glibc
import Testing

@testable import IO

/// Notes which task did it, and does what it is told meanwhile.
private final class Chore: WarmWork {
    let done = Lock<[ObjectIdentifier]>([])
    private let body: @Sendable () async -> Void

    init(_ body: @escaping @Sendable () async -> Void = {}) { self.body = body }

    func work(in task: WarmTask) async {
        await body()
        done.withLock { $0.append(ObjectIdentifier(task)) }
    }
}

@Suite struct WarmTaskTests {
    /// Calls `body` on the loop between two tasks, and waits for it.
    private static func between(_ loop: EventLoop, _ body: @escaping @Sendable () -> Void) async {
        await withCheckedContinuation { continuation in
            loop.execute {
                body()
                continuation.resume()
            }
        }
    }

    private static func dismiss(_ tasks: WarmTasks) async {
        await withCheckedContinuation { continuation in tasks.dismiss { continuation.resume() } }
    }

    @Test("short pieces of work for a thousand objects use one task, at once and one after the other")
    func oneTask() async throws {
        try await onLoop { loop in
            let tasks = WarmTasks(loop: loop)
            let chores = (0..<1000).map { _ in Chore() }
            await Self.between(loop) {
                for chore in chores {
                    tasks.run(chore)
                    #expect(chore.done.withLock { $0.count } == 1, "done when run returns")
                }
            }
            #expect(Set(chores.flatMap { $0.done.withLock { $0 } }).count == 1)
            await Self.dismiss(tasks)
        }
    }

    @Test("work that waits keeps its task and holds nobody up")
    func waiting() async throws {
        try await onLoop { loop in
            let tasks = WarmTasks(loop: loop)
            let slow = (0..<3).map { _ in Chore { try? await loop.sleep(until: .after(milliseconds: 30)) } }
            let quick = Chore()
            await Self.between(loop) {
                for chore in slow { tasks.run(chore) }
                tasks.run(quick)
                #expect(quick.done.withLock { $0.count } == 1)
                #expect(slow.allSatisfy { $0.done.withLock { $0.isEmpty } })
            }
            await Self.dismiss(tasks)
            #expect(Set((slow + [quick]).flatMap { $0.done.withLock { $0 } }).count == 4, "each its own, and dismissing waits for all")
        }
    }

    @Test("after a burst no more tasks are kept than may wait")
    func burst() async throws {
        try await onLoop { loop in
            let tasks = WarmTasks(loop: loop)
            let slow = (0..<500).map { _ in Chore { try? await loop.sleep(until: .after(milliseconds: 20)) } }
            await Self.between(loop) {
                for chore in slow { tasks.run(chore) }
                #expect(tasks.taskCount == 500)
            }
            let deadline = Deadline.after(milliseconds: 5000)
            while tasks.taskCount > IOLimits.warmTasksMax, !deadline.hasPassed { try await loop.sleep(until: .after(milliseconds: 5)) }
            #expect(tasks.taskCount == IOLimits.warmTasksMax && slow.allSatisfy { $0.done.withLock { $0.count } == 1 })
            await Self.dismiss(tasks)
            #expect(tasks.taskCount == 0)
        }
    }

    @Test("a task that was cancelled is not used again")
    func cancelled() async throws {
        try await onLoop { loop in
            let tasks = WarmTasks(loop: loop)
            let wasCancelled = Lock<[Bool]>([])
            /// Cancels its own task, as a connection does whose client has gone.
            final class Victim: WarmWork {
                let seen: @Sendable (Bool) -> Void
                init(_ seen: @escaping @Sendable (Bool) -> Void) { self.seen = seen }
                func work(in task: WarmTask) async {
                    task.cancel()
                    seen(Task.isCancelled)
                }
            }
            let note: @Sendable (Bool) -> Void = { cancelled in wasCancelled.withLock { $0.append(cancelled) } }
            let after = Chore { note(Task.isCancelled) }
            await Self.between(loop) {
                tasks.run(Victim(note))
                tasks.run(after)
            }
            #expect(wasCancelled.withLock { $0 } == [true, false])
            await Self.dismiss(tasks)
        }
    }

    @Test("from within a task, work begins when that one lets go")
    func nested() async throws {
        try await onLoop { loop in
            let tasks = WarmTasks(loop: loop)
            let chore = Chore()
            tasks.run(chore)
            #expect(chore.done.withLock { $0.isEmpty })
            await Task.yield()
            #expect(chore.done.withLock { $0.count } == 1)
            await Self.dismiss(tasks)
        }
    }

    @Test("tasks that wait for work do not keep a loop from ending")
    func ending() async throws {
        let chore = Chore()
        try await onLoop { loop in
            let tasks = WarmTasks(loop: loop)
            await Self.between(loop) { tasks.run(chore) }
        }
        #expect(chore.done.withLock { $0.count } == 1)
    }
}

@Suite struct ParkingTests {
    @Test("a parked registration hears of data, of its deadline, of an interruption and of its end, once each, and holds no task")
    func parked() async throws {
        try await onLoop { loop in
            let pair = try Pair()
            let registration = try loop.register(pair.near)
            let heard = Lock<[FDRegistration.Outcome]>([])
            registration.onWake = { outcome in heard.withLock { $0.append(outcome) } }
            func wait(_ count: Int) async throws {
                let deadline = Deadline.after(milliseconds: 2000)
                while heard.withLock({ $0.count }) < count, !deadline.hasPassed { try await loop.sleep(until: .after(milliseconds: 1)) }
            }
            #expect(registration.park(until: .distantFuture))
            try pair.send([1])
            try await wait(1)
            var byte: UInt8 = 0
            #expect(recv(pair.near, &byte, 1, 0) == 1)
            let began = Deadline.now()
            #expect(registration.park(until: .after(milliseconds: 20)))
            try await wait(2)
            #expect((19..<2000).contains(elapsed(since: began)))
            #expect(registration.park(until: .distantFuture))
            registration.interrupt()
            // An edge that comes while nobody is parked is not lost.
            try pair.send([2])
            try await loop.sleep(until: .after(milliseconds: 20))
            #expect(!registration.park(until: .distantFuture))
            #expect(registration.park(until: .distantFuture))
            registration.deregister()
            #expect(heard.withLock { $0 } == [.ready, .timedOut, .cancelled, .closed])
            #expect(!registration.park(until: .distantFuture))
        }
    }
}
