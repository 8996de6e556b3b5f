import Artifacts
import JSON

extension Routes {
    private static let artifactID = Parameter("id", Schemas.identifier, "The artifact's id.")
    private static let agentID = Parameter("id", Schemas.identifier, "The agent's id.")
    private static let versionNumber: JSONValue = ["type": "integer", "minimum": 1, "maximum": JSONValue(ArtifactLimits.versionsMax)]
    private static let versionInPath = Parameter("version", versionNumber, "A version's number.")
    /// A definition, its name and description, and what escapes make of them.
    private static let definitionBytesMax = 2 * ArtifactLimits.schemaBytesMax

    /// Definitions with versions.
    static func artifactRoutes(_ artifacts: LiveArtifacts) -> [Route] {
        [
            .get(
                "/v1/artifacts", "listArtifacts", tag: "artifacts",
                "All artifacts that the caller may read, the newest first: its own, what is shared with it, what is everyone's.", access: .user,
                query: Schemas.pageParameters + [
                    Parameter("type", Schemas.artifactType, "Of one type."), Parameter("kind", Schemas.identifier, "Of one kind."),
                    Parameter(
                        "visibility", ["type": "string", "enum": .array(ArtifactVisibility.allCases.map { .string($0.rawValue) })],
                        "Of one visibility."),
                ], data: Schemas.list(of: Schemas.artifact)
            ) { context throws(APIError) in try await artifacts.list(context) },
            .post(
                "/v1/artifacts", "createArtifact", tag: "artifacts", "Makes an artifact, with its version 1; private unless it says otherwise.",
                access: .user, limitClass: .writes, body: Schemas.newArtifact, bodyBytesMax: definitionBytesMax, data: Schemas.artifact
            ) { context throws(APIError) in try await artifacts.create(context) },
            .get(
                "/v1/artifacts/{id}", "getArtifact", tag: "artifacts", "An artifact as it is now, or as `version` of it says.", access: .user,
                parameters: [artifactID], query: [Parameter("version", versionNumber, "A version's number; the newest without it.")],
                data: Schemas.artifact
            ) { context throws(APIError) in try await artifacts.get(context) },
            .act(
                "PATCH", "/v1/artifacts/{id}", "changeArtifact", tag: "artifacts",
                "Changes `name`, `description`, `schema`, `visibility` and `shared_with` by a JSON Patch (RFC 6902); another content is another version. `test` on `/version` refuses to overwrite what changed meanwhile.",
                access: .user, limitClass: .writes, parameters: [artifactID], body: Schemas.artifactPatch, bodyBytesMax: definitionBytesMax,
                data: Schemas.artifact
            ) { context throws(APIError) in try await artifacts.change(context) },
            .act(
                "DELETE", "/v1/artifacts/{id}", "retireArtifact", tag: "artifacts",
                "Takes an artifact out of use; what runs by it goes on with its version.", access: .user, limitClass: .writes,
                parameters: [artifactID], data: Schemas.object(["retired": Schemas.flag], required: ["retired"])
            ) { context throws(APIError) in try await artifacts.retire(context) },
            .get(
                "/v1/artifacts/{id}/versions", "listArtifactVersions", tag: "artifacts", "The history of an artifact, the newest version first.",
                access: .user, parameters: [artifactID], query: Schemas.pageParameters, data: Schemas.list(of: Schemas.artifactVersion)
            ) { context throws(APIError) in try await artifacts.versions(context) },
            .get(
                "/v1/artifacts/{id}/versions/{version}", "getArtifactVersion", tag: "artifacts", "An artifact as one version of it says.",
                access: .user, parameters: [artifactID, versionInPath], data: Schemas.artifact
            ) { context throws(APIError) in try await artifacts.get(context) },
            .post(
                "/v1/artifacts/{id}/versions/{version}/restore", "restoreArtifactVersion", tag: "artifacts",
                "Makes the content of an earlier version the newest version; the history stays whole.", access: .user, limitClass: .writes,
                parameters: [artifactID, versionInPath], data: Schemas.artifact
            ) { context throws(APIError) in try await artifacts.restore(context) },
        ]
    }

    /// Agents: artifacts of the kind `agent.chat`, with their fields beside their names.
    static func agentRoutes(_ artifacts: LiveArtifacts) -> [Route] {
        [
            .get(
                "/v1/agents", "listAgents", tag: "agents", "The agents that the caller may use, the newest first.", access: .user,
                query: Schemas.pageParameters, data: Schemas.list(of: Schemas.agent)
            ) { context throws(APIError) in try await artifacts.agents(context) },
            .post(
                "/v1/agents", "createAgent", tag: "agents",
                "Makes an agent: instructions, and optionally the model, the tools and the contexts that its turns have.", access: .user,
                limitClass: .writes, body: Schemas.newAgent, data: Schemas.agent
            ) { context throws(APIError) in try await artifacts.createAgent(context) },
            .get(
                "/v1/agents/{id}", "getAgent", tag: "agents", "One agent.", access: .user, parameters: [agentID], data: Schemas.agent
            ) { context throws(APIError) in try await artifacts.agent(context) },
            .act(
                "PATCH", "/v1/agents/{id}", "changeAgent", tag: "agents",
                "Changes an agent by a JSON Patch (RFC 6902) of what GET shows; its versions are those of the artifact of the same id.",
                access: .user,
                limitClass: .writes, parameters: [agentID], body: Schemas.artifactPatch, data: Schemas.agent
            ) { context throws(APIError) in try await artifacts.changeAgent(context) },
            .act(
                "DELETE", "/v1/agents/{id}", "retireAgent", tag: "agents", "Takes an agent out of use; turns that run keep it to their end.",
                access: .user, limitClass: .writes, parameters: [agentID],
                data: Schemas.object(["retired": Schemas.flag], required: ["retired"])
            ) { context throws(APIError) in try await artifacts.retire(context, of: .agent) },
        ]
    }
}
