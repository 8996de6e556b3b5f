import IO
import JSON
package import Registry
import Supervisor
package import Tools
package import Workflows

/// The tools of the registry as runs of workflows may call them, in the name of who began the run and through the one call path.
///
/// A destructive tool is refused: it needs the consent of a person to exactly these arguments, and a run has nobody to ask. So is one that needs privilege:
/// no workflow has any (TOOL-7).
package struct WorkflowTools: WorkflowActions {
    private let registry: Registry
    private let service: ToolService
    private let caller: RunCaller

    /// Joins catalogue and call path for one person's run.
    package init(registry: Registry, service: ToolService, caller: RunCaller) {
        (self.registry, self.service, self.caller) = (registry, service, caller)
    }

    package func tool(_ id: String) -> WorkflowTool? {
        guard let entry = service.entry(id), entry.spec.id == id, entry.spec.adapter == nil, let tool = registry.snapshot().tool(id) else {
            return nil
        }
        return WorkflowTool(
            id: id, version: tool.version, isRepeatable: tool.annotations.isReadOnly || tool.annotations.isIdempotent, input: tool.input,
            refusal: Self.refusal(of: tool))
    }

    private static func refusal(of tool: ToolDescriptor) -> WorkflowFailure? {
        if tool.privileged {
            return WorkflowFailure(.forbidden, reason: "privileged", "`\(tool.id)` is privileged, and a workflow has no privilege")
        }
        guard tool.annotations.isDestructive else { return nil }
        return WorkflowFailure(
            .forbidden, reason: "approval",
            "`\(tool.id)` is destructive and needs a person's approval, which a workflow cannot ask for; call it in a conversation or by itself")
    }

    package func call(_ call: WorkflowCall) async -> WorkflowReply {
        // The role of a run is the least: it may go on long after its person has lost a greater one.
        let caller = Caller(tenant: caller.tenant, user: caller.account, role: .user, keyID: caller.keyID)
        var wanted = ToolCall(
            tool: call.tool, input: call.input.serialized(), caller: caller, requestID: self.caller.requestID, traceparent: self.caller.traceparent,
            timeoutMilliseconds: max(1, call.deadline.remainingMilliseconds))
        wanted.retriesMax = call.retries
        wanted.version = call.version
        let outcome = await service.call(wanted)
        return WorkflowReply(Self.result(outcome), tries: outcome.usage.retries + 1, version: outcome.version)
    }

    private static func result(_ outcome: ToolOutcome) -> Result<JSONValue, WorkflowFailure> {
        switch outcome.result {
        case .success(let reply):
            do {
                return .success(try JSONValue(parsing: reply.output, limits: JSONLimits(bytesMax: Limits.replyBytesMax)))
            } catch {
                // The call path has checked it against its schema; what is left is its length.
                return .failure(WorkflowFailure(.server, reason: "limit", "the tool's output cannot be kept: \(error.message)"))
            }
        case .failure(let error):
            var failure = WorkflowFailure(
                WorkflowFailure.Code(rawValue: error.code.rawValue) ?? .server, reason: error.details["reason"]?.stringValue, error.message)
            failure.details = error.details
            return .failure(failure)
        }
    }
}
