package import Artifacts
import JSON
package import Workflows

/// Workflows as artifacts keep them.
package struct ArtifactWorkflows: WorkflowSource {
    private let artifacts: ArtifactStore

    package init(_ artifacts: ArtifactStore) { self.artifacts = artifacts }

    /// The kind of workflows: how a definition is checked, and the one that every tenant begins with.
    package static let kind = ArtifactKind(
        WorkflowDefinition.kind,
        seeds: [
            ArtifactSeed(
                name: "default", description: "One answer, by the rounds of model and tools: what a turn of a conversation does.",
                schema: WorkflowDefinition.chatDefault)
        ]
    ) { value in
        do throws(WorkflowDefinitionError) {
            _ = try WorkflowDefinition(value)
            return []
        } catch {
            return error.problems.map { ArtifactProblem($0.pointer, $0.message) }
        }
    }

    package func current(_ id: String, for owner: RunOwner) async throws(WorkflowError) -> StoredWorkflow {
        try await stored { () async throws(ArtifactError) in
            try await artifacts.artifact(id, for: ArtifactReader(tenant: owner.tenant, account: owner.account))
        }
    }

    package func pinned(_ id: String, version: Int, tenant: String) async throws(WorkflowError) -> StoredWorkflow {
        try await stored { () async throws(ArtifactError) in try await artifacts.pinned(id, version: version, tenant: tenant) }
    }

    private func stored(_ find: () async throws(ArtifactError) -> Artifact) async throws(WorkflowError) -> StoredWorkflow {
        let found: Artifact
        do throws(ArtifactError) {
            found = try await find()
        } catch {
            if case .store(let cause) = error { throw .store(cause) }
            throw .missing("workflow")
        }
        guard found.kind == WorkflowDefinition.kind else { throw .missing("workflow") }
        return StoredWorkflow(id: found.id, version: found.version, value: found.schema)
    }
}
