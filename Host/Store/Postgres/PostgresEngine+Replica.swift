internal import IO

/// A replica that reads which may lag are sent to, while it answers.
final class PostgresReplica: Sendable {
    let pool: PostgresPool
    private let resolver: Resolver?
    private let state = Lock((restsUntil: Deadline?.none, fallbacks: UInt64(0)))

    init(_ settings: PostgresSettings, _ loops: [EventLoop]) throws(IOError) {
        resolver = settings.isLocal ? nil : try Resolver(on: loops[0])
        pool = PostgresPool(settings, loops: loops, resolver: resolver)
    }

    /// Whether it is worth asking.
    var isAsked: Bool { state.withLock { $0.restsUntil?.hasPassed ?? true } }

    /// Reads that the primary had to answer since the start.
    var fallbacks: UInt64 { state.withLock { $0.fallbacks } }

    func wasNotAsked() { state.withLock { $0.fallbacks += 1 } }

    /// It failed: for a while nobody waits for it.
    func rest() {
        state.withLock { state in
            state.restsUntil = .after(milliseconds: StoreLimits.replicaRestMilliseconds)
            state.fallbacks += 1
        }
        pool.closeIdle(all: true)
    }

    func close() {
        pool.close()
        resolver?.close()
    }
}

extension PostgresEngine {
    /// Reads from the replica, and from the primary when there is none or it does not answer.
    func readLate<Value: Sendable>(deadline: Deadline, _ body: @escaping Database.Body<Value>) async throws(StoreError) -> Value {
        guard let replica else { return try await read(deadline: deadline, body) }
        if replica.isAsked {
            switch await attempt(replica, deadline, body) {
            case .done(let value): return value
            // What the body itself refuses, the primary's rows decide.
            case .failed(let error) where ![.unavailable, .timedOut, .overloaded].contains(error.code): replica.wasNotAsked()
            // A conflict with what it replays is over in a moment.
            case .again(_, isLost: false): replica.wasNotAsked()
            case .failed, .again: replica.rest()
            }
        } else {
            replica.wasNotAsked()
        }
        return try await read(deadline: deadline, body)
    }

    private func attempt<Value: Sendable>(_ replica: PostgresReplica, _ deadline: Deadline, _ body: @escaping Database.Body<Value>) async -> Attempt<
        Value
    > {
        // Half of the time, so that the primary has as much.
        let until = min(deadline, .after(milliseconds: max(1, deadline.remainingMilliseconds / 2)))
        do throws(StoreError) {
            return await attempt(try await replica.pool.acquire(until: until), of: replica.pool, .snapshot, until, turn: false, nil, body)
        } catch {
            return .failed(error)
        }
    }
}
