internal import Glibc
internal import IO

/// The database on a server: transactions on a pool of connections, appends committed together, retries where nothing was committed.
final class PostgresEngine: Sendable {
    let pool: PostgresPool
    let replica: PostgresReplica?
    let loops: [EventLoop]
    let scope = TaskScope()
    let news: StoreNews
    let files: BlockingPool
    let lease = HostLease()
    let probe: StoreProbe?
    private let resolver: Resolver?
    private let lost = Lock(Database.AppendLosses())
    let appends = Lock(AppendQueue())

    init(_ settings: PostgresSettings, _ loops: [EventLoop], migrations: [Migration], probe: StoreProbe?) async throws(StoreError) {
        (self.loops, self.probe) = (loops, probe)
        // libpq would take these over what it is told.
        for name in ["PGHOSTADDR", "PGSERVICE", "PGSERVICEFILE"] where getenv(name) != nil {
            throw StoreError(.unavailable, "the variable \(name) would lead elsewhere than the settings: unset it")
        }
        do throws(IOError) {
            files = try BlockingPool(name: "store-files", threads: 1, queueMax: StoreLimits.readsQueuedMax)
            resolver = settings.isLocal ? nil : try Resolver(on: loops[0])
            replica = try settings.ofReplica.map { (settings) throws(IOError) in try PostgresReplica(settings, loops) }
        } catch {
            throw StoreError(.unavailable, "starting the store: \(error)")
        }
        pool = PostgresPool(settings, loops: loops, resolver: resolver)
        news = StoreNews()
        do throws(StoreError) {
            try await write(deadline: .after(milliseconds: StoreLimits.migrationMillisecondsMax), .committed) { connection in
                try await Migrator.run(migrations, .postgres, connection)
            }
        } catch {
            // Perhaps on one of the loops, so nothing waits for one here.
            appendsLeft(error)
            pool.close()
            replica?.close()
            await scope.finish()
            files.shutdown()
            resolver?.close()
            throw error
        }
        scope.start(on: loops[0]) { await self.listen() }
        scope.start(on: loops[0]) { await self.tidy() }
    }

    /// How a transaction begins.
    enum Mode {
        /// As if nobody else wrote; run again when that did not hold.
        case serial
        /// Each statement sees what is committed; what is read to be changed has to be locked.
        case committed
        /// One snapshot, nothing written.
        case snapshot

        var begin: StaticString {
            switch self {
            case .serial: "BEGIN ISOLATION LEVEL SERIALIZABLE"
            case .committed: "BEGIN ISOLATION LEVEL READ COMMITTED"
            case .snapshot: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
            }
        }
    }

    /// How one attempt ended.
    enum Attempt<Value: Sendable>: Sendable {
        case done(Value)
        case failed(StoreError)
        /// Nothing was committed and the same may succeed; `isLost` with another connection.
        case again(StoreError, isLost: Bool)
    }

    @discardableResult
    func write<Value: Sendable>(deadline: Deadline, _ mode: Mode, _ body: @escaping Database.Body<Value>) async throws(StoreError) -> Value {
        try await transact(mode, deadline, nil, body)
    }

    /// Returns when every host has heard of what the body announced.
    func writeHeard<Value: Sendable>(deadline: Deadline, _ mode: Mode, _ body: @escaping Database.Body<Value>) async throws(StoreError) -> Value {
        let change = await expect()
        let value: Value
        do throws(StoreError) {
            value = try await transact(mode, deadline, change, body)
        } catch {
            lease.settled(change.id)
            throw error
        }
        try await settle(change)
        return value
    }

    func read<Value: Sendable>(deadline: Deadline, _ body: @escaping Database.Body<Value>) async throws(StoreError) -> Value {
        try await transact(.snapshot, deadline, nil, body)
    }

    private func transact<Value: Sendable>(
        _ mode: Mode, _ deadline: Deadline, _ change: AwaitedChange?, _ body: @escaping Database.Body<Value>
    ) async throws(StoreError) -> Value {
        var attempts = 0
        while true {
            guard !deadline.hasPassed else { throw StoreError(.timedOut, "the transaction's deadline passed before it began") }
            let connection = try await pool.acquire(until: deadline)
            attempts += 1
            switch await attempt(
                connection, of: pool, mode, deadline, turn: attempts > StoreLimits.attemptsBeforeTurn && mode == .serial, change, body)
            {
            case .done(let value): return value
            case .failed(let error): throw error
            case .again(let error, let isLost):
                if isLost { pool.closeIdle(all: true) }
                let pause = Deadline.after(milliseconds: Backoff.milliseconds(attempts, first: 2, most: 200))
                guard attempts < StoreLimits.attemptsMax, pause < deadline else { throw error }
                do throws(IOError) { try await (EventLoop.current ?? loops[0]).sleep(until: pause) } catch { throw StoreError(.timedOut, "\(error)") }
            }
        }
    }

