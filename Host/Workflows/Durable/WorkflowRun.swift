package import JSON
import Store

/// Whose runs: verified by whoever makes one, never taken from a body or header.
package struct RunOwner: Sendable, Hashable {
    package let tenant: String
    /// The account's id.
    package let account: String
    /// Whether it may see, and end, the runs of its whole tenant.
    package let isAdmin: Bool

    package init(tenant: String, account: String, isAdmin: Bool = false) {
        (self.tenant, self.account, self.isAdmin) = (tenant, account, isAdmin)
    }
}

/// Where a run is.
package enum RunState: String, Sendable, Hashable, CaseIterable {
    /// Next: running, cancelled, failed.
    case queued
    /// Next: done, failed, cancelled; running again on another host when its own has died.
    case running
    case done, failed, cancelled

    /// Whether nothing follows it.
    package var isOver: Bool { self != .queued && self != .running }
}

/// A run to be made.
package struct RunRequest: Sendable {
    /// The workflow's artifact and its version, kept to the end whatever becomes of the artifact (WF-5).
    package var workflow: String
    package var version: Int
    package var input: JSONValue
    package var conversation: String?
    /// The client's own id of its request: with the conversation, a run is made once for it; nil for a new run each time.
    package var request: String?
    /// For the log, and for calls of tools.
    package var requestID: String
    package var traceparent: String
    /// The key or session that was used.
    package var keyID: String
    package var timeoutMilliseconds: Int

    package init(
        workflow: String, version: Int, input: JSONValue, conversation: String? = nil, request: String? = nil, requestID: String,
        traceparent: String = "", keyID: String, timeoutMilliseconds: Int
    ) {
        (self.workflow, self.version, self.input, self.conversation, self.request) = (workflow, version, input, conversation, request)
        (self.requestID, self.traceparent, self.keyID, self.timeoutMilliseconds) = (requestID, traceparent, keyID, timeoutMilliseconds)
    }
}

/// A run as it is stored.
package struct WorkflowRun: Sendable {
    package let id: String
    package let tenant: String
    package let owner: String
    package let workflow: String
    package let version: Int
    package let conversation: String?
    package let request: String
    package let requestID: String
    package let traceparent: String
    package let keyID: String
    package let state: RunState
    /// Hosts that have worked on it.
    package let attempts: Int
    package let failure: WorkflowFailure?
    /// Milliseconds since 1970-01-01 UTC.
    package let createdAt: Int64
    package let startedAt: Int64?
    /// When its time is over.
    package let until: Int64
    package let endedAt: Int64?
    /// Nil in lists.
    package var input: JSONValue?
    package var outputs: JSONValue?
    /// What became of its nodes, as `WorkflowTraceEntry.json`; empty in lists.
    package var trace: [JSONValue] = []

    /// Columns: id, tenant, owner, workflow, version, conversation, request, request_id, traceparent, key_id, state, attempts, failure, created_at, started_at,
    /// until, ended_at.
    init(_ row: Row) throws(StoreError) {
        (id, tenant, owner, workflow, version) = (try row.text(0), try row.text(1), try row.text(2), try row.text(3), try row.int(4))
        (conversation, request, requestID, traceparent) = (try row.optionalText(5), try row.text(6), try row.text(7), try row.text(8))
        keyID = try row.text(9)
        guard let state = RunState(rawValue: try row.text(10)) else { throw StoreError(.corrupt, "the run \(try row.text(0)) is in no state") }
        (self.state, attempts) = (state, try row.int(11))
        failure = try Self.value(row, 12).flatMap { WorkflowFailure(json: $0) }
        (createdAt, until) = (try row.integer(13), try row.integer(15))
        startedAt = row.values[14] == .null ? nil : try row.integer(14)
        endedAt = row.values[16] == .null ? nil : try row.integer(16)
    }

    /// JSON of a column; nil for null.
    static func value(_ row: Row, _ column: Int) throws(StoreError) -> JSONValue? {
        guard let text = try row.optionalText(column) else { return nil }
        do {
            return try JSONValue(parsing: text)
        } catch {
            throw StoreError(.corrupt, "column \(column) of a run is no JSON: \(error)")
        }
    }
}
