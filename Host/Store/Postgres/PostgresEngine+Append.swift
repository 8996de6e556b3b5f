internal import IO

/// Writes that wait to be committed together.
struct AppendQueue: Sendable {
    var jobs: [WriteJob] = []
    var isServed = false
    var isClosed = false
}

extension PostgresEngine {
    func append(
        deadline: Deadline, onEnd: (@Sendable (StoreError?) -> Void)?, _ body: @escaping Database.Body<Void>
    ) async throws(StoreError) {
        guard appends.withLock({ $0.jobs.count }) < StoreLimits.queueSoftMax else {
            do throws(StoreError) { try await join(deadline: deadline, body) } catch {
                onEnd?(error)
                throw error
            }
            onEnd?(nil)
            return
        }
        try add(
            WriteJob(
                body: body,
                finish: { [self] outcome in
                    var cause: StoreError?
                    if case .failure(let error) = outcome {
                        countLoss(error)
                        cause = error
                    }
                    onEnd?(cause)
                }, isAwaited: false, deadline: .distantFuture, queuedAt: .now()))
    }

    /// Waits until everything queued so far is committed.
    func flush(deadline: Deadline) async throws(StoreError) { try await join(deadline: deadline) { _ in } }

    /// Queues a body like an append and waits for its commit.
    private func join(deadline: Deadline, _ body: @escaping Database.Body<Void>) async throws(StoreError) {
        let ticket = WriteTicket<Void>()
        ticket.keep(())
        try add(WriteJob(body: body, finish: { ticket.settle($0) }, isAwaited: true, deadline: deadline, queuedAt: .now()))
        let timer = loops[0].schedule(at: deadline) { ticket.settle(.failure(StoreError(.timedOut, "the write took too long"))) }
        defer { timer.cancel() }
        do { try await withCheckedThrowingContinuation { ticket.wait(with: $0) } } catch { throw StoreError(wrapping: error) }
    }

    private func add(_ job: WriteJob) throws(StoreError) {
        let (refusal, starts) = appends.withLock { queue -> (StoreError?, Bool) in
            if queue.isClosed { return (StoreError(.closed, "the store is closed"), false) }
            guard queue.jobs.count < StoreLimits.queueHardMax else {
                return (StoreError(.overloaded, "\(queue.jobs.count) writes are waiting"), false)
            }
            queue.jobs.append(job)
            defer { queue.isServed = true }
            return (nil, !queue.isServed)
        }
        if let refusal { throw refusal }
        if starts, !scope.start(on: loops[0], { await self.serveAppends() }) {
            appends.withLock { $0.isServed = false }
            throw StoreError(.closed, "the store is closed")
        }
    }

    /// Nothing more is taken in; what is left is lost.
    func appendsLeft(_ error: StoreError) {
        let left = appends.withLock { queue in
            queue.isClosed = true
            defer { queue.jobs = [] }
            return queue.jobs
        }
        for job in left { job.finish(.failure(error)) }
    }

    private func serveAppends() async {
        while let batch = await nextBatch() {
            for (job, outcome) in zip(batch, await commit(batch)) { job.finish(outcome) }
        }
    }

    /// The next jobs in order, after a short wait for company unless somebody waits for one of them.
    private func nextBatch() async -> [WriteJob]? {
        let isAwaited = appends.withLock { queue in queue.jobs.contains { $0.isAwaited } || queue.jobs.count >= StoreLimits.batchMax || queue.isClosed
        }
        if !isAwaited {
            // A cancelled wait is a store that closes: what is queued is written at once.
            do throws(IOError) { try await loops[0].sleep(until: .after(milliseconds: StoreLimits.batchWindowMilliseconds)) } catch {
                assert(error.code != .timedOut)
            }
        }
        return appends.withLock { queue in
            let batch = Array(queue.jobs.prefix(StoreLimits.batchMax))
            queue.jobs.removeFirst(batch.count)
            if batch.isEmpty { queue.isServed = false }
            return batch.isEmpty ? nil : batch
        }
    }

