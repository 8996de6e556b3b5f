import HTTP
import IO
import Registry

/// Idle connections, each kept for exactly whom it was made for: plugin, tenant and secrets as well as scheme, host and port.
final class EgressPool: Sendable {
    /// Who may use a connection again.
    struct Key: Sendable, Hashable {
        let plugin: String
        let tenant: String
        /// Which secrets went over it; requests with others never do.
        let secrets: String
        let scheme: EgressRule.Scheme
        let host: EgressHost
        let port: Int

        /// The scope of TLS sessions: whoever may not share a connection may not take up its session either.
        var scope: String { "\(plugin) \(tenant) \(secrets)" }
    }

    private struct Idle: Sendable {
        let connection: HTTPClientConnection
        let timer: Timer
    }

    private struct State: Sendable {
        var idle: [Key: [Idle]] = [:]
        var count = 0
        var isClosed = false
    }

    private let state = Lock(State())

    /// Connections that wait for use.
    var count: Int { state.withLock { $0.count } }

    /// A connection of the caller's loop that still stands; the latest used first.
    func take(_ key: Key) -> HTTPClientConnection? {
        while let idle = pop(key) {
            idle.timer.cancel()
            if idle.connection.isUsable { return idle.connection }
            idle.connection.end()
        }
        return nil
    }

    private func pop(_ key: Key) -> Idle? {
        state.withLock { state in
            guard var list = state.idle[key], let place = list.lastIndex(where: { $0.connection.loop.isCurrent }) else { return nil }
            let found = list.remove(at: place)
            state.idle[key] = list.isEmpty ? nil : list
            state.count -= 1
            return found
        }
    }

    /// Keeps a connection for a while, or closes it when it cannot be used again or there are enough; on its loop.
    func give(_ connection: HTTPClientConnection, _ key: Key) {
        guard connection.isUsable else { return connection.end() }
        let timer = connection.loop.schedule(at: .after(milliseconds: Limits.idleMilliseconds)) { [weak self] in self?.expire(connection, key) }
        let isKept = state.withLock { state in
            guard !state.isClosed, state.count < Limits.idleMax, state.idle[key, default: []].count < Limits.idleOfKeyMax else { return false }
            state.idle[key, default: []].append(Idle(connection: connection, timer: timer))
            state.count += 1
            return true
        }
        if !isKept {
            timer.cancel()
            connection.end()
        }
    }

    private func expire(_ connection: HTTPClientConnection, _ key: Key) {
        let isIdle = state.withLock { state in
            guard var list = state.idle[key], let place = list.firstIndex(where: { $0.connection === connection }) else { return false }
            list.remove(at: place)
            state.idle[key] = list.isEmpty ? nil : list
            state.count -= 1
            return true
        }
        if isIdle { connection.end() }
    }

    /// Closes what is idle and keeps nothing any more.
    func close() {
        let all = state.withLock { state in
            state.isClosed = true
            state.count = 0
            defer { state.idle = [:] }
            return state.idle.values.flatMap { $0 }
        }
        for idle in all {
            idle.timer.cancel()
            let isAlive = idle.connection.loop.execute { idle.connection.end() }
            if !isAlive { idle.connection.endAfterLoop() }
        }
    }
}
