internal import IO

/// A bounded set of connections, each on a loop; who finds none free waits in order, for a time that is bounded too.
final class PostgresPool: Sendable {
    private struct State: Sendable {
        var idle: [PostgresConnection] = []
        var leased = 0
        var waiters: [Waiter] = []
        var isClosed = false
        var metrics = BlockingPool.Metrics()
        /// Connections that could not be made in a row.
        var failures = 0
    }

    /// Someone who waits for his turn.
    private final class Waiter: Sendable {
        private let continuation: Lock<CheckedContinuation<StoreError?, Never>?>
        let since = Deadline.now()
        init(_ continuation: CheckedContinuation<StoreError?, Never>) { self.continuation = Lock(continuation) }
        func end(_ refusal: StoreError?) -> Bool {
            let waiting = continuation.withLock { state -> CheckedContinuation<StoreError?, Never>? in
                defer { state = nil }
                return state
            }
            waiting?.resume(returning: refusal)
            return waiting != nil
        }
    }

    let settings: PostgresSettings
    private let loops: [EventLoop]
    private let resolver: Resolver?
    private let state = Lock(State())

    init(_ settings: PostgresSettings, loops: [EventLoop], resolver: Resolver?) {
        (self.settings, self.loops, self.resolver) = (settings, loops, resolver)
    }

    /// Queued are those who wait, running the connections in use, refused those who waited in vain.
    var metrics: BlockingPool.Metrics {
        state.withLock { state in
            var metrics = state.metrics
            metrics.queued = state.waiters.count
            metrics.running = state.leased
            return metrics
        }
    }

    /// Connections open, in use or not.
    var connections: Int { state.withLock { $0.leased + $0.idle.count } }

    /// A connection that nobody else uses; on the caller's loop where one is free there.
    func acquire(until deadline: Deadline) async throws(StoreError) -> PostgresConnection {
        let until = min(deadline, .after(milliseconds: settings.acquireMilliseconds))
        if let refusal = await turn(until: until) { throw refusal }
        let loop = EventLoop.current ?? loops.randomElement() ?? loops[0]
        if let kept = takeIdle(preferring: loop) { return kept }
        do throws(StoreError) {
            return try await connect(on: loop, until: until)
        } catch {
            endTurn()
            // The caller's own time was too short for a connection to be made: no reason to think that the server is away.
            throw deadline.hasPassed && error.code == .unavailable ? StoreError(.timedOut, error.message) : error
        }
    }

    private func turn(until: Deadline) async -> StoreError? {
        let loop = EventLoop.current ?? loops[0]
        return await withCheckedContinuation { (continuation: CheckedContinuation<StoreError?, Never>) in
            let waiter = Waiter(continuation)
            let now = state.withLock { state -> StoreError?? in
                if state.isClosed { return .some(StoreError(.closed, "the store is closed")) }
                guard state.leased >= settings.connectionsMax else {
                    state.leased += 1
                    return .some(nil)
                }
                guard state.waiters.count < StoreLimits.readsQueuedMax else {
                    state.metrics.refused += 1
                    return .some(StoreError(.overloaded, "\(state.waiters.count) wait for a connection"))
                }
                state.waiters.append(waiter)
                return nil
            }
            if let now {
                _ = waiter.end(now)
            } else {
                loop.schedule(at: until) { [self] in giveUp(waiter) }
            }
        }
    }

    private func giveUp(_ waiter: Waiter) {
        let waits = state.withLock { state in
            guard let place = state.waiters.firstIndex(where: { $0 === waiter }) else { return false }
            state.waiters.remove(at: place)
            state.metrics.refused += 1
            return true
        }
        if waits { _ = waiter.end(StoreError(.overloaded, "no connection became free within \(settings.acquireMilliseconds) ms")) }
    }

