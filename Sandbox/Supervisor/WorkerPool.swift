/// Decides which worker of one plugin serves which call, when workers are started, and when they must go.
///
/// A worker starts keyless (a spare), takes the isolation key of its first call and keeps it until it dies: no worker ever serves two keys. The owner of the
/// pool performs the actions and reports what became of them; the pool itself touches nothing.
package struct WorkerPool: Sendable {
    package typealias WorkerID = UInt64
    package typealias WaiterID = UInt64

    /// What the owner must do, in this order.
    package enum Action: Sendable, Hashable {
        /// Start a worker; report `workerReady` or `workerGone`.
        case spawn(WorkerID)
        /// End a worker; report `workerGone`.
        case retire(WorkerID, KillReason)
        /// Give the worker to the waiter.
        case grant(WaiterID, WorkerID, startedFor: Bool)
        /// Tell the waiter that it gets none.
        case refuse(WaiterID, Refusal)
        /// The plugin is broken: show the reason.
        case broken(String)
    }

    /// Why there is no worker for a call.
    package enum Refusal: Error, Sendable, Hashable {
        /// The queue is full.
        case busy
        /// The wait took too long.
        case timedOut
        /// The plugin is broken, with the reason.
        case broken(String)
        /// The plugin was stopped.
        case drained
    }

    /// The immediate answer to a request.
    package enum Checkout: Sendable, Hashable {
        /// The worker is yours; hand it back with `checkIn` or `workerGone`.
        case granted(WorkerID)
        /// A `grant` or `refuse` for this waiter will follow.
        case queued
        case refused(Refusal)
    }

    /// Sizes of one pool.
    package struct Settings: Sendable, Hashable {
        package var mode: IsolationMode
        /// Processes at once, dying ones included.
        package var workersMax: Int
        /// Ready keyless workers that are kept.
        package var spares: Int
        /// Calls that wait while every worker is busy; those that wait for a start come on top, at most one a worker.
        package var waitersMax: Int
        package var waitMillisecondsMax: Int
        package var callsPerWorkerMax: Int
        package var idleMillisecondsMax: Int
        package var ageMillisecondsMax: Int

        package init(
            mode: IsolationMode = .tenant, workersMax: Int = 4, spares: Int = 1, waitersMax: Int = SupervisorLimits.waitersMax,
            waitMillisecondsMax: Int = SupervisorLimits.waitMillisecondsMax, callsPerWorkerMax: Int = SupervisorLimits.callsPerWorkerMax,
            idleMillisecondsMax: Int = SupervisorLimits.idleMillisecondsMax, ageMillisecondsMax: Int = SupervisorLimits.workerAgeMillisecondsMax
        ) {
            self.mode = mode
            self.workersMax = min(max(1, workersMax), SupervisorLimits.workersMax)
            self.spares = max(0, spares)
            self.waitersMax = max(0, waitersMax)
            self.waitMillisecondsMax = waitMillisecondsMax
            self.callsPerWorkerMax = mode == .call ? 1 : max(1, callsPerWorkerMax)
            self.idleMillisecondsMax = idleMillisecondsMax
            self.ageMillisecondsMax = ageMillisecondsMax
        }
    }

    enum Phase: Sendable, Hashable {
        /// Next: spare, retiring.
        case starting
        /// Next: busy, retiring.
        case spare
        /// Next: busy, retiring.
        case idle
        /// Next: idle, retiring.
        case busy
        /// Next: none; the entry goes when the process has.
        case retiring
    }

    struct Worker: Sendable {
        let id: WorkerID
        var phase = Phase.starting
        var key: IsolationKey?
        var calls = 0
        var born: Moment
        var idleSince: Moment
    }

    struct Waiter: Sendable {
        let id: WaiterID
        let key: IsolationKey
        let since: Moment
        let until: Moment
    }

    package let settings: Settings
    var workers: [Worker] = []
    var waiters: [Waiter] = []
    var actions: [Action] = []
    var load = LoadAccount()
    var brokenReason: String?
    var isDraining = false
    /// When the place of a spare that was taken is filled at the latest; nil while none is owed.
    var spareDue: Moment?
    private let firstWorker: WorkerID
    private var started: WorkerID = 0

    /// - Parameter firstWorker: the id of the first worker; later ones count up from it.
    package init(_ settings: Settings, firstWorker: WorkerID = 1) {
        self.settings = settings
        self.firstWorker = firstWorker
    }

    /// Takes the actions that are due; the array is empty after calls that changed nothing outside.
    package mutating func takeActions() -> [Action] {
        if actions.isEmpty { return [] }
        defer { actions = [] }
        return actions
    }

    /// Whether `takeActions` would return any.
    package var hasActions: Bool { !actions.isEmpty }

    /// Whether `nextTick` has moved without an action.
    package var owesSpare: Bool { spareDue != nil }

    // MARK: Calls

    /// Gives an idle worker of the same key, or a spare if nobody waits, at once; nil if there is none.
    package mutating func checkOutNow(key: IsolationKey, at now: Moment) -> WorkerID? {
        guard brokenReason == nil, !isDraining else { return nil }
        guard let index = idleWorker(for: key) ?? (waiters.isEmpty ? spareWorker() : nil) else { return nil }
        let wasSpare = workers[index].phase == .spare
        let id = workers[index].id
        occupy(index, for: key)
        // The call that took it comes first: a start beside it would take its processor.
        if wasSpare, spareDue == nil { spareDue = now.adding(milliseconds: SupervisorLimits.sparePatienceMilliseconds) }
        return id
    }

    /// Asks for a worker for `key`, now or as soon as there is one.
    package mutating func checkOut(_ waiter: WaiterID, key: IsolationKey, until: Moment, at now: Moment) -> Checkout {
        if let brokenReason { return .refused(.broken(brokenReason)) }
        if isDraining { return .refused(.drained) }
        if let id = checkOutNow(key: key, at: now) { return .granted(id) }
        guard waiters.count < settings.waitersMax + placesComing else { return .refused(.busy) }
        let limit = min(until, now.adding(milliseconds: settings.waitMillisecondsMax))
        waiters.append(Waiter(id: waiter, key: key, since: now, until: limit))
        place(at: now)
        return .queued
    }

    /// The waiter no longer waits; false if it was already granted or refused.
    package mutating func cancel(_ waiter: WaiterID, at now: Moment) -> Bool {
        guard let index = waiters.firstIndex(where: { $0.id == waiter }) else { return false }
        waiters.remove(at: index)
        return true
    }

    /// A call ended and its worker is as it should be. The worker goes on to the next call of its key, idles, or is retired.
    package mutating func checkIn(_ id: WorkerID, at now: Moment) {
        guard let index = workers.firstIndex(where: { $0.id == id }), workers[index].phase == .busy else { return }
        workers[index].calls += 1
        workers[index].phase = .idle
        workers[index].idleSince = now
        if isDraining || brokenReason != nil { return retire(index, .drained) }
        if isSpent(workers[index], at: now) {
            retire(index, .retired)
            return place(at: now)
        }
        if !waiters.isEmpty { serveNext(index, at: now) }
        if spareDue != nil { refillSpares(at: now) }
    }

    // MARK: Workers

    /// A worker that was spawned has loaded its plugin.
    package mutating func workerReady(_ id: WorkerID, at now: Moment) {
        guard let index = workers.firstIndex(where: { $0.id == id }), workers[index].phase == .starting else { return }
        workers[index].phase = .spare
        workers[index].idleSince = now
        load.recordSuccess()
        place(at: now)
    }

    /// A worker will soon be gone: it was killed from outside, or died. No call gets it any more.
    package mutating func workerFailing(_ id: WorkerID) {
        guard let index = workers.firstIndex(where: { $0.id == id }) else { return }
        workers[index].phase = .retiring
    }

    /// A worker's process has ended. `loadFailure` tells that it never became ready, and why.
    package mutating func workerGone(_ id: WorkerID, loadFailure: String?, at now: Moment) {
        guard let index = workers.firstIndex(where: { $0.id == id }) else { return }
        workers.remove(at: index)
        if let loadFailure, !isDraining, load.recordFailure(at: now) { breakPlugin(loadFailure) }
        place(at: now)
    }

    // MARK: Choice

    private func idleWorker(for key: IsolationKey) -> Int? {
        var best: Int?
        for index in workers.indices where workers[index].phase == .idle && workers[index].key == key {
            if best == nil || workers[index].idleSince > workers[best!].idleSince { best = index }
        }
        return best
    }

    /// Workers that are not busy, or could be started: whoever waits for one of them waits for its start, not for another call's end.
    private var placesComing: Int { settings.workersMax - workers.lazy.filter { $0.phase == .busy }.count }

    private func spareWorker() -> Int? { workers.firstIndex { $0.phase == .spare } }

    private mutating func occupy(_ index: Int, for key: IsolationKey) {
        assert(workers[index].key == nil || workers[index].key == key)
        workers[index].key = key
        workers[index].phase = .busy
    }

    private func isSpent(_ worker: Worker, at now: Moment) -> Bool {
        worker.calls >= settings.callsPerWorkerMax || now.milliseconds(since: worker.born) >= settings.ageMillisecondsMax
    }

    /// A worker has just become idle and somebody waits: the oldest waiter wins, unless this key may keep its worker for now.
    private mutating func serveNext(_ index: Int, at now: Moment) {
        let key = workers[index].key
        let oldest = waiters[0]
        guard oldest.key != key, let own = waiters.firstIndex(where: { $0.key == key }) else { return place(at: now) }
        if mayKeep(oldest, at: now) { return grant(own, index, startedFor: false) }
        let isRoom = workers.count < settings.workersMax || spareWorker() != nil
        let coming = workers.lazy.filter { $0.phase == .starting || $0.phase == .retiring }.count
        let strangers = waiters.lazy.filter { $0.key != key }.count
        if !isRoom, coming < strangers { retire(index, .evicted) }
        place(at: now)
    }

    /// Whether a busy key may serve its own next call before the oldest waiter of another: while that one has not waited long, or already has its fair share.
    private func mayKeep(_ oldest: Waiter, at now: Moment) -> Bool {
        if now.milliseconds(since: oldest.since) < SupervisorLimits.evictionPatienceMilliseconds { return true }
        var keys = Set(waiters.lazy.map(\.key))
        for worker in workers { if let key = worker.key, worker.phase != .retiring { keys.insert(key) } }
        let share = max(1, settings.workersMax / max(1, keys.count))
        let held = workers.lazy.filter { $0.key == oldest.key && $0.phase == .busy }.count
        return held >= share
    }

    private mutating func grant(_ waiter: Int, _ worker: Int, startedFor: Bool) {
        let entry = waiters.remove(at: waiter)
        occupy(worker, for: entry.key)
        actions.append(.grant(entry.id, workers[worker].id, startedFor: startedFor))
    }

    // MARK: Placement

    /// Gives workers to waiters in the order of their arrival, then starts what is missing.
    mutating func place(at now: Moment) {
        var index = 0
        var unplaced = 0
        while index < waiters.count {
            if let worker = idleWorker(for: waiters[index].key) ?? spareWorker() {
                grant(index, worker, startedFor: workers[worker].key == nil && workers[worker].born >= waiters[index].since)
            } else {
                index += 1
                unplaced += 1
            }
        }
        if unplaced > 0 { startOrEvict(for: unplaced, at: now) }
        refillSpares(at: now)
    }

    /// Sees to it that as many workers are coming as there are waiters, within the cap: starts new ones, else takes the longest idle.
    private mutating func startOrEvict(for needed: Int, at now: Moment) {
        var coming = workers.lazy.filter { $0.phase == .starting || $0.phase == .retiring }.count
        while coming < needed {
            if workers.count < settings.workersMax {
                guard start(at: now) else { return }
            } else if let victim = longestIdle() {
                retire(victim, .evicted)
            } else {
                return
            }
            coming += 1
        }
        // Retiring workers count as coming, but their places must be filled once they are free.
        while workers.lazy.filter({ $0.phase == .starting }).count < needed, workers.count < settings.workersMax, start(at: now) {}
    }

    private func longestIdle() -> Int? {
        workers.indices.lazy.filter { workers[$0].phase == .idle }.min { workers[$0].idleSince < workers[$1].idleSince }
    }

    private mutating func refillSpares(at now: Moment) {
        spareDue = nil
        guard !isDraining, brokenReason == nil else { return }
        var have = workers.lazy.filter { $0.phase == .spare || $0.phase == .starting }.count - waiters.count
        while have < settings.spares, workers.count < settings.workersMax, start(at: now) { have += 1 }
    }

    private mutating func start(at now: Moment) -> Bool {
        guard !isDraining, brokenReason == nil, now >= load.notBefore else { return false }
        let id = firstWorker &+ started
        started &+= 1
        workers.append(Worker(id: id, born: now, idleSince: now))
        actions.append(.spawn(id))
        return true
    }

    mutating func retire(_ index: Int, _ reason: KillReason) {
        guard workers[index].phase != .retiring else { return }
        workers[index].phase = .retiring
        actions.append(.retire(workers[index].id, reason))
    }

    private mutating func breakPlugin(_ reason: String) {
        guard brokenReason == nil else { return }
        brokenReason = reason
        actions.append(.broken(reason))
        refuseAll(.broken(reason))
        for index in workers.indices where workers[index].phase != .busy { retire(index, .drained) }
    }

    mutating func refuseAll(_ refusal: Refusal) {
        for waiter in waiters { actions.append(.refuse(waiter.id, refusal)) }
        waiters.removeAll()
    }
}
