package import IO

/// The host's database: durable writes by group commit, appends that are queued, snapshot reads.
///
/// SQLite today: one writer thread, a bounded pool of readers. The bodies see `DatabaseConnection` only, so another engine (PostgreSQL) needs
/// no change in what is built on this.
///
/// Durability. `write` returns after its commit reached the disk. `append` returns when the entry is queued: a clean `close` writes all of
/// it, a crash of the host process loses at most the last `batchWindowMilliseconds` (10 ms) and the commit then in progress.
package final class Database: Sendable {
    private let queue = WriterQueue()
    private let readers: SQLiteReaders
    private let thread: Lock<Thread?>
    private let lost = Lock(AppendLosses())

    /// Appends that could not be written although they had been accepted.
    package struct AppendLosses: Sendable, Hashable {
        /// How many.
        package var count: UInt64 = 0
        /// Why the latest was lost.
        package var last: StoreError?
    }

    /// Opens or makes the database file and brings its schema up to date. Blocks.
    package init(path: String, readers: Int = StoreLimits.readersDefault, migrations: [Migration] = Migrations.all) throws(StoreError) {
        let connection = try SQLiteConnection(path: path, mode: .writer)
        try Migrator(connection: connection).run(migrations)
        self.readers = try SQLiteReaders(path: path, count: readers)
        let writer = WriterBox(writer: SQLiteWriter(connection: connection, queue: queue))
        do {
            thread = Lock(try Thread(name: "store-write") { writer.writer.run() })
        } catch {
            throw StoreError(.unavailable, "starting the writer: \(error)")
        }
    }

    /// Hands the connection to the writer's thread.
    private struct WriterBox: @unchecked Sendable {
        // SAFETY: after `init` only the writer's thread uses it.
        let writer: SQLiteWriter
    }

    /// Runs a body in a transaction and returns its value when that is durable. A body that throws leaves nothing behind and
    /// spoils no other write. After the deadline the caller is released; whether the write happened is then unknown.
    @discardableResult
    package func write<Value: Sendable>(
        deadline: Deadline = .after(milliseconds: StoreLimits.writeMillisecondsDefault),
        _ body: @escaping @Sendable (any DatabaseConnection) throws -> Value
    ) async throws(StoreError) -> Value {
        let ticket = WriteTicket<Value>()
        let job = WriteJob(
            body: { ticket.keep(try body($0)) }, finish: { ticket.settle($0) }, isAwaited: true, deadline: deadline, queuedAt: .now())
        if let refusal = queue.add(job) { throw refusal }
        let timer = EventLoop.current?.schedule(at: deadline) { ticket.settle(.failure(StoreError(.timedOut, "the write took too long"))) }
        defer { timer?.cancel() }
        do {
            return try await withCheckedThrowingContinuation { ticket.wait(with: $0) }
        } catch let error as StoreError {
            throw error
        } catch {
            throw StoreError(.statement, "\(error)")
        }
    }

    /// Queues a body and returns at once; when more than `queueSoftMax` writes wait, it waits for its own commit instead (back-pressure),
    /// and past `queueHardMax` it is refused. `onFailure` hears of an accepted entry that could not be written.
    package func append(
        deadline: Deadline = .after(milliseconds: StoreLimits.writeMillisecondsDefault),
        onFailure: (@Sendable (StoreError) -> Void)? = nil, _ body: @escaping @Sendable (any DatabaseConnection) throws -> Void
    ) async throws(StoreError) {
        guard queue.count < StoreLimits.queueSoftMax else { return try await write(deadline: deadline, body) }
        let job = WriteJob(
            body: body,
            finish: { [self] outcome in
                guard case .failure(let error) = outcome else { return }
                countLoss(error)
                onFailure?(error)
            }, isAwaited: false, deadline: .distantFuture, queuedAt: .now())
        if let refusal = queue.add(job) { throw refusal }
    }

    private func countLoss(_ error: StoreError) {
        lost.withLock { losses in
            losses.count += 1
            losses.last = error
        }
    }

    /// Reads from one snapshot.
    package func read<Value: Sendable>(
        deadline: Deadline = .after(milliseconds: StoreLimits.readMillisecondsDefault),
        _ body: @escaping @Sendable (any DatabaseConnection) throws -> Value
    ) async throws(StoreError) -> Value {
        try await readers.read(deadline: deadline, body)
    }

    /// Waits until everything queued so far is durable.
    package func flush(deadline: Deadline = .after(milliseconds: StoreLimits.writeMillisecondsDefault)) async throws(StoreError) {
        try await write(deadline: deadline) { _ in }
    }

    /// Writes that wait for the writer.
    package var writesQueued: Int { queue.count }
    /// What the readers are doing.
    package var readerMetrics: BlockingPool.Metrics { readers.metrics }
    /// Accepted appends that could not be written; more than none is a reason not to be ready.
    package var appendLosses: AppendLosses { lost.withLock { $0 } }

    /// Writes what is queued, ends the threads and closes the connections; later calls get `.closed`. Blocks, so not from a loop.
    package func close() {
        queue.stop()
        let thread = self.thread.withLock { thread -> Thread? in
            var out: Thread? = nil
            swap(&out, &thread)
            return out
        }
        thread?.join()
        readers.close()
    }
}
