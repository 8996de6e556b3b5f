package import Egress
package import IO
package import WorkerProtocol

/// Whose request for the network it is: all of it comes from the call, nothing from the plugin.
package struct FetchContext: Sendable {
    package let caller: EgressCaller
    /// What the plugin may reach; nil when nothing.
    package let access: EgressAccess?
    /// How many requests the same call has made before.
    package let before: Int

    package init(caller: EgressCaller, access: EgressAccess?, before: Int) {
        self.caller = caller
        self.access = access
        self.before = before
    }
}

/// Answers a plugin's requests for the network: the egress proxy, or a refusal where there is none.
package protocol FetchHandler: Sendable {
    /// Makes the request if the plugin may, until `deadline`; ends it when the task is cancelled.
    func fetch(_ request: FetchPayload, for context: FetchContext, until deadline: Deadline) async -> FetchReplyPayload
}

/// Refuses every request with `forbidden`: this host has no proxy.
package struct ForbiddenFetch: FetchHandler {
    package init() {}
    package func fetch(_ request: FetchPayload, for context: FetchContext, until deadline: Deadline) async -> FetchReplyPayload {
        FetchReplyPayload(id: request.id, status: 0, errorCode: "forbidden", errorMessage: "this host allows no requests to the network")
    }
}

/// Makes requests through the egress proxy.
package struct ProxyFetch: FetchHandler {
    private let proxy: EgressProxy

    package init(_ proxy: EgressProxy) { self.proxy = proxy }

    package func fetch(_ request: FetchPayload, for context: FetchContext, until deadline: Deadline) async -> FetchReplyPayload {
        guard let access = context.access else { return Self.failure(request, "forbidden", EgressRefusal.noNetwork.description) }
        let wanted: EgressRequest
        do throws(EgressRequest.Malformed) {
            wanted = try EgressRequest(parsing: request.request, body: request.body)
        } catch {
            return Self.failure(request, "invalid", error.reason)
        }
        do throws(EgressError) {
            let reply = try await proxy.fetch(wanted, access: access, caller: context.caller, before: context.before, until: deadline)
            return FetchReplyPayload(id: request.id, status: UInt32(reply.status), headers: reply.headersJSON, body: reply.body)
        } catch {
            return Self.failure(request, error.code, error.message)
        }
    }

    private static func failure(_ request: FetchPayload, _ code: String, _ message: String) -> FetchReplyPayload {
        FetchReplyPayload(id: request.id, status: 0, errorCode: code, errorMessage: message)
    }
}
