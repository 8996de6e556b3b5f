import Crypto
package import IO
import JSON
package import Store
package import Telemetry

/// What a user has so many of at once (LIM-2); each is a setting `concurrency.…`, by plan.
package enum LeaseClass: String, Sendable, CaseIterable {
    /// Runs of workflows; they are rows and counted as such, so no lease is taken for one.
    case workflows
    /// Answers of models that are received.
    case decodes
    /// Exports that are received.
    case exports
}

/// A place that somebody has; it is given back by `release`, or when nobody refers to it any more, however that comes about.
package final class ConcurrencyLease: Sendable {
    let id: String
    private let end: @Sendable (String) -> Void
    private let isOver = Lock(false)

    init(_ id: String, end: @escaping @Sendable (String) -> Void) { (self.id, self.end) = (id, end) }

    /// Gives the place back; again is nothing.
    package func release() {
        if isOver.withLock({ over in
            defer { over = true }
            return over
        }) {
            return
        }
        end(id)
    }

    deinit { release() }
}

/// Counts what users do at once: in this process, or on all hosts of a database together.
///
/// Giving back never waits and never fails: what is over is deleted by the next to take a place of this host, or by `keep`; what a dead host held ends when
/// nobody renews it.
package final class ConcurrencyLeases: Sendable {
    private struct Holder: Hashable {
        let kind: LeaseClass
        let tenant: String
        let user: String
    }

    private struct State {
        var held: [String: Holder] = [:]
        var counts: [Holder: Int] = [:]
        var ended: [String] = []
    }

    private let max: @Sendable (LeaseClass, _ plan: String) -> Int
    private let store: LeaseStore?
    private let log: Log?
    private let state = Lock(State())

    /// `max` is asked each time. Without a store places are those of this process.
    package init(_ max: @escaping @Sendable (LeaseClass, _ plan: String) -> Int, store: LeaseStore? = nil, log: Log? = nil) {
        (self.max, self.store, self.log) = (max, store, log)
    }

    /// Places that this host's requests have.
    package var count: Int { state.withLock { $0.held.count } }

    /// Takes a place.
    /// - Throws: 409 `busy` when all are taken.
    package func acquire(_ kind: LeaseClass, _ principal: Principal) async throws(APIError) -> ConcurrencyLease {
        let holder = Holder(kind: kind, tenant: principal.tenant, user: principal.id)
        let (id, max) = (UUIDv7.make(), max(kind, principal.plan))
        let lease = ConcurrencyLease(id) { [weak self] in self?.end($0) }
        guard let store else {
            let isTaken = state.withLock { state in
                guard state.counts[holder, default: 0] < max else { return false }
                state.counts[holder, default: 0] += 1
                state.held[id] = holder
                return true
            }
            guard isTaken else { throw Self.busy(kind, max) }
            return lease
        }
        let ended = state.withLock { state in
            defer { state.ended = [] }
            // Known before it is asked for, so that it is renewed, and deleted if the answer is never heard.
            state.held[id] = holder
            return state.ended
        }
        do throws(StoreError) {
            if try await store.acquire(id, kind: kind.rawValue, tenant: holder.tenant, owner: holder.user, max: max, ended: ended) { return lease }
        } catch {
            state.withLock { $0.ended += ended }
            log?.error("a place could not be taken", [("cause", .string("\(error)"))])
            throw APIError(storing: error)
        }
        throw Self.busy(kind, max)
    }

    /// 409: all places are taken.
    static func busy(_ kind: LeaseClass, _ max: Int) -> APIError {
        APIError(
            .conflict, "You have \(max) \(kind.rawValue) running: wait for one to end.",
            details: ["reason": "busy", "class": .string(kind.rawValue), "max": JSONValue(max)])
    }

    private func end(_ id: String) {
        state.withLock { state in
            guard let holder = state.held.removeValue(forKey: id) else { return }
            if store != nil { return state.ended.append(id) }
            let count = state.counts[holder, default: 1] - 1
            state.counts[holder] = count > 0 ? count : nil
        }
    }

    /// Renews what is held and deletes what is over; what cannot be deleted now is later.
    func tend() async throws(StoreError) {
        guard let store else { return }
        let (held, ended) = state.withLock { state in
            defer { state.ended = [] }
            return (Array(state.held.keys), state.ended)
        }
        do throws(StoreError) {
            try await store.renew(held)
            try await store.release(ended)
        } catch {
            state.withLock { $0.ended += ended }
            throw error
        }
    }

    /// Tends places until it is cancelled.
    package func keep(on loop: EventLoop) async throws {
        var sinceRenewal = 0
        while true {
            try await loop.sleep(until: .after(milliseconds: 100))
            sinceRenewal += 100
            guard sinceRenewal >= Limits.leaseRenewalMilliseconds || state.withLock({ !$0.ended.isEmpty }) else { continue }
            sinceRenewal = 0
            do {
                try await tend()
            } catch {
                log?.warning("places of users could not be renewed", [("cause", .string("\(error)"))])
            }
        }
    }
}
