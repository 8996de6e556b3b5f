package import IO

/// Where a database is.
package enum DatabasePlace: Sendable, Hashable {
    /// A file of SQLite's, with a number of reader connections.
    case sqlite(path: String, readers: Int = StoreLimits.readersDefault)
    /// A server, perhaps shared with other hosts.
    case postgres(PostgresSettings)
}

/// The host's database: durable writes by group commit, appends that are queued, snapshot reads.
///
/// Its bodies see `DatabaseConnection` only and run where their connection is served. A body waits for nothing but its connection: it holds up others
/// while it runs, and its deadline ends it.
///
/// Durability. `write` returns after its commit reached the disk. `append` returns when the entry is queued: a clean `close` writes all of
/// it, a crash of the host process loses at most the last `batchWindowMilliseconds` (10 ms) and the commit then in progress.
package final class Database: Sendable {
    private enum Engine: Sendable {
        case sqlite(SQLiteEngine)
        case postgres(PostgresEngine)
    }
    private let engine: Engine

    private init(_ engine: Engine) { self.engine = engine }

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
    package init(
        path: String, readers: Int = StoreLimits.readersDefault, migrations: [Migration] = Migrations.all, probe: StoreProbe? = nil
    ) throws(StoreError) {
        engine = .sqlite(try SQLiteEngine(path: path, readers: readers, migrations: migrations, probe: probe))
    }

    /// Opens or makes the database and brings its schema up to date. Connections to a server live on `loops`.
    package static func open(
        _ place: DatabasePlace, on loops: EventLoopGroup, migrations: [Migration] = Migrations.all, probe: StoreProbe? = nil
    ) async throws(StoreError) -> Database {
        switch place {
        case .sqlite(let path, let readers): try Database(path: path, readers: readers, migrations: migrations, probe: probe)
        case .postgres(let settings): Database(.postgres(try await PostgresEngine(settings, loops.loops, migrations: migrations, probe: probe)))
        }
    }

    /// Which of the two it is.
    package var kind: DatabaseEngine {
        switch engine {
        case .sqlite: .sqlite
        case .postgres: .postgres
        }
    }

    /// How a write is kept apart from others that run at the same time; on SQLite there are none.
    package enum Isolation: Sendable, Hashable {
        /// As if it ran alone; it is run again when that did not hold, so its body must bear that.
        case serial
        /// For bodies whose single statements are right by themselves, or that lock what they read: never run again for the sake of others.
        case statements
    }

    /// Runs a body in a transaction and returns its value when that is durable. A body that throws leaves nothing behind and
    /// spoils no other write. After the deadline the caller is released; whether the write happened is then unknown.
    @discardableResult
    package func write<Value: Sendable>(
        deadline: Deadline = .after(milliseconds: StoreLimits.writeMillisecondsDefault), isolation: Isolation = .serial,
        _ body: @escaping Body<Value>
    ) async throws(StoreError) -> Value {
        switch engine {
        case .sqlite(let engine): try await engine.write(deadline: deadline, body)
        case .postgres(let engine): try await engine.write(deadline: deadline, isolation == .serial ? .serial : .committed, body)
        }
    }

    /// A write that returns when every host has heard of what its body announced: each that keeps copies (`keepsCopies`) has told its observers and
    /// acknowledged, or believes nothing any more because its lease ran out. That takes milliseconds, and up to 4 s once after a host died.
    @discardableResult
    package func writeHeard<Value: Sendable>(
        deadline: Deadline = .after(milliseconds: StoreLimits.writeMillisecondsDefault), _ body: @escaping Body<Value>
    ) async throws(StoreError) -> Value {
        switch engine {
        case .sqlite(let engine): try await engine.write(deadline: deadline, body)
        case .postgres(let engine): try await engine.writeHeard(deadline: deadline, .serial, body)
        }
    }

    /// Says that this process keeps copies of rows and drops them when it hears of a change: others wait for it (`writeHeard`).
    package func keepsCopies() {
        if case .postgres(let engine) = engine { engine.lease.want() }
    }

    /// Under which number a copy that is read now may be kept, and believed for as long as it is the same; nil while every read has to ask the database, because
    /// a change could be unheard. A file has this process alone, and no more than one number.
    package var copyStamp: UInt64? {
        switch engine {
        case .sqlite: 0
        case .postgres(let engine): engine.lease.stamp()
        }
    }

    /// Queues a body and returns at once; when more than `queueSoftMax` writes wait, it waits for its own commit instead (back-pressure),
    /// and past `queueHardMax` it is refused. `onEnd` hears once of an accepted entry that it was written, or why not. The body may run more than once, with
    /// `Isolation.statements`.
    package func append(
        deadline: Deadline = .after(milliseconds: StoreLimits.writeMillisecondsDefault),
        onEnd: (@Sendable (StoreError?) -> Void)? = nil, _ body: @escaping Body<Void>
    ) async throws(StoreError) {
        switch engine {
        case .sqlite(let engine): try await engine.append(deadline: deadline, onEnd: onEnd, body)
        case .postgres(let engine): try await engine.append(deadline: deadline, onEnd: onEnd, body)
        }
    }

    /// Reads from one snapshot.
    package func read<Value: Sendable>(
        deadline: Deadline = .after(milliseconds: StoreLimits.readMillisecondsDefault), _ body: @escaping Body<Value>
    ) async throws(StoreError) -> Value {
        switch engine {
        case .sqlite(let engine): try await engine.read(deadline: deadline, body)
        case .postgres(let engine): try await engine.read(deadline: deadline, body)
        }
    }

    /// Reads from one snapshot that may lag behind what is committed, by as much as a replica does: for exports, sums and counts, never for what decides
    /// anything. Without a replica, or when it does not answer, it is `read`.
    package func readLate<Value: Sendable>(
        deadline: Deadline = .after(milliseconds: StoreLimits.readMillisecondsDefault), _ body: @escaping Body<Value>
    ) async throws(StoreError) -> Value {
        switch engine {
        case .sqlite(let engine): try await engine.read(deadline: deadline, body)
        case .postgres(let engine): try await engine.readLate(deadline: deadline, body)
        }
    }

    /// Reads that a replica should have answered and the primary did, since the start; nil without a replica.
    package var replicaFallbacks: UInt64? {
        switch engine {
        case .sqlite: nil
        case .postgres(let engine): engine.replica?.fallbacks
        }
    }

    /// Waits until everything queued so far is durable.
    package func flush(deadline: Deadline = .after(milliseconds: StoreLimits.writeMillisecondsDefault)) async throws(StoreError) {
        switch engine {
        case .sqlite(let engine): try await engine.write(deadline: deadline) { _ in }
        case .postgres(let engine): try await engine.flush(deadline: deadline)
        }
    }

    /// Calls `observer` for every change that is announced (`DatabaseConnection.announce`), by this host at its commit and by others soon after; for as long as the
    /// database is open. It must be quick.
    package func observe(_ observer: @escaping @Sendable (DatabaseNews) -> Void) {
        switch engine {
        case .sqlite(let engine): engine.news.observe(observer)
        case .postgres(let engine): engine.news.observe(observer)
        }
    }

    /// Writes that wait for the writer.
    package var writesQueued: Int {
        switch engine {
        case .sqlite(let engine): engine.writesQueued
        case .postgres(let engine): engine.appends.withLock { $0.jobs.count }
        }
    }

    /// What the readers are doing; of PostgreSQL the connections.
    package var readerMetrics: BlockingPool.Metrics {
        switch engine {
        case .sqlite(let engine): engine.readerMetrics
        case .postgres(let engine): engine.pool.metrics
        }
    }

    /// Accepted appends that could not be written; more than none is a reason not to be ready.
    package var appendLosses: AppendLosses {
        switch engine {
        case .sqlite(let engine): engine.appendLosses
        case .postgres(let engine): engine.appendLosses
        }
    }

    /// Writes what is queued, ends the threads and closes the connections; later calls get `.closed`. Blocks, so not from a loop.
    package func close() {
        switch engine {
        case .sqlite(let engine): engine.close()
        case .postgres(let engine): engine.close()
        }
    }
}
