package import IO
package import JSON
package import JSONSchema

/// A tool as a workflow may use it.
package struct WorkflowTool: Sendable {
    package var id: String
    /// The version of its plugin.
    package var version: String
    /// Whether a call may be made twice: it is read-only or idempotent.
    package var isRepeatable: Bool
    /// What its input has to be; nil where that is not known beforehand.
    package var input: CompiledSchema?
    /// Why a workflow cannot call it; nil when one can.
    package var refusal: WorkflowFailure?

    /// Describes a tool.
    package init(id: String, version: String, isRepeatable: Bool, input: CompiledSchema? = nil, refusal: WorkflowFailure? = nil) {
        (self.id, self.version, self.isRepeatable, self.input, self.refusal) = (id, version, isRepeatable, input, refusal)
    }
}

/// One call that a node makes.
package struct WorkflowCall: Sendable {
    package var node: String
    package var tool: String
    package var input: JSONValue
    /// Further tries; nil for as many as the tool's manifest says.
    package var retries: Int?
    /// The end of all tries together.
    package var deadline: Deadline
    /// The version that was looked at before the call; nil where tools have none.
    package var version: String?

    /// Describes a call.
    package init(node: String, tool: String, input: JSONValue, retries: Int?, deadline: Deadline, version: String? = nil) {
        (self.node, self.tool, self.input, self.retries, self.deadline) = (node, tool, input, retries, deadline)
        self.version = version
    }
}

/// What a call answered, after all its tries.
package struct WorkflowReply: Sendable {
    package var result: Result<JSONValue, WorkflowFailure>
    package var tries: Int
    package var version: String?
    /// Whether nobody wants the run any more: it is cancelled, whatever its `on_error` says.
    package var endsRun = false

    /// Describes an answer.
    package init(_ result: Result<JSONValue, WorkflowFailure>, tries: Int = 1, version: String? = nil, endsRun: Bool = false) {
        (self.result, self.tries, self.version, self.endsRun) = (result, tries, version, endsRun)
    }
}

/// What workflows can do: the tools of the one call path for a person, and what a chat turn adds to them. It tries again as the call path does
/// (SPEC 4), within the call's deadline, and returns soon after its task is cancelled.
package protocol WorkflowActions: Sendable {
    /// A tool by its id, as it is now; nil when there is none.
    func tool(_ id: String) -> WorkflowTool?
    func call(_ call: WorkflowCall) async -> WorkflowReply
}

/// Keeps what a run has done, so that another host can go on from there.
package protocol WorkflowJournal: Sendable {
    /// Keeps durably, in this order, how calls ended and which begin; none of those is made before it returns.
    /// - Throws: When it could not be kept, or the run is another host's now. The run stops then.
    func record(ended: [WorkflowMachine.Report], beginning: [WorkflowBeginning]) async throws
}

/// A call that is about to be made.
package struct WorkflowBeginning: Sendable, Hashable {
    package let place: Int
    package let node: String
    package let tool: String
    package let version: String?
    /// Whether it may be made again when nobody knows how it ended.
    package let isRepeatable: Bool
    package let at: Int64

    /// Describes a beginning.
    package init(place: Int, node: String, tool: String, version: String?, isRepeatable: Bool, at: Int64) {
        (self.place, self.node, self.tool, self.version, self.isRepeatable, self.at) = (place, node, tool, version, isRepeatable, at)
    }
}

/// What was kept of a run that another host, or an earlier life of this one, has begun.
package struct WorkflowPast: Sendable {
    /// Calls that ended, in the order in which they did.
    package var ended: [WorkflowMachine.Report]
    /// Calls that were begun and of whose end nothing is known.
    package var open: [WorkflowBeginning]
    /// When the run began, in milliseconds since 1970-01-01 UTC; nil for now.
    package var startedAt: Int64?

    /// Nothing, or what is given.
    package init(ended: [WorkflowMachine.Report] = [], open: [WorkflowBeginning] = [], startedAt: Int64? = nil) {
        (self.ended, self.open, self.startedAt) = (ended, open, startedAt)
    }
}
