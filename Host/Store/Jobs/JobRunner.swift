package import IO

/// What becomes of jobs on this host, for logs and metrics.
package struct JobEnd: Sendable, Hashable {
    /// How an attempt ended.
    package enum Outcome: String, Sendable, Hashable, CaseIterable {
        case done
        /// It failed and is tried again, unless that was the last attempt.
        case failed
        /// Another worker has it: this one was silent for too long, and wrote nothing.
        case lost
        /// The host stopped first: it is as if it had not been begun.
        case returned
    }

    package let job: String
    package let kind: String
    package let attempt: Int
    package let outcome: Outcome
    /// How long the attempt took.
    package let milliseconds: Int
    /// Why it failed, for the log.
    package let failure: String?
}

/// Does the queue's work on one host: as many jobs at once as it has workers, each under a lease that is renewed while it runs.
///
/// Jobs are looked for when one is announced, when one ends, and every second, because some become due by themselves.
package final class JobRunner: Sendable {
    /// Does a job, and returns what is to be written together with its end. It is cancelled when the lease is lost or the host stops.
    package typealias Handler = @Sendable (JobLease) async throws -> Database.Body<Void>

    private let jobs: JobStore
    private let name: String
    private let handlers: [String: Handler]
    private let workers: Int
    private let workersByKind: [String: Int]
    private let loop: EventLoop
    private let onEnd: @Sendable (JobEnd) -> Void
    private let onTrouble: @Sendable (String?) -> Void
    private let state = Lock((isStopping: false, running: [String: Int](), own: Set<JobLease>(), isTroubled: false))
    private let (wakes, wake) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))

    /// Makes a runner; `run` starts it. `name` is this host's, for whoever looks at the queue; `onEnd` hears of each attempt's end, `onTrouble` once
    /// that the queue cannot be read, and why, and with nil once that it can be again. Kinds of `workersByKind` have so many workers of their own, so that
    /// long jobs of many people hold up no short ones.
    package init(
        _ jobs: JobStore, name: String, handlers: [String: Handler], workers: Int = StoreLimits.jobWorkersDefault,
        workersByKind: [String: Int] = [:], on loop: EventLoop,
        onTrouble: @escaping @Sendable (String?) -> Void = { _ in }, onEnd: @escaping @Sendable (JobEnd) -> Void
    ) {
        (self.jobs, self.name, self.handlers, self.workers, self.loop, self.onEnd) = (jobs, name, handlers, workers, loop, onEnd)
        (self.onTrouble, self.workersByKind) = (onTrouble, workersByKind)
        jobs.database.observe { [wake] news in
            switch news {
            case .changed(JobStore.topic, _), .gap: wake.yield()
            case .changed: break
            }
        }
    }

    /// Jobs that run on this host now.
    package var running: Int { state.withLock { $0.running.values.reduce(0, +) } }

    /// Kinds that have a worker free.
    private var free: Set<String> {
        let running = state.withLock { $0.running }
        let shared = running.reduce(0) { $0 + (workersByKind[$1.key] == nil ? $1.value : 0) }
        return Set(
            handlers.keys.filter { kind in
                guard let own = workersByKind[kind] else { return shared < workers }
                return running[kind, default: 0] < own
            })
    }

    /// Begins no other job; `run` returns when those that run have ended.
    package func stop() {
        state.withLock { $0.isStopping = true }
        wake.yield()
    }

    /// Works until `stop`, or until it is cancelled: then what runs is given back.
    package func run() async {
        await withDiscardingTaskGroup { group in
            let clock = OwnedTask(on: loop) { [loop, wake] in
                while true {
                    try await loop.sleep(until: .after(milliseconds: StoreLimits.jobPollMilliseconds))
                    wake.yield()
                }
            }
            wake.yield()
            for await _ in wakes {
                if Task.isCancelled || (state.withLock { $0.isStopping }) { break }
                await fill(&group)
            }
            clock.cancel()
        }
    }

    /// Begins what may begin.
    private func fill(_ group: inout DiscardingTaskGroup) async {
        do {
            try await jobs.tick()
            while !Task.isCancelled {
                let (kinds, own) = (free, state.withLock { Array($0.own) })
                guard !kinds.isEmpty, let lease = try await jobs.claim(worker: name, kinds: kinds, own: own) else { break }
                state.withLock { state in
                    state.running[lease.kind, default: 0] += 1
                    state.own.insert(lease)
                }
                group.addTask(executorPreference: loop) { await self.work(lease) }
            }
            report(nil)
        } catch {
            // The next second's look finds the store again; readiness says that it is away.
            report("\(error)")
        }
    }

    /// Tells of a change between well and not.
    private func report(_ trouble: String?) {
        let isNew = state.withLock { state in
            defer { state.isTroubled = trouble != nil }
            return state.isTroubled != (trouble != nil)
        }
        if isNew { onTrouble(trouble) }
    }

    private func work(_ lease: JobLease) async {
        let began = Deadline.now()
        let (outcome, failure) = await attempt(lease)
        let taken = Int((Deadline.now().nanoseconds - began.nanoseconds) / 1_000_000)
        state.withLock { state in
            state.running[lease.kind, default: 1] -= 1
            state.own.remove(lease)
        }
        onEnd(JobEnd(job: lease.id, kind: lease.kind, attempt: lease.attempt, outcome: outcome, milliseconds: taken, failure: failure))
        wake.yield()
    }

    private func attempt(_ lease: JobLease) async -> (JobEnd.Outcome, String?) {
        guard let handler = handlers[lease.kind] else { return (.lost, "no handler for \(lease.kind)") }
        do {
            let last = try await held(lease, handler)
            return try await jobs.complete(lease, last) ? (.done, nil) : (.lost, nil)
        } catch is LeaseLost {
            return (.lost, nil)
        } catch  where Task.isCancelled {
            return await ended(.returned, nil) { try await self.jobs.giveBack(lease) }
        } catch {
            return await ended(.failed, "\(error)") { try await self.jobs.fail(lease, "\(error)", isFinal: error is JobIsHopeless) }
        }
    }

    /// Writes an end even when this task is cancelled. What cannot be written is left to the lease.
    private func ended(
        _ outcome: JobEnd.Outcome, _ failure: String?, _ write: @escaping @Sendable () async throws -> Bool
    ) async -> (JobEnd.Outcome, String?) {
        do {
            return try await OwnedTask(on: loop, write).value ? (outcome, failure) : (.lost, failure)
        } catch {
            return (.lost, "\(failure ?? outcome.rawValue), which could not be written: \(error)")
        }
    }

    /// Runs a handler while its lease is renewed; whichever ends first ends the other.
    private func held(_ lease: JobLease, _ handler: @escaping Handler) async throws -> Database.Body<Void> {
        let (jobs, loop) = (jobs, loop)
        return try await withThrowingTaskGroup(of: Database.Body<Void>?.self) { group in
            defer { group.cancelAll() }
            group.addTask(executorPreference: loop) { try await handler(lease) }
            group.addTask(executorPreference: loop) {
                var until = lease.until
                while true {
                    try await loop.sleep(until: .after(milliseconds: jobs.caps.leaseMilliseconds / 3))
                    until = try await Self.renewed(lease, until, jobs, loop)
                }
            }
            guard let last = try await group.next() ?? nil else { throw LeaseLost() }
            return last
        }
    }

    /// Renews a lease; answers until when it holds. A store that is away is asked again for as long as the lease lasts: a busy moment, or a fail-over, ends no job.
    /// - Throws: `LeaseLost` when it is another's, or nearly over.
    private static func renewed(_ lease: JobLease, _ until: Deadline, _ jobs: JobStore, _ loop: EventLoop) async throws -> Deadline {
        let length = jobs.caps.leaseMilliseconds
        let pause = min(StoreLimits.jobPollMilliseconds, length / StoreLimits.jobLeaseMarginPart)
        while true {
            let asked = Deadline.now()
            // Even who was suspended for longer than the lease asks once: nobody else may have wanted the job.
            let deadline = min(asked.adding(milliseconds: length / 3), max(until, asked.adding(milliseconds: pause)))
            do {
                guard try await jobs.heartbeat(lease, deadline: deadline) else { throw LeaseLost() }
                return asked.adding(milliseconds: jobs.caps.believedMilliseconds)
            } catch is StoreError {
                // Whether it is held is not known, which is not to have lost it.
                try await loop.sleep(until: min(until, .after(milliseconds: pause)))
                if until.hasPassed { throw LeaseLost() }
            }
        }
    }
}

/// The work is another worker's now, or will be before this one can say that it lives.
private struct LeaseLost: Error {}

/// What a handler throws when no further attempt could do better: the job is dead at once.
package struct JobIsHopeless: Error, CustomStringConvertible {
    /// Why.
    package let description: String

    /// Says why.
    package init(_ description: String) { self.description = description }
}
