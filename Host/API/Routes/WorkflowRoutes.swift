import JSON
import Workflows

extension Routes {
    private static let runID = Parameter("id", Schemas.identifier, "The run's id.")

    /// Workflows, and what is run of them. Their definitions are artifacts of the kind `workflow.chat`.
    static func workflowRoutes(_ workflows: LiveWorkflows) -> [Route] {
        [
            .get(
                "/v1/workflows", "listWorkflows", tag: "workflows", "The workflows that the caller may run, the newest first.", access: .user,
                query: Schemas.pageParameters, data: Schemas.list(of: Schemas.workflow)
            ) { context throws(APIError) in try await workflows.list(context) },
            .post(
                "/v1/workflows/{id}/runs", "runWorkflow", tag: "workflows",
                "Begins a run, which goes on whatever becomes of this request or of the host; 202 until it is over. `wait_ms` waits for the end, `dry_run` says what a run would do and does none of it. The same `client_request_id` in the same conversation is the same run.",
                access: .user, limitClass: .tools, parameters: [Parameter("id", Schemas.identifier, "The workflow's id.")], body: Schemas.newRun,
                data: Schemas.runOrPlan
            ) { context throws(APIError) in try await workflows.start(context) },
            .get(
                "/v1/runs", "listRuns", tag: "workflows", "Runs, the newest first: the caller's own, or for an admin the whole tenant's.",
                access: .user,
                query: Schemas.pageParameters + [
                    Parameter("of", ["type": "string", "enum": ["me", "tenant"], "default": "me"], "Whose; the tenant's are an admin's to see."),
                    Parameter("workflow_id", Schemas.identifier, "Of one workflow."),
                    Parameter("state", ["type": "string", "enum": .array(RunState.allCases.map { .string($0.rawValue) })], "In one state."),
                ], data: Schemas.list(of: Schemas.runHeading)
            ) { context throws(APIError) in try await workflows.runs(context) },
            .get(
                "/v1/runs/{id}", "getRun", tag: "workflows", "A run with its state, outputs and the trace of its nodes.", access: .user,
                parameters: [runID], data: Schemas.run
            ) { context throws(APIError) in try await workflows.get(context) },
            .post(
                "/v1/runs/{id}/cancel", "cancelRun", tag: "workflows", "Ends a run; what its nodes have done stays done.", access: .user,
                limitClass: .writes, parameters: [runID], data: Schemas.run
            ) { context throws(APIError) in try await workflows.cancel(context) },
        ]
    }
}
