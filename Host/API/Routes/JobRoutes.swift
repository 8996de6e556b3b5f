import JSON
import Store

extension Routes {
    /// The queue of jobs, to see what failed and to give it another chance.
    static func jobRoutes(_ jobs: LiveJobs) -> [Route] {
        let state = Parameter(
            "state", ["type": "string", "enum": .array(JobState.allCases.map { .string($0.rawValue) }), "default": .string(JobState.dead.rawValue)],
            "Which jobs: those that wait, run, were done, or failed too often.")
        return [
            .get(
                "/v1/admin/jobs", "listJobs", tag: "admin", "The jobs of the caller's tenant, of every tenant for an operator, newest first.",
                access: .admin, query: Schemas.pageParameters + [state], data: Schemas.list(of: Schemas.job)
            ) { context throws(APIError) in try await jobs.list(context) },
            .post(
                "/v1/admin/jobs/{id}/retry", "retryJob", tag: "admin", "Gives a dead job another set of attempts.", access: .admin,
                limitClass: .writes, parameters: [Parameter("id", Schemas.identifier, "The job's id.")], data: Schemas.job
            ) { context throws(APIError) in try await jobs.retry(context) },
        ]
    }
}

extension Schemas {
    /// A job as lists show it.
    static let job: JSONValue = object(
        [
            "id": text, "kind": text, "tenant_id": text, "owner": text, "state": ["enum": .array(JobState.allCases.map { .string($0.rawValue) })],
            "attempts": count, "attempts_max": count, "due_at": text, "created_at": text, "worker": textOrNull, "failure": textOrNull,
        ], required: ["id", "kind", "tenant_id", "owner", "state", "attempts", "attempts_max", "due_at", "created_at", "worker", "failure"])
}
