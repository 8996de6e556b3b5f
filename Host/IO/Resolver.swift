/// Why a name could not be turned into addresses.
package enum ResolverError: Error, Hashable, Sendable {
    /// It is neither an address nor a host name.
    case malformed
    /// There is no such name, or it has no address.
    case notFound
    /// The name service did not answer, or not with sense.
    case unavailable
    /// The deadline passed, the task was cancelled, the resolver is closed, or too many names are being asked for.
    case gaveUp(IOError.Code)
}

/// Host names to addresses: literal addresses are never asked for, answers are kept for a while, and one name is asked for once however many wait.
///
/// getaddrinfo says nothing of a record's time to live, so an answer is kept for a fixed time, which is short: `IOLimits.nameMillisecondsMax`.
package final class Resolver: Sendable {
    /// What it has done.
    package struct Metrics: Sendable, Hashable {
        /// Questions that the cache answered.
        package var hits: UInt64 = 0
        /// Questions that waited for another's answer.
        package var joined: UInt64 = 0
        /// Names that the system was asked for.
        package var asked: UInt64 = 0
        /// Of those, without an answer.
        package var failed: UInt64 = 0
        /// Names in the cache.
        package var entries = 0
    }

    private struct State {
        var cache = ResolverCache(entriesMax: IOLimits.namesCachedMax)
        var running: [String: NameLookUp] = [:]
        var metrics = Metrics()
    }

    /// Its threads, for the metrics.
    package let pool: BlockingPool
    private let ask: @Sendable (String) -> Result<[[UInt8]], ResolverError>
    private let loop: EventLoop
    private let scope = TaskScope()
    private let state = Lock(State())

    /// A resolver whose look-ups are looked after on `loop`.
    package convenience init(on loop: EventLoop, service: NameService = NameService()) throws(IOError) {
        try self.init(on: loop, ask: { service.addresses(of: $0) })
    }

    /// As above, with something else than the system to ask; `ask` runs on a thread of its own and may block.
    init(
        on loop: EventLoop, threads: Int = IOLimits.resolverThreads, queueMax: Int = IOLimits.namesQueuedMax,
        ask: @escaping @Sendable (String) -> Result<[[UInt8]], ResolverError>
    ) throws(IOError) {
        pool = try BlockingPool(name: "resolver", threads: threads, queueMax: queueMax)
        self.loop = loop
        self.ask = ask
    }

    package var metrics: Metrics {
        state.withLock { state in
            var metrics = state.metrics
            metrics.entries = state.cache.count
            return metrics
        }
    }

    /// The addresses of `host`, an address or a name, in the system's order of preference; at least one. From a loop's task.
    package func addresses(
        of host: String, port: UInt16, until deadline: Deadline = .after(milliseconds: IOLimits.lookUpMillisecondsMax)
    ) async throws(ResolverError) -> [SocketAddress] {
        if let literal = SocketAddress(host, port: port) { return [literal] }
        guard let name = HostName.normalised(host) else { throw .malformed }
        let answer: ResolverCache.Answer
        switch begin(name) {
        case .known(let known): answer = known
        case .wait(let lookUp): answer = await lookUp.answer(until: deadline)
        }
        return try answer.get().map { SocketAddress(bytes: $0, port: port) }
    }

    /// Ends the threads; look-ups under way end first, because getaddrinfo cannot be interrupted. Blocks, so not from a loop.
    package func close() {
        scope.cancel()
        pool.shutdown()
    }

    private enum Beginning {
        case known(ResolverCache.Answer)
        case wait(NameLookUp)
    }

    private func begin(_ name: String) -> Beginning {
        let now = Deadline.now()
        let (beginning, isNew) = state.withLock { state -> (Beginning, Bool) in
            if let known = state.cache.find(name, now: now) {
                state.metrics.hits += 1
                return (.known(known), false)
            }
            if let running = state.running[name] {
                state.metrics.joined += 1
                return (.wait(running), false)
            }
            let lookUp = NameLookUp()
            state.running[name] = lookUp
            state.metrics.asked += 1
            return (.wait(lookUp), true)
        }
        if case .wait(let lookUp) = beginning, isNew {
            // It belongs to the resolver and not to who asked first: others may wait for it, and its answer is worth keeping.
            let isStarted = scope.start(on: loop) { await self.run(name, lookUp) }
            if !isStarted { end(name, lookUp, .failure(.gaveUp(.closed))) }
        }
        return beginning
    }

    private func run(_ name: String, _ lookUp: NameLookUp) async {
        do {
            let answer = try await pool.run(deadline: .after(milliseconds: IOLimits.lookUpMillisecondsMax)) { [ask] in ask(name) }
            end(name, lookUp, answer)
        } catch {
            end(name, lookUp, .failure(.gaveUp((error as? IOError)?.code ?? .closed)))
        }
    }

    private func end(_ name: String, _ lookUp: NameLookUp, _ answer: ResolverCache.Answer) {
        let now = Deadline.now()
        state.withLock { state in
            state.running[name] = nil
            let kept: Int
            switch answer {
            case .success: kept = IOLimits.nameMillisecondsMax
            case .failure(let error):
                state.metrics.failed += 1
                // Trouble on the way is no answer: the next one tries again.
                kept = error == .notFound ? IOLimits.missingNameMillisecondsMax : 0
            }
            if kept > 0 { state.cache.insert(name, answer, until: now.adding(milliseconds: kept), now: now) }
        }
        lookUp.finish(answer)
    }
}
