import Supervisor
import Testing

@Suite struct WorkerPoolTests {
    private let start = Moment(nanoseconds: 5_000_000_000)
    private func ms(_ value: Int) -> Moment { start.adding(milliseconds: value) }
    private func key(_ tenant: String, call: UInt64 = 1, mode: IsolationMode = .tenant) -> IsolationKey {
        IsolationKey(mode, tenant: tenant, user: "u", call: call)
    }

    private func readyPool(_ settings: WorkerPool.Settings) -> WorkerPool {
        var pool = WorkerPool(settings)
        pool.tick(at: start)
        for action in pool.takeActions() { if case .spawn(let id) = action { pool.workerReady(id, at: start) } }
        _ = pool.takeActions()
        return pool
    }

    private func granted(_ checkout: WorkerPool.Checkout) throws -> UInt64 {
        guard case .granted(let id) = checkout else { throw NotGranted(checkout: checkout) }
        return id
    }

    private struct NotGranted: Error { let checkout: WorkerPool.Checkout }

    @Test("a spare serves the first call at once and is replaced in the background")
    func spare() throws {
        var pool = readyPool(.init(spares: 1))
        let id = try granted(pool.checkOut(1, key: key("a"), until: ms(100), at: ms(1)))
        #expect(id == 1)
        same(pool.takeActions(), [])
        pool.checkIn(id, at: ms(2))
        same(pool.takeActions(), [.spawn(2)])
    }

    @Test("a spare's place does not stay empty for longer than a short call takes")
    func spareDuringLongCall() throws {
        var pool = readyPool(.init(spares: 1))
        _ = try granted(pool.checkOut(1, key: key("a"), until: ms(100), at: ms(1)))
        let due = ms(1 + SupervisorLimits.sparePatienceMilliseconds)
        same(pool.nextTick(at: ms(1)), due)
        pool.tick(at: due)
        same(pool.takeActions(), [.spawn(2)])
    }

    @Test("a worker goes on serving its key and is never handed to another (TOOL-2)")
    func sameKey() throws {
        var pool = readyPool(.init(workersMax: 2, spares: 1))
        let first = try granted(pool.checkOut(1, key: key("a"), until: ms(100), at: ms(1)))
        pool.checkIn(first, at: ms(2))
        same(try granted(pool.checkOut(2, key: key("a"), until: ms(100), at: ms(3))), first)
        pool.checkIn(first, at: ms(4))
        _ = pool.takeActions()
        same(pool.checkOut(3, key: key("b"), until: ms(100), at: ms(5)), .queued)
        pool.workerReady(2, at: ms(6))
        same(pool.takeActions(), [.grant(3, 2, startedFor: false)])
    }

    @Test("call isolation never gives a worker a second call")
    func callIsolation() throws {
        var pool = readyPool(.init(mode: .call, workersMax: 4, spares: 2))
        let id = try granted(pool.checkOut(1, key: key("a", call: 1, mode: .call), until: ms(100), at: ms(1)))
        _ = pool.takeActions()
        pool.checkIn(id, at: ms(2))
        let actions = pool.takeActions()
        #expect(actions.contains(.retire(id, .retired)))
        let next = try granted(pool.checkOut(2, key: key("a", call: 2, mode: .call), until: ms(100), at: ms(3)))
        #expect(next != id)
    }

    @Test("at the cap an idle worker of another key makes room, and the waiter gets the new one")
    func eviction() throws {
        var pool = readyPool(.init(workersMax: 1, spares: 0))
        same(pool.checkOut(1, key: key("a"), until: ms(500), at: ms(1)), .queued)
        same(pool.takeActions(), [.spawn(1)])
        pool.workerReady(1, at: ms(2))
        same(pool.takeActions(), [.grant(1, 1, startedFor: true)])
        pool.checkIn(1, at: ms(3))
        same(pool.checkOut(2, key: key("b"), until: ms(500), at: ms(4)), .queued)
        same(pool.takeActions(), [.retire(1, .evicted)])
        #expect(pool.counts.total == 1)
        pool.workerGone(1, loadFailure: nil, at: ms(5))
        same(pool.takeActions(), [.spawn(2)])
        pool.workerReady(2, at: ms(6))
        same(pool.takeActions(), [.grant(2, 2, startedFor: true)])
    }

    @Test("a key with a queue of its own does not starve another, and does not lose its worker at every call")
    func fairness() throws {
        var pool = readyPool(.init(workersMax: 1, spares: 1))
        let worker = try granted(pool.checkOut(1, key: key("a"), until: ms(9_000), at: ms(0)))
        same(pool.checkOut(2, key: key("b"), until: ms(9_000), at: ms(1)), .queued)
        same(pool.checkOut(3, key: key("a"), until: ms(9_000), at: ms(2)), .queued)
        same(pool.checkOut(4, key: key("a"), until: ms(9_000), at: ms(2)), .queued)
        pool.checkIn(worker, at: ms(10))
        same(pool.takeActions(), [.grant(3, worker, startedFor: false)])
        pool.checkIn(worker, at: ms(40))
        same(pool.takeActions(), [.retire(worker, .evicted)])
        pool.workerGone(worker, loadFailure: nil, at: ms(41))
        guard case .spawn(let next)? = pool.takeActions().first else { Issue.record("no worker was started for the waiter"); return }
        pool.workerReady(next, at: ms(42))
        same(pool.takeActions(), [.grant(2, next, startedFor: true)])
    }

