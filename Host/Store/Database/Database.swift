package import IO

/// Where a database is.
package enum DatabasePlace: Sendable, Hashable {
    /// A file of SQLite's, with a number of reader connections.
    case sqlite(path: String, readers: Int = StoreLimits.readersDefault)
}

/// The host's database: durable writes by group commit, appends that are queued, snapshot reads.
///
/// Its bodies see `DatabaseConnection` only and run where their connection is served. A body waits for nothing but its connection: it holds up others
/// while it runs, and its deadline ends it.
///
/// Durability. `write` returns after its commit reached the disk. `append` returns when the entry is queued: a clean `close` writes all of
/// it, a crash of the host process loses at most the last `batchWindowMilliseconds` (10 ms) and the commit then in progress.
package final class Database: Sendable {
    private let engine: SQLiteEngine

    /// What is done with a connection, in one transaction.
    package typealias Body<Value> = @Sendable (any DatabaseConnection) async throws -> Value

    /// Appends that could not be written although they had been accepted.
    package struct AppendLosses: Sendable, Hashable {
        /// How many.
        package var count: UInt64 = 0
        /// Why the latest was lost.
        package var last: StoreError?
    }

    /// Opens or makes the database file and brings its schema up to date. Blocks.
    package init(path: String, readers: Int = StoreLimits.readersDefault, migrations: [Migration] = Migrations.all) throws(StoreError) {
        engine = try SQLiteEngine(path: path, readers: readers, migrations: migrations)
    }

    /// Opens or makes the database and brings its schema up to date.
    package static func open(_ place: DatabasePlace, migrations: [Migration] = Migrations.all) async throws(StoreError) -> Database {
        switch place {
        case .sqlite(let path, let readers): try Database(path: path, readers: readers, migrations: migrations)
        }
    }

    /// Runs a body in a transaction and returns its value when that is durable. A body that throws leaves nothing behind and
    /// spoils no other write. After the deadline the caller is released; whether the write happened is then unknown.
    @discardableResult
    package func write<Value: Sendable>(
        deadline: Deadline = .after(milliseconds: StoreLimits.writeMillisecondsDefault), _ body: @escaping Body<Value>
    ) async throws(StoreError) -> Value {
        try await engine.write(deadline: deadline, body)
    }

    /// Queues a body and returns at once; when more than `queueSoftMax` writes wait, it waits for its own commit instead (back-pressure),
    /// and past `queueHardMax` it is refused. `onFailure` hears of an accepted entry that could not be written.
    package func append(
        deadline: Deadline = .after(milliseconds: StoreLimits.writeMillisecondsDefault),
        onFailure: (@Sendable (StoreError) -> Void)? = nil, _ body: @escaping Body<Void>
    ) async throws(StoreError) {
        try await engine.append(deadline: deadline, onFailure: onFailure, body)
    }

    /// Reads from one snapshot.
    package func read<Value: Sendable>(
        deadline: Deadline = .after(milliseconds: StoreLimits.readMillisecondsDefault), _ body: @escaping Body<Value>
    ) async throws(StoreError) -> Value {
        try await engine.read(deadline: deadline, body)
    }

    /// Waits until everything queued so far is durable.
    package func flush(deadline: Deadline = .after(milliseconds: StoreLimits.writeMillisecondsDefault)) async throws(StoreError) {
        try await write(deadline: deadline) { _ in }
    }

    /// Writes that wait for the writer.
    package var writesQueued: Int { engine.writesQueued }
    /// What the readers are doing.
    package var readerMetrics: BlockingPool.Metrics { engine.readerMetrics }
    /// Accepted appends that could not be written; more than none is a reason not to be ready.
    package var appendLosses: AppendLosses { engine.appendLosses }

    /// Writes what is queued, ends the threads and closes the connections; later calls get `.closed`. Blocks, so not from a loop.
    package func close() { engine.close() }
}