    private func takeIdle(preferring loop: EventLoop) -> PostgresConnection? {
        state.withLock { state in
            guard let place = state.idle.lastIndex(where: { $0.loop === loop }) ?? state.idle.indices.last else { return nil }
            return state.idle.remove(at: place)
        }
    }

    /// Tries again, ever more slowly, until it has to be given up.
    private func connect(on loop: EventLoop, until deadline: Deadline) async throws(StoreError) -> PostgresConnection {
        while true {
            do throws(StoreError) {
                let connection = try await open(on: loop, until: deadline)
                state.withLock { $0.failures = 0 }
                return connection
            } catch {
                let failures = state.withLock { state in
                    state.failures += 1
                    return state.failures
                }
                let pause = Deadline.after(milliseconds: Backoff.milliseconds(failures))
                guard pause < deadline, !state.withLock({ $0.isClosed }) else { throw error }
                do throws(IOError) { try await loop.sleep(until: pause) } catch { throw StoreError(.closed, "\(error)") }
            }
        }
    }

    /// A connection outside the count, for who keeps it.
    func open(on loop: EventLoop, until deadline: Deadline) async throws(StoreError) -> PostgresConnection {
        let (settings, resolver) = (settings, resolver)
        let task = OwnedTask(on: loop) {
            let address = try await Self.address(settings, resolver, until: deadline)
            return try await PostgresConnection.open(settings, address: address, on: loop, until: deadline)
        }
        do { return try await task.value } catch { throw StoreError(wrapping: error) }
    }

    private static func address(_ settings: PostgresSettings, _ resolver: Resolver?, until deadline: Deadline) async throws(StoreError) -> String? {
        if settings.isSocket { return nil }
        if settings.host == "localhost" { return "127.0.0.1" }
        guard let resolver else { return settings.host }
        do throws(ResolverError) {
            let found = try await resolver.addresses(of: settings.host, port: UInt16(clamping: settings.port), until: deadline)
            return found.first?.host
        } catch {
            throw StoreError(.unavailable, "looking up \(settings.host): \(error)")
        }
    }

    /// Gives a connection back, on its loop; one that is not `isGood` is closed.
    func release(_ connection: PostgresConnection, isGood: Bool) {
        if isGood, connection.isOpen {
            connection.idleSince = .now()
            state.withLock { state in
                state.metrics.completed += 1
                if !state.isClosed { return state.idle.append(connection) }
            }
        } else {
            connection.close()
        }
        endTurn()
    }

    private func endTurn() {
        let next: Waiter? = state.withLock { state -> Waiter? in
            guard !state.waiters.isEmpty else {
                state.leased -= 1
                return nil
            }
            let waiter = state.waiters.removeFirst()
            state.metrics.waitNanoseconds &+= Deadline.now().nanoseconds &- waiter.since.nanoseconds
            return waiter
        }
        if let next, !next.end(nil) { endTurn() }
    }

    /// Closes what nobody has used for long, or everything that nobody uses.
    func closeIdle(all: Bool = false) {
        let since = Deadline.now().nanoseconds
        let gone = state.withLock { state -> [PostgresConnection] in
            let old = state.idle.filter { all || since &- $0.idleSince.nanoseconds > UInt64(settings.idleMilliseconds) * 1_000_000 || !$0.isOpen }
            state.idle.removeAll { connection in old.contains { $0 === connection } }
            return old
        }
        for connection in gone { connection.loop.execute { connection.close() } }
    }

    /// Refuses everybody from here on.
    func close() {
        let waiters = state.withLock { state in
            state.isClosed = true
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { _ = waiter.end(StoreError(.closed, "the store is closed")) }
        closeIdle(all: true)
    }
}

/// Ever longer pauses between attempts, each a little different, so that many who failed together do not come back together.
enum Backoff {
    static func milliseconds(_ failures: Int, first: Int = 25, most: Int = 2_000) -> Int {
        let span = min(most, first << min(16, max(0, failures - 1)))
        return Int.random(in: span / 2...span)
    }
}
