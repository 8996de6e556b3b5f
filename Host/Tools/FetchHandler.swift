package import IO
package import WorkerProtocol

/// Answers a plugin's requests for the network: the egress proxy, or a refusal while there is none.
package protocol FetchHandler: Sendable {
    /// Makes the request if the plugin may, until `deadline`.
    func fetch(_ request: FetchPayload, plugin: String, requestID: String, until deadline: Deadline) async -> FetchReplyPayload
}

/// Refuses every request with `forbidden`: this host has no proxy.
package struct ForbiddenFetch: FetchHandler {
    package init() {}
    package func fetch(_ request: FetchPayload, plugin: String, requestID: String, until deadline: Deadline) async -> FetchReplyPayload {
        FetchReplyPayload(id: request.id, status: 0, errorCode: "forbidden", errorMessage: "this host allows no requests to the network")
    }
}