    /// One attempt of one body on a pool's connection.
    func attempt<Value: Sendable>(
        _ connection: PostgresConnection, of pool: PostgresPool, _ mode: Mode, _ deadline: Deadline, turn: Bool, _ change: AwaitedChange?,
        _ body: @escaping Database.Body<Value>
    ) async -> Attempt<Value> {
        let handle = PostgresHandle(connection, until: deadline, pool: files, probe: probe)
        let work = PostgresTransaction(connection: connection, handle: handle, mode: mode, deadline: deadline, takesTurn: turn, change: change)
        return await supervise(connection, of: pool, until: deadline, revoke: { handle.revoke() }) {
            let outcome = await work.run(body)
            if case .done = outcome { self.news.publish(handle.announced) }
            return (outcome, work.isGood)
        }
    }

    /// Runs work on a connection's loop and gives the connection back; work that does not end by the deadline is left behind, without the connection.
    func supervise<Value: Sendable>(
        _ connection: PostgresConnection, of pool: PostgresPool, until deadline: Deadline, revoke: @escaping @Sendable () -> Void,
        _ work: @escaping @Sendable () async -> (Attempt<Value>, isGood: Bool)
    ) async -> Attempt<Value> {
        let lease = Lease(connection, pool)
        let ticket = WriteTicket<Attempt<Value>>()
        let task = OwnedTask(on: connection.loop) {
            let (outcome, isGood) = await work()
            revoke()
            lease.end(isGood: isGood)
            ticket.keep(outcome)
            ticket.settle(.success(()))
        }
        // A little later than the server's own time-out, which leaves the connection whole.
        let timer = connection.loop.schedule(at: deadline.adding(milliseconds: 2 * StoreLimits.answerGraceMilliseconds)) {
            revoke()
            lease.end(isGood: false)
            task.cancel()
            ticket.settle(.failure(StoreError(.timedOut, "the body waited for something other than its connection")))
        }
        defer { timer.cancel() }
        do {
            return try await withCheckedThrowingContinuation { ticket.wait(with: $0) }
        } catch {
            return .failed(StoreError(wrapping: error))
        }
    }

    /// A connection's time with one body; ends once.
    final class Lease: @unchecked Sendable {
        // SAFETY: touched only on the connection's loop.
        private let connection: PostgresConnection
        private let pool: PostgresPool
        private var isOver = false
        init(_ connection: PostgresConnection, _ pool: PostgresPool) { (self.connection, self.pool) = (connection, pool) }
        func end(isGood: Bool) {
            if isOver { return }
            isOver = true
            pool.release(connection, isGood: isGood)
        }
    }

    func countLoss(_ error: StoreError) {
        lost.withLock { losses in
            losses.count += 1
            losses.last = error
        }
    }

    var appendLosses: Database.AppendLosses { lost.withLock { $0 } }

    /// Closes connections that nobody needs any more.
    private func tidy() async {
        while true {
            do throws(IOError) { try await loops[0].sleep(until: .after(milliseconds: max(1_000, pool.settings.idleMilliseconds / 2))) } catch {
                return
            }
            pool.closeIdle()
            replica?.pool.closeIdle()
        }
    }

    /// Writes what was queued, then ends everything. Blocks, so not from a loop.
    func close() {
        let done = Condition()
        let isDone = Lock(false)
        let deadline = Deadline.after(milliseconds: StoreLimits.writeMillisecondsDefault)
        let ending = OwnedTask(on: loops[0]) {
            do throws(StoreError) { try await self.flush(deadline: deadline) } catch { self.appendsLeft(error) }
            await self.leave()
            self.scope.cancel()
            self.pool.close()
            self.replica?.close()
            await self.scope.finish()
            done.withLock {
                isDone.withLock { $0 = true }
                done.broadcast()
            }
        }
        done.withLock {
            while !isDone.withLock({ $0 }) { done.wait() }
        }
        ending.cancel()
        files.shutdown()
        resolver?.close()
    }
}
