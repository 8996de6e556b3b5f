import COpenSSL
import Glibc

/// A client's sessions for later connections to the same server, bounded; the server longest without a new one is forgotten first.
final class TLSSessionCache: Sendable {
    /// One session, held.
    private final class Held: @unchecked Sendable {
        // SAFETY: an SSL_SESSION is counted atomically and never changed here.
        let session: OpaquePointer
        init(_ session: OpaquePointer) { self.session = session }
        deinit { SSL_SESSION_free(session) }

        var isUsable: Bool {
            SSL_SESSION_is_resumable(session) == 1 && SSL_SESSION_get_time(session) + SSL_SESSION_get_timeout(session) > time(nil)
        }
        /// RFC 8446, C.4: a ticket is shown once, so that nobody can tell two connections to be of one client.
        var isForOnce: Bool { SSL_SESSION_get_protocol_version(session) >= TLS1_3_VERSION }
    }

    private struct State: Sendable {
        var sessions: [String: [Held]] = [:]
        /// Keys by their newest session, the oldest first.
        var order: [String] = []
    }

    private let state = Lock(State())
    private let serversMax: Int

    init(serversMax: Int = IOLimits.clientSessionServersMax) { self.serversMax = serversMax }

    var count: Int { state.withLock { $0.sessions.count } }

    /// Keeps a session, whose reference it takes over.
    func store(_ session: OpaquePointer, for key: String) {
        let held = Held(session)
        state.withLock { state in
            var list = state.sessions[key] ?? []
            list.append(held)
            if list.count > IOLimits.clientSessionsPerServerMax { list.removeFirst() }
            state.sessions[key] = list
            state.order.removeAll { $0 == key }
            state.order.append(key)
            if state.order.count > serversMax { state.sessions[state.order.removeFirst()] = nil }
        }
    }

    /// Offers the newest session for `key` in the handshake of `ssl`, if there is one.
    func offer(_ key: String, in ssl: OpaquePointer) {
        guard let held = take(key) else { return }
        // Refused, it is as if there had been none.
        if SSL_set_session(ssl, held.session) != 1 { OpenSSLErrors.clear() }
    }

    private func take(_ key: String) -> Held? {
        state.withLock { state in
            guard var list = state.sessions[key] else { return nil }
            list.removeAll { !$0.isUsable }
            let held = list.last
            if held?.isForOnce == true { list.removeLast() }
            state.sessions[key] = list.isEmpty ? nil : list
            if list.isEmpty { state.order.removeAll { $0 == key } }
            return held
        }
    }
}
