import Supervisor
import TestKit
import Testing

/// Drives a pool by a random order of requests, cancellations, crashes and time, and checks after each step what must always hold.
struct PoolSimulation {
    private var pool: WorkerPool
    private var random: SeededRandom
    private let settings: WorkerPool.Settings
    private var now = Moment(nanoseconds: 1_000_000_000)
    private var nextWaiter: UInt64 = 0
    private var waiting: [UInt64: IsolationKey] = [:]
    private var answered: Set<UInt64> = []
    private var busy: [UInt64: IsolationKey] = [:]
    private var keyOf: [UInt64: IsolationKey] = [:]
    private var starting: Set<UInt64> = []
    private var alive: Set<UInt64> = []
    private var doomed: Set<UInt64> = []
    private let crashes: Bool
    private(set) var problems: [String] = []
    private(set) var served = 0

    init(_ settings: WorkerPool.Settings, seed: UInt64, crashes: Bool) {
        self.settings = settings
        self.crashes = crashes
        pool = WorkerPool(settings)
        random = SeededRandom(seed: seed)
    }

    mutating func run(steps: Int) {
        pool.tick(at: now)
        perform()
        for _ in 0..<steps where problems.isEmpty {
            step()
            perform()
            checkCounts()
        }
        finish()
    }

    private mutating func step() {
        if Bool.random(using: &random) { now = now.adding(milliseconds: Int.random(in: 0...30, using: &random)) }
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<40: request()
        case 40..<60: endCall()
        case 60..<75: becomeReady()
        case 75..<85: reap()
        case 85..<90: cancel()
        case 90..<93 where crashes: crash()
        default:
            now = now.adding(milliseconds: Int.random(in: 0...3_000, using: &random))
            pool.tick(at: now)
        }
    }

    private mutating func request() {
        nextWaiter += 1
        let tenant = "tenant-\(Int.random(in: 0..<6, using: &random))"
        let key = IsolationKey(settings.mode, tenant: tenant, user: "u\(Int.random(in: 0..<2, using: &random))", call: nextWaiter)
        let until = now.adding(milliseconds: Int.random(in: 1...20_000, using: &random))
        switch pool.checkOut(nextWaiter, key: key, until: until, at: now) {
        case .granted(let worker): give(worker, to: nextWaiter, key)
        case .queued: waiting[nextWaiter] = key
        case .refused: answered.insert(nextWaiter)
        }
    }

    private mutating func give(_ worker: UInt64, to waiter: UInt64, _ key: IsolationKey) {
        if !answered.insert(waiter).inserted { problems.append("waiter \(waiter) was answered twice") }
        if busy[worker] != nil { problems.append("worker \(worker) has two calls") }
        if !alive.contains(worker) || starting.contains(worker) { problems.append("worker \(worker) is not ready") }
        if doomed.contains(worker) { problems.append("worker \(worker) was given after it had to die") }
        if let old = keyOf[worker], old != key { problems.append("worker \(worker) serves two keys") }
        if settings.mode == .call, keyOf[worker] != nil { problems.append("worker \(worker) serves a second call") }
        keyOf[worker] = key
        busy[worker] = key
        served += 1
    }

    private mutating func perform() {
        while pool.hasActions {
            for action in pool.takeActions() {
                switch action {
                case .spawn(let id):
                    alive.insert(id)
                    starting.insert(id)
                    if alive.count > settings.workersMax { problems.append("\(alive.count) processes at once") }
                case .retire(let id, _):
                    if !alive.contains(id) { problems.append("retired \(id) twice") }
                    if busy[id] != nil { problems.append("retired \(id) at work") }
                    doomed.insert(id)
                case .grant(let waiter, let worker, _):
                    guard let key = waiting.removeValue(forKey: waiter) else {
                        problems.append("granted \(waiter), who does not wait")
                        continue
                    }
                    give(worker, to: waiter, key)
                case .refuse(let waiter, _):
                    if waiting.removeValue(forKey: waiter) == nil { problems.append("refused \(waiter), who does not wait") }
                    if !answered.insert(waiter).inserted { problems.append("\(waiter) answered twice") }
                case .broken: break
                }
            }
        }
    }

    private mutating func endCall() {
        guard let worker = busy.keys.sorted().randomElement(using: &random) else { return }
        busy[worker] = nil
        pool.checkIn(worker, at: now)
    }

    private mutating func becomeReady() {
        guard let worker = starting.subtracting(doomed).sorted().randomElement(using: &random) else { return }
        starting.remove(worker)
        pool.workerReady(worker, at: now)
    }

    private mutating func reap() {
        guard let worker = doomed.sorted().randomElement(using: &random) else { return }
        bury(worker, loadFailure: nil)
    }

    private mutating func bury(_ worker: UInt64, loadFailure: String?) {
        doomed.remove(worker)
        alive.remove(worker)
        starting.remove(worker)
        busy[worker] = nil
        pool.workerGone(worker, loadFailure: loadFailure, at: now)
    }

    private mutating func crash() {
        guard let worker = alive.sorted().randomElement(using: &random) else { return }
        if busy[worker] != nil { pool.workerFailing(worker) }
        bury(worker, loadFailure: starting.contains(worker) ? "crash" : nil)
        if pool.broken != nil { pool.mend(at: now) }
    }

    private mutating func cancel() {
        guard let waiter = waiting.keys.sorted().randomElement(using: &random) else { return }
        if !pool.cancel(waiter, at: now) { problems.append("cancel of \(waiter) found nobody") }
        waiting[waiter] = nil
        answered.insert(waiter)
    }

    private mutating func checkCounts() {
        let counts = pool.counts
        if counts.waiting != waiting.count { problems.append("\(waiting.count) wait, the pool knows \(counts.waiting)") }
        if counts.total != alive.count { problems.append("\(alive.count) live, the pool knows \(counts.total)") }
        if counts.busy != busy.count { problems.append("\(busy.count) at work, the pool knows \(counts.busy)") }
    }

    /// Everything gets its chance: whoever still waits must be answered.
    private mutating func finish() {
        for _ in 0..<10_000 where !(waiting.isEmpty && busy.isEmpty) && problems.isEmpty {
            endCall()
            becomeReady()
            reap()
            now = now.adding(milliseconds: 5)
            pool.tick(at: now)
            perform()
        }
        if !waiting.isEmpty { problems.append("\(waiting.count) waiters were lost") }
        if answered.count != Int(nextWaiter) { problems.append("\(answered.count) of \(nextWaiter) were answered") }
        pool.killAll()
        perform()
        for worker in alive.sorted() { bury(worker, loadFailure: nil) }
        if !pool.isEmpty || pool.hasActions { problems.append("something is left after the end") }
    }
}

@Suite struct PoolSimulationTests {
    static let modes: [(IsolationMode, Int, Int)] = [(.tenant, 4, 1), (.user, 3, 0), (.call, 4, 2), (.shared, 2, 1), (.tenant, 1, 1), (.call, 1, 0)]

    @Test(
        "in any order of events no worker serves two keys or two calls, no waiter is lost, none is answered twice (TOOL-2, LIM-6)",
        arguments: modes, [false, true])
    func simulate(_ mode: (IsolationMode, Int, Int), crashes: Bool) {
        for _ in 0..<40 {
            let seed = SeededRandom().seed
            let settings = WorkerPool.Settings(mode: mode.0, workersMax: mode.1, spares: mode.2, waitersMax: 16)
            var simulation = PoolSimulation(settings, seed: seed, crashes: crashes)
            simulation.run(steps: 600)
            #expect(simulation.problems.isEmpty, "LIMEN_SEED=\(seed)")
            #expect(simulation.served > 0, "LIMEN_SEED=\(seed)")
        }
    }
}
