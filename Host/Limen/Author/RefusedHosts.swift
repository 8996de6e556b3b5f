import IO
import JSON
import Tools
import WorkerProtocol

/// Refuses every fetch, as the host without a proxy does, and remembers whom a plugin wanted to reach.
final class RefusedHosts: FetchHandler {
    static let shared = RefusedHosts()
    private let hosts = Lock<Set<String>>([])

    var list: [String] { hosts.withLock { $0.sorted() } }

    func fetch(_ request: FetchPayload, plugin: String, requestID: String, until deadline: Deadline) async -> FetchReplyPayload {
        if let host = Self.host(request) { _ = hosts.withLock { $0.count < 64 ? $0.insert(host).inserted : false } }
        return await ForbiddenFetch().fetch(request, plugin: plugin, requestID: requestID, until: deadline)
    }

    private static func host(_ request: FetchPayload) -> String? {
        // try?: a request that is no JSON names no host, and is refused all the same.
        guard let url = try? JSONValue(parsing: request.request)["url"]?.stringValue, let start = url.firstRange(of: "://")?.upperBound else {
            return nil
        }
        return String(url[start...].prefix { $0 != "/" && $0 != "?" && $0 != "#" }.prefix(255))
    }
}
