package import JSON

/// One version of a workflow.
package struct StoredWorkflow: Sendable {
    package let id: String
    package let version: Int
    /// The definition.
    package let value: JSONValue

    package init(id: String, version: Int, value: JSONValue) { (self.id, self.version, self.value) = (id, version, value) }
}

/// Where workflows are kept.
package protocol WorkflowSource: Sendable {
    /// The version in force of one that its caller may read.
    func current(_ id: String, for owner: RunOwner) async throws(WorkflowError) -> StoredWorkflow
    /// A version that a run began with: there whatever became of the workflow since (WF-5).
    func pinned(_ id: String, version: Int, tenant: String) async throws(WorkflowError) -> StoredWorkflow
}

/// Whose name a run's calls are made in.
package struct RunCaller: Sendable, Hashable {
    package var tenant: String
    package var account: String
    /// The key or session that was used.
    package var keyID: String
    /// For logs, audit and what tools send outward.
    package var requestID: String
    package var traceparent: String

    package init(tenant: String, account: String, keyID: String, requestID: String, traceparent: String = "") {
        (self.tenant, self.account, self.keyID, self.requestID, self.traceparent) = (tenant, account, keyID, requestID, traceparent)
    }
}

/// How a run ended on this host, for the log and metrics: one line a run (WF-1).
package struct RunRecord: Sendable {
    package var run: String
    package var requestID: String
    package var tenant: String
    package var account: String
    package var workflow: String
    package var version: Int
    /// `done`, `failed` or `cancelled`.
    package var outcome: String
    package var failure: WorkflowFailure?
    /// Nodes that were come to, calls that were made, tries after the first, times that ran out.
    package var nodes: Int
    package var calls: Int
    package var retries: Int
    package var timeouts: Int
    /// Hosts that worked on it.
    package var attempts: Int
    /// From its request to its end.
    package var wallMilliseconds: Int64
}
