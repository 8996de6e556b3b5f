package import Artifacts
package import JSON

/// What a turn by an agent is like: an artifact of the kind `agent.chat`. A turn keeps the one that it began with.
package struct AgentDefinition: Sendable, Hashable {
    /// The model that answers unless a turn names another; nil for the host's own choice.
    package var model: String?
    /// What the model is told before anything else.
    package var instructions = ""
    /// The tools that it may call; nil for all that its caller may.
    package var tools: [String]?
    /// The knowledge that questions are answered from unless a turn names other.
    package var contexts: [String] = []
    /// The workflow that its turns run by; nil for the tenant's own.
    package var workflow: String?
    /// Tokens of an answer at most; nil for the host's bound.
    package var tokensMax: Int?

    package init() {}

    /// The name of the kind.
    package static let kindName = "agent.chat"
    /// How an agent is checked; none is given to anybody.
    package static let kind = ArtifactKind(kindName) { check($0) }

    /// Reads a definition that has passed `check`; what it does not say has its default.
    package init(_ schema: JSONValue) {
        model = schema["model"]?.stringValue
        instructions = schema["instructions"]?.stringValue ?? ""
        tools = schema["tools"]?.arrayValue?.compactMap(\.stringValue)
        contexts = schema["context_ids"]?.arrayValue?.compactMap(\.stringValue) ?? []
        workflow = schema["workflow_id"]?.stringValue
        tokensMax = schema["max_tokens"]?.intValue
    }

    /// The definition as it is kept.
    package var schema: JSONValue {
        var object = fields
        object["kind"] = .string(Self.kindName)
        for (name, value) in fields where value.isNull { object[name] = nil }
        return .object(object)
    }

    /// Every field; null where there is no value.
    package var fields: JSONObject {
        [
            "model": model.map { .string($0) } ?? .null, "instructions": .string(instructions),
            "tools": tools.map { .array($0.map { .string($0) }) } ?? .null, "context_ids": .array(contexts.map { .string($0) }),
            "workflow_id": workflow.map { .string($0) } ?? .null, "max_tokens": tokensMax.map { JSONValue($0) } ?? .null,
        ]
    }

    /// What is wrong with a definition.
    package static func check(_ schema: JSONValue) -> [ArtifactProblem] {
        var problems: [ArtifactProblem] = []
        for (name, value) in schema.objectValue ?? [:] {
            guard let fault = fault(of: name, value) else { continue }
            problems.append(ArtifactProblem("/\(JSONPointer.escape(name))", fault))
        }
        return problems
    }

    private static func fault(of name: String, _ value: JSONValue) -> String? {
        switch name {
        case "kind": nil
        case "model", "workflow_id": isIdentifier(value) ? nil : "has to be a text of 1 to 255 bytes"
        case "instructions":
            value.stringValue.map { $0.utf8.count <= ChatLimits.instructionsBytesMax } == true
                ? nil : "has to be a text of at most \(ChatLimits.instructionsBytesMax) bytes"
        case "tools":
            isList(value, max: ChatLimits.toolsShownMax) ? nil : "has to be a list of at most \(ChatLimits.toolsShownMax) ids of tools, each once"
        case "context_ids":
            isList(value, max: ChatLimits.contextsMax) ? nil : "has to be a list of at most \(ChatLimits.contextsMax) ids of contexts, each once"
        case "max_tokens":
            value.intValue.map { (1...ChatLimits.tokensMaxDefault).contains($0) } == true
                ? nil : "has to be a whole number from 1 to \(ChatLimits.tokensMaxDefault)"
        default: "is no field of an agent; those are model, instructions, tools, context_ids, workflow_id and max_tokens"
        }
    }

    private static func isIdentifier(_ value: JSONValue) -> Bool { value.stringValue.map { (1...255).contains($0.utf8.count) } == true }

    private static func isList(_ value: JSONValue, max: Int) -> Bool {
        guard let items = value.arrayValue, items.count <= max, items.allSatisfy(isIdentifier) else { return false }
        return Set(items.compactMap(\.stringValue)).count == items.count
    }
}
