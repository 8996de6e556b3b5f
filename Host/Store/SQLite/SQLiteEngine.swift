internal import IO

/// The database in a file: one writer thread with group commit, a bounded pool of readers.
final class SQLiteEngine: Sendable {
    private let queue = WriterQueue()
    private let readers: SQLiteReaders
    private let thread: Lock<Thread?>
    private let lost = Lock(Database.AppendLosses())
    let news = StoreNews()

    init(path: String, readers: Int, migrations: [Migration], probe: StoreProbe?) throws(StoreError) {
        let connection = try SQLiteConnection(path: path, mode: .writer)
        try Self.examine(connection)
        try Self.migrate(connection, migrations)
        self.readers = try SQLiteReaders(path: path, count: readers, probe: probe)
        let writer = WriterBox(writer: SQLiteWriter(connection: connection, queue: queue, news: news, probe: probe))
        do {
            thread = Lock(try Thread(name: "store-write") { writer.writer.run() })
        } catch {
            throw StoreError(.unavailable, "starting the writer: \(error)")
        }
    }

    /// A damaged file is found before anything is built on it.
    private static func examine(_ connection: SQLiteConnection) throws(StoreError) {
        let bytes = try connection.rows("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()").first?.integer(0) ?? 0
        guard bytes <= StoreLimits.checkedBytesMax else { return }
        let answer = try connection.rows("PRAGMA quick_check(1)").first?.text(0) ?? "no answer"
        guard answer == "ok" else {
            throw StoreError(.corrupt, "the database is damaged (\(answer)): put a backup in its place with `limen restore`")
        }
    }

    private static func migrate(_ connection: SQLiteConnection, _ migrations: [Migration]) throws(StoreError) {
        // Taken before the history is read, so that two hosts that start together do not both run a step.
        try connection.execute("BEGIN IMMEDIATE")
        do throws(StoreError) {
            _ = try InlineExecutor().run(connection, until: .distantFuture) { try await Migrator.run(migrations, .sqlite, $0) }.get()
            try connection.execute("COMMIT")
        } catch {
            if !connection.isIdle { try connection.execute("ROLLBACK") }
            throw error
        }
    }

    /// Hands the connection to the writer's thread.
    private struct WriterBox: @unchecked Sendable {
        // SAFETY: after `init` only the writer's thread uses it.
        let writer: SQLiteWriter
    }

    func write<Value: Sendable>(deadline: Deadline, _ body: @escaping Database.Body<Value>) async throws(StoreError) -> Value {
        let ticket = WriteTicket<Value>()
        let job = WriteJob(
            body: { ticket.keep(try await body($0)) }, finish: { ticket.settle($0) }, isAwaited: true, deadline: deadline, queuedAt: .now())
        if let refusal = queue.add(job) { throw refusal }
        let timer = EventLoop.current?.schedule(at: deadline) { ticket.settle(.failure(StoreError(.timedOut, "the write took too long"))) }
        defer { timer?.cancel() }
        do {
            return try await withCheckedThrowingContinuation { ticket.wait(with: $0) }
        } catch {
            throw StoreError(wrapping: error)
        }
    }

    func append(
        deadline: Deadline, onEnd: (@Sendable (StoreError?) -> Void)?, _ body: @escaping Database.Body<Void>
    ) async throws(StoreError) {
        guard queue.count < StoreLimits.queueSoftMax else {
            do throws(StoreError) { try await write(deadline: deadline, body) } catch {
                onEnd?(error)
                throw error
            }
            onEnd?(nil)
            return
        }
        let job = WriteJob(
            body: body,
            finish: { [self] outcome in
                var cause: StoreError?
                if case .failure(let error) = outcome {
                    countLoss(error)
                    cause = error
                }
                onEnd?(cause)
            }, isAwaited: false, deadline: .distantFuture, queuedAt: .now())
        if let refusal = queue.add(job) { throw refusal }
    }

    private func countLoss(_ error: StoreError) {
        lost.withLock { losses in
            losses.count += 1
            losses.last = error
        }
    }

    func read<Value: Sendable>(deadline: Deadline, _ body: @escaping Database.Body<Value>) async throws(StoreError) -> Value {
        try await readers.read(deadline: deadline, body)
    }

    var writesQueued: Int { queue.count }
    var readerMetrics: BlockingPool.Metrics { readers.metrics }
    var appendLosses: Database.AppendLosses { lost.withLock { $0 } }

    func close() {
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