    /// Commits a batch as one transaction, every job in its own savepoint; again while nothing can have been committed.
    private func commit(_ batch: [WriteJob]) async -> [Result<Void, StoreError>] {
        let deadline = Deadline.after(milliseconds: StoreLimits.appendMillisecondsMax)
        var attempts = 0
        while true {
            attempts += 1
            switch await attempt(batch) {
            case .done(let outcomes): return outcomes
            case .failed(let error): return batch.map { _ in .failure(error) }
            case .again(let error, let isLost):
                if isLost { pool.closeIdle(all: true) }
                let pause = Deadline.after(milliseconds: Backoff.milliseconds(attempts))
                guard pause < deadline else { return batch.map { _ in .failure(error) } }
                do throws(IOError) { try await loops[0].sleep(until: pause) } catch {
                    return batch.map { _ in .failure(StoreError(.closed, "the store is closed")) }
                }
            }
        }
    }

    private func attempt(_ batch: [WriteJob]) async -> Attempt<[Result<Void, StoreError>]> {
        let deadline = Deadline.after(milliseconds: StoreLimits.writeMillisecondsDefault)
        let connection: PostgresConnection
        do throws(StoreError) {
            connection = try await pool.acquire(until: deadline)
        } catch {
            return error.code == .closed ? .failed(error) : .again(error, isLost: false)
        }
        let work = PostgresBatch(connection, batch, until: deadline, files: files, probe: probe)
        return await supervise(connection, of: pool, until: deadline, revoke: { work.revoke() }) {
            let (outcome, isGood) = await work.run()
            if case .done = outcome { self.news.publish(work.announced) }
            return (outcome, isGood)
        }
    }
}

/// One attempt to commit a batch, on the connection's loop.
final class PostgresBatch: @unchecked Sendable {
    // SAFETY: what changes is touched only on the connection's loop.
    private var handle: PostgresHandle?
    /// What the jobs that went well announced.
    private(set) var announced: [DatabaseNews] = []
    private let connection: PostgresConnection
    private let batch: [WriteJob]
    private let deadline: Deadline
    private let files: BlockingPool
    private let probe: StoreProbe?

    init(_ connection: PostgresConnection, _ batch: [WriteJob], until deadline: Deadline, files: BlockingPool, probe: StoreProbe?) {
        (self.connection, self.batch, self.deadline, self.files, self.probe) = (connection, batch, deadline, files, probe)
    }

    /// Takes the connection away from the job that runs.
    func revoke() { handle?.revoke() }

    func run() async -> (PostgresEngine.Attempt<[Result<Void, StoreError>]>, isGood: Bool) {
        connection.sendAhead(.control(PostgresEngine.Mode.committed.begin))
        // Before any of its statements: who lost to batches too often waits here, ahead of the next.
        connection.sendAhead(.control("SELECT pg_advisory_xact_lock(7811)"))
        do throws(PostgresFailure) {
            var outcomes: [Result<Void, StoreError>] = []
            for job in batch { outcomes.append(try await run(job)) }
            do throws(PostgresFailure) {
                _ = try await connection.exchange([.control("COMMIT")], until: deadline)
            } catch {
                guard error.kind == .lost else { throw error }
                return (.failed(StoreError(error.error.code, "whether it was committed is unknown: \(error.error.message)")), false)
            }
            return (.done(outcomes), true)
        } catch {
            if error.kind == .lost { return (.again(error.error, isLost: true), false) }
            do throws(PostgresFailure) { _ = try await connection.exchange([.control("ROLLBACK")], until: deadline) } catch {
                return (.again(error.error, isLost: true), false)
            }
            return (error.kind == .conflict ? .again(error.error, isLost: false) : .failed(error.error), true)
        }
    }

    private func run(_ job: WriteJob) async throws(PostgresFailure) -> Result<Void, StoreError> {
        guard !job.deadline.hasPassed else { return .failure(StoreError(.timedOut, "the write waited too long")) }
        connection.sendAhead(.control("SAVEPOINT write"))
        let handle = PostgresHandle(connection, until: min(job.deadline, deadline), pool: files, probe: probe)
        self.handle = handle
        defer { handle.revoke() }
        var cause: StoreError?
        do { try await job.body(handle) } catch { cause = StoreError(wrapping: error) }
        if let failure = handle.failure {
            if failure.kind != .lasting { throw failure }
            cause = failure.error
        }
        if let cause {
            _ = try await connection.exchange([.control("ROLLBACK TO write"), .control("RELEASE write")], until: deadline)
            return .failure(cause)
        }
        connection.sendAhead(.control("RELEASE write"))
        announced += handle.announced
        return .success(())
    }
}
