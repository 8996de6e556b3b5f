internal import IO

/// A bounded pool of read-only connections, one for each thread of its pool, opened when first needed.
final class SQLiteReaders: Sendable {
    /// A connection between two uses.
    private struct Idle: @unchecked Sendable {
        // SAFETY: a connection is in this list or in the hands of one pool thread, never both.
        let connection: SQLiteConnection
    }

    private let path: String
    private let pool: BlockingPool
    private let idle = Lock<[Idle]>([])

    init(path: String, count: Int) throws(StoreError) {
        self.path = path
        do {
            pool = try BlockingPool(name: "store-read", threads: count, queueMax: StoreLimits.readsQueuedMax)
        } catch {
            throw StoreError(.unavailable, "starting readers: \(error)")
        }
    }

    /// Runs a body in a transaction of its own, which sees one snapshot from its first query to its end (STORE-6).
    func read<Value: Sendable>(
        deadline: Deadline, _ body: @escaping @Sendable (any DatabaseConnection) throws -> Value
    ) async throws(StoreError) -> Value {
        do {
            return try await pool.run(deadline: deadline) { [self] in try snapshot(deadline, body) }
        } catch let error as StoreError {
            throw error
        } catch let error as IOError {
            throw switch error.code {
            case .timedOut, .cancelled: StoreError(.timedOut, "\(error)")
            case .overloaded: StoreError(.overloaded, "\(error)")
            case .closed: StoreError(.closed, "\(error)")
            case .system, .tls: StoreError(.unavailable, "\(error)")
            }
        } catch {
            throw StoreError(.statement, "\(error)")
        }
    }

    private func snapshot<Value>(_ deadline: Deadline, _ body: (any DatabaseConnection) throws -> Value) throws -> Value {
        let connection = try idle.withLock { $0.popLast() }?.connection ?? SQLiteConnection(path: path, mode: .reader)
        connection.deadline = deadline
        try connection.execute("BEGIN")
        do {
            let value = try body(connection)
            try end(connection)
            return value
        } catch {
            try end(connection)
            throw error
        }
    }

    private func end(_ connection: SQLiteConnection) throws(StoreError) {
        connection.deadline = .distantFuture
        // A connection that cannot end its snapshot is dropped, which closes it.
        if !connection.isIdle { try connection.execute("ROLLBACK") }
        let idle = Idle(connection: connection)
        self.idle.withLock { $0.append(idle) }
    }

    /// What the pool is doing.
    var metrics: BlockingPool.Metrics { pool.metrics }

    /// Ends the threads and closes the connections; blocks.
    func close() {
        pool.shutdown()
        idle.withLock { $0.removeAll() }
    }
}
