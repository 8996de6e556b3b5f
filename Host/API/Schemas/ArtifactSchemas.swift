import Artifacts
import Chat
import JSON

extension Schemas {
    private static let visibility: JSONValue = ["enum": .array(ArtifactVisibility.allCases.map { .string($0.rawValue) })]
    static let artifactType: JSONValue = ["type": "string", "enum": .array(ArtifactType.allCases.map { .string($0.rawValue) })]

    /// What every artifact's reply has.
    private static let artifactHeading: JSONObject = [
        "id": text, "name": text, "description": text, "owner_user_id": textOrNull, "visibility": visibility,
        "shared_with": ["type": "array", "items": text], "version": ["type": "integer", "minimum": 1], "created_at": text, "updated_at": text,
    ]
    private static let artifactHeadingRequired = [
        "id", "name", "description", "owner_user_id", "visibility", "shared_with", "version", "created_at", "updated_at",
    ]

    /// What somebody who makes one decides beside its definition.
    private static let newHeading: JSONObject = [
        "name": ["type": "string", "minLength": 1, "maxLength": JSONValue(ArtifactLimits.nameMax)],
        "description": ["type": "string", "maxLength": JSONValue(ArtifactLimits.descriptionMax)], "visibility": visibility,
        "shared_with": ["type": "array", "maxItems": JSONValue(ArtifactLimits.sharesMax), "uniqueItems": true, "items": identifier],
    ]

    static let artifact: JSONValue = object(
        with(artifactHeading, ["type": artifactType, "kind": text, "schema": anyObject]),
        required: artifactHeadingRequired + ["type", "kind", "schema"])

    static let newArtifact: JSONValue = object(
        with(newHeading, ["type": artifactType, "schema": object(["kind": text], required: ["kind"])]), required: ["type", "name", "schema"],
        closed: true)

    static let artifactVersion: JSONValue = object(
        [
            "version": ["type": "integer", "minimum": 1], "name": text, "author_user_id": textOrNull, "restored_from": ["type": ["integer", "null"]],
            "created_at": text,
        ], required: ["version", "name", "author_user_id", "restored_from", "created_at"])

    /// A patch of an artifact; what it may come to is the artifact's own matter.
    static let artifactPatch: JSONValue = {
        var patch = Schemas.patch.objectValue ?? [:]
        patch["maxItems"] = JSONValue(ArtifactLimits.patchOperationsMax)
        return .object(patch)
    }()

    private static let agentFields: JSONObject = [
        "model": identifier, "instructions": ["type": "string", "maxLength": JSONValue(ChatLimits.instructionsBytesMax)],
        "tools": ["type": "array", "maxItems": JSONValue(ChatLimits.toolsShownMax), "uniqueItems": true, "items": toolID],
        "context_ids": ["type": "array", "maxItems": JSONValue(ChatLimits.contextsMax), "uniqueItems": true, "items": identifier],
        "workflow_id": identifier, "max_tokens": ["type": "integer", "minimum": 1, "maximum": JSONValue(ChatLimits.tokensMaxDefault)],
    ]

    static let newAgent: JSONValue = object(with(newHeading, agentFields), required: ["name"], closed: true)

    static let agent: JSONValue = object(
        with(
            artifactHeading,
            [
                "model": textOrNull, "instructions": text, "tools": ["type": ["array", "null"], "items": text],
                "context_ids": ["type": "array", "items": text], "workflow_id": textOrNull, "max_tokens": ["type": ["integer", "null"]],
            ]), required: artifactHeadingRequired + ["model", "instructions", "tools", "context_ids", "workflow_id", "max_tokens"])

    private static func with(_ first: JSONObject, _ second: JSONObject) -> JSONObject {
        var all = first
        for (name, value) in second { all[name] = value }
        return all
    }
}
