internal import IO

/// A bounded pool of read-only connections, one for each thread of its pool, opened when first needed.
final class SQLiteReaders: Sendable {
    /// A connection between two uses.
    private struct Idle: @unchecked Sendable {
        // SAFETY: a connection is in this list or in the hands of one pool thread, never both.
        let connection: SQLiteConnection
        let executor = InlineExecutor()
    }

    private let path: String
    private let probe: StoreProbe?
    private let pool: BlockingPool
    private let idle = Lock<[Idle]>([])

    init(path: String, count: Int, probe: StoreProbe?) throws(StoreError) {
        (self.path, self.probe) = (path, probe)
        do {
            pool = try BlockingPool(name: "store-read", threads: count, queueMax: StoreLimits.readsQueuedMax)
        } catch {
            throw StoreError(.unavailable, "starting readers: \(error)")
        }
    }

    /// Runs a body in a transaction of its own, which sees one snapshot from its first query to its end (STORE-6).
    func read<Value: Sendable>(deadline: Deadline, _ body: @escaping Database.Body<Value>) async throws(StoreError) -> Value {
        do {
            return try await pool.run(deadline: deadline) { [self] in try snapshot(deadline, body) }
        } catch let error as IOError {
            throw switch error.code {
            case .timedOut, .cancelled: StoreError(.timedOut, "\(error)")
            case .overloaded: StoreError(.overloaded, "\(error)")
            case .closed: StoreError(.closed, "\(error)")
            case .system, .tls: StoreError(.unavailable, "\(error)")
            }
        } catch {
            throw StoreError(wrapping: error)
        }
    }

    private func snapshot<Value: Sendable>(_ deadline: Deadline, _ body: @escaping Database.Body<Value>) throws -> Value {
        let reader = try idle.withLock { $0.popLast() } ?? Idle(connection: SQLiteConnection(path: path, mode: .reader))
        reader.connection.deadline = deadline
        try reader.connection.execute("BEGIN")
        let kept = Kept<Value>()
        let outcome = reader.executor.run(reader.connection, until: deadline, probe) { kept.value = try await body($0) }
        try end(reader)
        _ = try outcome.get()
        guard let value = kept.value else { throw StoreError(.statement, "a read ended without a value") }
        return value
    }

    /// What a body returned.
    private final class Kept<Value>: @unchecked Sendable {
        // SAFETY: a body and the thread that waits for it are one.
        var value: Value?
    }

    private func end(_ reader: Idle) throws(StoreError) {
        reader.connection.deadline = .distantFuture
        // A connection that cannot end its snapshot is dropped, which closes it.
        if !reader.connection.isIdle { try reader.connection.execute("ROLLBACK") }
        idle.withLock { $0.append(reader) }
    }

    /// What the pool is doing.
    var metrics: BlockingPool.Metrics { pool.metrics }

    /// Ends the threads and closes the connections; blocks.
    func close() {
        pool.shutdown()
        idle.withLock { $0.removeAll() }
    }
}
