import Egress
import IO
import Tools
import WorkerProtocol

/// The way out of `plugin run`, `test` and `dev`: the host's own proxy, with the bundle's own wishes as the grant; remembers whom it was refused.
final class RefusedHosts: FetchHandler {
    static let shared = RefusedHosts()
    private let hosts = Lock<Set<String>>([])
    private let proxy = Lock<ProxyFetch?>(nil)

    /// Makes requests through a proxy from now on; before that all are refused.
    func use(_ proxy: EgressProxy) { self.proxy.withLock { $0 = ProxyFetch(proxy) } }

    var list: [String] { hosts.withLock { $0.sorted() } }

    func fetch(_ request: FetchPayload, for context: FetchContext, until deadline: Deadline) async -> FetchReplyPayload {
        let reply: FetchReplyPayload
        if let proxy = proxy.withLock({ $0 }) {
            reply = await proxy.fetch(request, for: context, until: deadline)
        } else {
            reply = await ForbiddenFetch().fetch(request, for: context, until: deadline)
        }
        note(request, reply)
        return reply
    }

    func open(_ request: FetchPayload, for context: FetchContext, until deadline: Deadline) async -> FetchOpening {
        let opening: FetchOpening
        if let proxy = proxy.withLock({ $0 }) {
            opening = await proxy.open(request, for: context, until: deadline)
        } else {
            opening = await ForbiddenFetch().open(request, for: context, until: deadline)
        }
        if case .refused(let reply) = opening { note(request, reply) }
        return opening
    }

    func begin(_ request: FetchBeginPayload, _ body: EgressBody, for context: FetchContext, until deadline: Deadline) async -> FetchOpening {
        let opening: FetchOpening
        if let proxy = proxy.withLock({ $0 }) {
            opening = await proxy.begin(request, body, for: context, until: deadline)
        } else {
            opening = await ForbiddenFetch().begin(request, body, for: context, until: deadline)
        }
        if case .refused(let reply) = opening { note(FetchPayload(id: request.id, request: request.request, body: []), reply) }
        return opening
    }

    /// Hears of a tunnel.
    func note(_ record: EgressRecord) {
        if case .refused = record.outcome, let host = record.host { note(host) }
    }

    private func note(_ request: FetchPayload, _ reply: FetchReplyPayload) {
        if reply.status == 0, reply.errorCode == "forbidden", let host = Self.host(request) { note(host) }
    }

    private func note(_ host: String) { _ = hosts.withLock { $0.count < 64 ? $0.insert(host).inserted : false } }

    private static func host(_ request: FetchPayload) -> String? {
        // try?: what is no request, or no URL, names no host, and is refused all the same.
        guard let wanted = try? EgressRequest(parsing: request.request, body: []), let url = try? EgressURL(wanted.url) else { return nil }
        return url.host.description
    }
}
