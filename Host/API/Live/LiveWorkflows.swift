package import Artifacts
import Identity
import JSON
import Store
package import Telemetry
package import Workflows

/// Workflows and their runs over HTTP.
package struct LiveWorkflows: Sendable {
    private struct Parts: Sendable {
        let service: WorkflowService
        let artifacts: ArtifactStore
        let runsMax: @Sendable (_ plan: String) -> Int
        let log: Log
    }
    private let parts: Parts?

    /// Serves workflows; `runsMax` says how many runs a user of a plan may have at once.
    package init(_ service: WorkflowService, artifacts: ArtifactStore, log: Log, runsMax: @escaping @Sendable (_ plan: String) -> Int) {
        parts = Parts(service: service, artifacts: artifacts, runsMax: runsMax, log: log)
    }

    /// Describes routes that nobody calls.
    private init() { parts = nil }
    /// For a table that is only described.
    package static let none = LiveWorkflows()

    func list(_ context: RequestContext) async throws(APIError) -> Reply {
        let parts = try serving()
        let (limit, cursor) = context.page
        do throws(ArtifactError) {
            let page = try await parts.artifacts.list(
                for: ArtifactReader(context.principal), type: .workflow, kind: WorkflowDefinition.kind, cursor: cursor, limit: limit)
            return .data(LiveIdentity.list(page.items.map(Self.json), page.nextCursor))
        } catch {
            if case .store(let cause) = error { parts.log.error("workflows could not be read", [("cause", .string("\(cause)"))]) }
            throw APIError(error)
        }
    }

    /// Begins a run, or says what one would do.
    func start(_ context: RequestContext) async throws(APIError) -> Reply {
        let body = context.body
        let start = WorkflowService.Start(
            workflow: context.parameter("id"), input: body["input"] ?? [:], conversation: body["conversation_id"]?.stringValue,
            request: context.idempotencyKey, runsMax: try serving().runsMax(context.principal.plan))
        let caller = RunCaller(context)
        if body["dry_run"]?.boolValue == true {
            let (workflow, plan) = try await run { (service) async throws(WorkflowError) in try await service.plan(start, caller) }
            var reply = plan.json.objectValue ?? [:]
            (reply["workflow_id"], reply["version"], reply["dry_run"]) = (.string(workflow.id), JSONValue(workflow.version), true)
            return .data(.object(reply))
        }
        var (found, _) = try await run { (service) async throws(WorkflowError) in try await service.start(start, caller) }
        if let milliseconds = body["wait_ms"]?.intValue, milliseconds > 0, !found.state.isOver {
            found = try await run { [id = found.id] (service) async throws(WorkflowError) in
                try await service.wait(for: id, of: RunOwner(context.principal), milliseconds: milliseconds)
            }
        } else if found.state.isOver {
            found = try await whole(found.id, context)
        }
        return .data(Self.json(found), status: found.state.isOver ? 200 : 202)
    }

    func runs(_ context: RequestContext) async throws(APIError) -> Reply {
        let owner = RunOwner(context.principal)
        let isTenant = context.query["of"]?.stringValue == "tenant"
        if isTenant, !owner.isAdmin { throw APIError(.forbidden, "The tenant's runs are an admin's to see.", details: ["reason": "role"]) }
        let (limit, cursor) = context.page
        let page = try await run { (service) async throws(WorkflowError) in
            try await service.store.list(
                of: owner, wholeTenant: isTenant, workflow: context.query["workflow_id"]?.stringValue,
                state: context.query["state"]?.stringValue.flatMap { RunState(rawValue: $0) }, cursor: cursor, limit: limit)
        }
        return .data(LiveIdentity.list(page.items.map(Self.heading), page.nextCursor))
    }

    func get(_ context: RequestContext) async throws(APIError) -> Reply { .data(Self.json(try await whole(context.parameter("id"), context))) }

    func cancel(_ context: RequestContext) async throws(APIError) -> Reply {
        let id = context.parameter("id")
        try await run { (service) async throws(WorkflowError) in try await service.cancel(id, of: RunOwner(context.principal)) }
        return .data(Self.json(try await whole(id, context)))
    }

    private func whole(_ id: String, _ context: RequestContext) async throws(APIError) -> WorkflowRun {
        try await run { (service) async throws(WorkflowError) in try await service.store.run(id, of: RunOwner(context.principal)) }
    }

    // MARK: For all of them

    private func serving() throws(APIError) -> Parts {
        guard let parts else { throw .unexpected }
        return parts
    }

    @discardableResult
    private func run<Value>(_ body: (WorkflowService) async throws(WorkflowError) -> Value) async throws(APIError) -> Value {
        let parts = try serving()
        do throws(WorkflowError) {
            return try await body(parts.service)
        } catch {
            if case .store(let cause) = error { parts.log.error("runs could not be read or written", [("cause", .string("\(cause)"))]) }
            throw APIError(error)
        }
    }

    // MARK: Shapes

    private static func json(_ artifact: Artifact) -> JSONValue {
        let nodes = artifact.schema["nodes"]?.arrayValue ?? []
        var tools: [JSONValue] = []
        for tool in nodes.compactMap({ $0["tool"] }) where !tools.contains(tool) { tools.append(tool) }
        return [
            "id": .string(artifact.id), "name": .string(artifact.name), "description": .string(artifact.description),
            "kind": .string(artifact.kind), "owner_user_id": artifact.owner.map { .string($0) } ?? .null,
            "visibility": .string(artifact.visibility.rawValue), "version": JSONValue(artifact.version), "tools": .array(tools),
            "nodes": JSONValue(nodes.count), "input_schema": artifact.schema["input_schema"] ?? .null,
            "timeout_ms": artifact.schema["timeout_ms"] ?? JSONValue(WorkflowLimits.runMillisecondsDefault),
            "created_at": LiveChat.time(artifact.createdAt), "updated_at": LiveChat.time(artifact.updatedAt),
        ]
    }

    private static func heading(_ run: WorkflowRun) -> JSONValue { .object(fields(run)) }

    private static func fields(_ run: WorkflowRun) -> JSONObject {
        [
            "id": .string(run.id), "workflow_id": .string(run.workflow), "version": JSONValue(run.version), "user_id": .string(run.owner),
            "conversation_id": run.conversation.map { .string($0) } ?? .null,
            // One that the client did not name is the run's own.
            "client_request_id": run.request == run.id ? .null : .string(run.request), "state": .string(run.state.rawValue),
            "error": run.failure?.json ?? .null, "attempts": JSONValue(run.attempts), "created_at": LiveChat.time(run.createdAt),
            "started_at": run.startedAt.map(LiveChat.time) ?? .null, "ended_at": run.endedAt.map(LiveChat.time) ?? .null,
            "deadline_at": LiveChat.time(run.until),
        ]
    }

    private static func json(_ run: WorkflowRun) -> JSONValue {
        var object = fields(run)
        (object["input"], object["outputs"], object["trace"]) = (run.input ?? .null, run.outputs ?? .null, .array(run.trace))
        return .object(object)
    }
}

extension RunOwner {
    /// Whoever signed in.
    init(_ principal: Principal) {
        self.init(tenant: principal.tenant, account: principal.id, isAdmin: principal.role ?? .user >= .admin)
    }
}

extension RunCaller {
    /// Whoever makes the request.
    init(_ context: RequestContext) {
        let principal = context.principal
        self.init(
            tenant: principal.tenant, account: principal.id, keyID: principal.session ?? principal.id, requestID: context.requestID,
            traceparent: context.identity.traceparent)
    }
}
