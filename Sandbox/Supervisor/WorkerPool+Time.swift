extension WorkerPool {
    /// Keeps the spares warm and applies every limit of time. Call it when `nextTick` has come, and after start-up.
    package mutating func tick(at now: Moment) {
        expireWaiters(at: now)
        for index in workers.indices.reversed() {
            switch workers[index].phase {
            case .idle:
                if isOverAge(workers[index], at: now) {
                    retire(index, .retired)
                } else if now.milliseconds(since: workers[index].idleSince) >= settings.idleMillisecondsMax {
                    retire(index, .idle)
                }
            case .spare where isOverAge(workers[index], at: now): retire(index, .retired)
            case .starting, .spare, .busy, .retiring: break
            }
        }
        place(at: now)
    }

    /// When `tick` has something to do next, or nil.
    package func nextTick(at now: Moment) -> Moment? {
        var next: Moment?
        func consider(_ moment: Moment) { next = min(next ?? moment, moment) }
        for waiter in waiters { consider(waiter.until) }
        for worker in workers {
            switch worker.phase {
            case .idle:
                consider(worker.idleSince.adding(milliseconds: settings.idleMillisecondsMax))
                consider(worker.born.adding(milliseconds: settings.ageMillisecondsMax))
            case .spare: consider(worker.born.adding(milliseconds: settings.ageMillisecondsMax))
            case .starting, .busy, .retiring: break
            }
        }
        if let spareDue { consider(spareDue) }
        if load.notBefore > now, brokenReason == nil, !isDraining { consider(load.notBefore) }
        return next
    }

    private func isOverAge(_ worker: Worker, at now: Moment) -> Bool {
        now.milliseconds(since: worker.born) >= settings.ageMillisecondsMax
    }

    private mutating func expireWaiters(at now: Moment) {
        for waiter in waiters where waiter.until <= now { actions.append(.refuse(waiter.id, .timedOut)) }
        waiters.removeAll { $0.until <= now }
    }

    /// Stops the pool: refuses whoever waits, retires whoever is not at work; busy workers are retired when their calls end.
    package mutating func drain() {
        isDraining = true
        refuseAll(.drained)
        for index in workers.indices where workers[index].phase != .busy { retire(index, .drained) }
    }

    /// Retires busy workers too; their calls fail.
    package mutating func killAll() {
        drain()
        for index in workers.indices { retire(index, .drained) }
    }

    /// Forgets that the plugin was broken, after a reload by the operator.
    package mutating func mend(at now: Moment) {
        brokenReason = nil
        load = LoadAccount()
        place(at: now)
    }
}

/// What the pool holds, for metrics and the sandbox view.
extension WorkerPool {
    /// Numbers of workers by state, and of waiters.
    package struct Counts: Sendable, Hashable {
        package var starting = 0
        package var spare = 0
        package var idle = 0
        package var busy = 0
        package var retiring = 0
        package var waiting = 0
        /// All processes, dying ones included.
        package var total: Int { starting + spare + idle + busy + retiring }
    }

    package var counts: Counts {
        var counts = Counts()
        counts.waiting = waiters.count
        for worker in workers {
            switch worker.phase {
            case .starting: counts.starting += 1
            case .spare: counts.spare += 1
            case .idle: counts.idle += 1
            case .busy: counts.busy += 1
            case .retiring: counts.retiring += 1
            }
        }
        return counts
    }

    /// Why the plugin is broken, or nil.
    package var broken: String? { brokenReason }

    /// Whether nothing is left: no process, no waiter.
    package var isEmpty: Bool { workers.isEmpty && waiters.isEmpty }

    /// The isolation key that a worker serves, or nil for a spare or unknown one.
    package func key(of id: WorkerID) -> IsolationKey? { workers.first { $0.id == id }?.key }

    /// Calls that a worker has served.
    package func calls(of id: WorkerID) -> Int { workers.first { $0.id == id }?.calls ?? 0 }
}
