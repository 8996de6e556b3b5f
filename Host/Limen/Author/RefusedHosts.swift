import Egress
import IO
import Tools
import WorkerProtocol

/// Refuses every fetch, as the host without a proxy does, and remembers whom a plugin wanted to reach.
final class RefusedHosts: FetchHandler {
    static let shared = RefusedHosts()
    private let hosts = Lock<Set<String>>([])

    var list: [String] { hosts.withLock { $0.sorted() } }

    func fetch(_ request: FetchPayload, for context: FetchContext, until deadline: Deadline) async -> FetchReplyPayload {
        if let host = Self.host(request) { _ = hosts.withLock { $0.count < 64 ? $0.insert(host).inserted : false } }
        return await ForbiddenFetch().fetch(request, for: context, until: deadline)
    }

    private static func host(_ request: FetchPayload) -> String? {
        // try?: what is no request, or no URL, names no host, and is refused all the same.
        guard let wanted = try? EgressRequest(parsing: request.request, body: []), let url = try? EgressURL(wanted.url) else { return nil }
        return url.host.description
    }
}
