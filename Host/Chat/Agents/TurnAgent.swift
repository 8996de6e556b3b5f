import Artifacts

/// An agent in the version that a turn began with.
struct TurnAgent: Sendable {
    let id: String
    let version: Int
    let definition: AgentDefinition

    init(_ artifact: Artifact) {
        (id, version, definition) = (artifact.id, artifact.version, AgentDefinition(artifact.schema))
    }

    /// What the model is told; nil for what every model is told.
    var instructions: String? { definition.instructions.isEmpty ? nil : definition.instructions }

    /// A request with what the agent decides where the request does not; its tokens never more than the agent's.
    func applied(to request: TurnRequest) -> TurnRequest {
        var request = request
        request.model = request.model ?? definition.model
        request.workflow = request.workflow ?? definition.workflow
        if request.contexts.isEmpty { request.contexts = definition.contexts }
        if let most = definition.tokensMax { request.tokensMax = min(request.tokensMax ?? most, most) }
        return request
    }
}
