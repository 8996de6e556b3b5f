internal import IO

/// The one writer: takes batches from the queue and commits each as one transaction, every write in its own savepoint.
struct SQLiteWriter {
    private let connection: SQLiteConnection
    private let queue: WriterQueue
    private let news: StoreNews
    private let probe: StoreProbe?
    private let executor = InlineExecutor()

    init(connection: SQLiteConnection, queue: WriterQueue, news: StoreNews, probe: StoreProbe?) {
        (self.connection, self.queue, self.news, self.probe) = (connection, queue, news, probe)
    }

    /// Serves until the queue is stopped and empty, then folds the log back.
    func run() {
        while let batch = queue.next() {
            // Each batch is told after its commit, never before.
            for (job, outcome) in zip(batch, commit(batch)) { job.finish(outcome) }
        }
        connection.checkpoint()
    }

    private func commit(_ batch: [WriteJob]) -> [Result<Void, StoreError>] {
        connection.deadline = .distantFuture
        do {
            try connection.execute("BEGIN IMMEDIATE")
        } catch {
            return batch.map { _ in .failure(error) }
        }
        let outcomes = batch.map(run)
        connection.deadline = .distantFuture
        do throws(StoreError) {
            // A failing disk ends the transaction by itself; then nothing of the batch is there.
            guard !connection.isIdle else { throw StoreError(.unavailable, "the transaction was rolled back by the engine") }
            try probe?.see(.commit)
            try connection.execute("COMMIT")
            probe?.seeCommitted()
        } catch {
            rollBack()
            return outcomes.map { outcome in outcome.flatMap { _ in .failure(error) } }
        }
        return outcomes.map { outcome in outcome.map { news.publish($0) } }
    }

    /// What a job announces.
    private func run(_ job: WriteJob) -> Result<[DatabaseNews], StoreError> {
        guard !job.deadline.hasPassed else { return .failure(StoreError(.timedOut, "the write waited too long")) }
        guard !connection.isIdle else { return .failure(StoreError(.unavailable, "the transaction was rolled back by the engine")) }
        do throws(StoreError) {
            try connection.execute("SAVEPOINT write")
            connection.deadline = min(job.deadline, .after(milliseconds: StoreLimits.writeMillisecondsDefault))
            let outcome = executor.run(connection, until: connection.deadline, probe, job.body)
            connection.deadline = .distantFuture
            let announced = try outcome.get()
            try connection.execute("RELEASE write")
            return .success(announced)
        } catch {
            return undo(error)
        }
    }

    private func undo(_ cause: StoreError) -> Result<[DatabaseNews], StoreError> {
        guard !connection.isIdle else { return .failure(cause) }
        do {
            try connection.execute("ROLLBACK TO write")
            try connection.execute("RELEASE write")
            return .failure(cause)
        } catch {
            // The savepoint cannot be undone, so the whole batch must be: the commit that follows sees no transaction and fails all.
            rollBack()
            return .failure(cause)
        }
    }

    private func rollBack() {
        guard !connection.isIdle else { return }
        do {
            try connection.execute("ROLLBACK")
        } catch {
            // Nothing is left to try on this connection; the next BEGIN reports the same cause to its callers.
            assert(connection.isIdle || error.code != .statement, "ROLLBACK failed: \(error)")
        }
    }
}