    @Test("the queue is bounded in number and in time")
    func boundedQueue() {
        var pool = WorkerPool(.init(workersMax: 1, spares: 0, waitersMax: 2, waitMillisecondsMax: 1_000))
        same(pool.checkOut(1, key: key("a"), until: ms(50_000), at: start), .queued)
        same(pool.checkOut(2, key: key("a"), until: ms(300), at: start), .queued)
        // One of the three waits for the worker that is being started, and two for its end.
        same(pool.checkOut(3, key: key("a"), until: ms(50_000), at: start), .queued)
        same(pool.checkOut(4, key: key("a"), until: ms(50_000), at: start), .refused(.busy))
        _ = pool.takeActions()
        #expect(pool.nextTick(at: start) == ms(300))
        pool.tick(at: ms(300))
        same(pool.takeActions(), [.refuse(2, .timedOut)])
        pool.tick(at: ms(1_000))
        same(pool.takeActions(), [.refuse(1, .timedOut), .refuse(3, .timedOut)])
    }

    @Test("a queue of none still lets a call wait for a worker that is starting, and no other")
    func noQueue() {
        var pool = WorkerPool(.init(mode: .shared, workersMax: 1, spares: 0, waitersMax: 0))
        same(pool.checkOut(1, key: key("a"), until: ms(50_000), at: start), .queued)
        same(pool.checkOut(2, key: key("a"), until: ms(50_000), at: start), .refused(.busy))
        guard case .spawn(let id)? = pool.takeActions().first else { Issue.record("no worker was started"); return }
        pool.workerReady(id, at: ms(1))
        same(pool.takeActions(), [.grant(1, id, startedFor: true)])
        same(pool.checkOut(3, key: key("a"), until: ms(50_000), at: ms(2)), .refused(.busy))
    }

    @Test("three failed loads in a minute break the plugin: waiters get the reason, nothing is started any more")
    func broken() {
        var pool = WorkerPool(.init(workersMax: 4, spares: 0))
        same(pool.checkOut(1, key: key("a"), until: ms(60_000), at: start), .queued)
        var now = start
        for round in 1...3 {
            same(pool.takeActions(), [.spawn(UInt64(round))])
            pool.workerGone(UInt64(round), loadFailure: "signal 11", at: now)
            if round < 3 {
                same(pool.takeActions(), [])
                now = pool.nextTick(at: now) ?? now
                pool.tick(at: now)
            }
        }
        same(pool.takeActions(), [.broken("signal 11"), .refuse(1, .broken("signal 11"))])
        same(pool.checkOut(2, key: key("a"), until: ms(60_000), at: now), .refused(.broken("signal 11")))
        pool.mend(at: now)
        same(pool.checkOut(3, key: key("a"), until: ms(60_000), at: now), .queued)
    }

    @Test("a worker goes after its number of calls, after its time, and when it is idle too long")
    func retirement() throws {
        var pool = readyPool(.init(workersMax: 2, spares: 0, callsPerWorkerMax: 2))
        func begin(_ waiter: UInt64, _ at: Moment) -> UInt64 {
            if case .granted(let id) = pool.checkOut(waiter, key: key("a"), until: at.adding(milliseconds: 100), at: at) { return id }
            for action in pool.takeActions() { if case .spawn(let id) = action { pool.workerReady(id, at: at) } }
            for action in pool.takeActions() { if case .grant(waiter, let id, _) = action { return id } }
            return 0
        }
        let first = begin(1, ms(0))
        pool.checkIn(first, at: ms(1))
        same(begin(2, ms(2)), first)
        pool.checkIn(first, at: ms(3))
        same(pool.takeActions(), [.retire(first, .retired)])
        pool.workerGone(first, loadFailure: nil, at: ms(4))
        let second = begin(3, ms(5))
        pool.checkIn(second, at: ms(6))
        #expect(pool.nextTick(at: ms(6)) == ms(60_006))
        pool.tick(at: ms(60_006))
        same(pool.takeActions(), [.retire(second, .idle)])
        pool.workerGone(second, loadFailure: nil, at: ms(60_007))
        let third = begin(4, ms(60_010))
        pool.checkIn(third, at: ms(60_010 + 3_600_000))
        same(pool.takeActions(), [.retire(third, .retired)])
    }

    @Test("draining refuses whoever waits, lets calls end and leaves nothing (OPS-3)")
    func drain() throws {
        var pool = readyPool(.init(workersMax: 1, spares: 1))
        let busy = try granted(pool.checkOut(1, key: key("a"), until: ms(9_000), at: ms(0)))
        same(pool.checkOut(2, key: key("a"), until: ms(9_000), at: ms(1)), .queued)
        pool.drain()
        same(pool.takeActions(), [.refuse(2, .drained)])
        same(pool.checkOut(3, key: key("a"), until: ms(9_000), at: ms(1)), .refused(.drained))
        pool.checkIn(busy, at: ms(2))
        same(pool.takeActions(), [.retire(busy, .drained)])
        pool.workerGone(busy, loadFailure: nil, at: ms(3))
        #expect(pool.isEmpty)
        same(pool.takeActions(), [])
    }
}
