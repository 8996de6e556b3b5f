package import Artifacts
import Chat
import Identity
import JSON
import Store
package import Telemetry

/// Artifacts over HTTP, and the agents among them.
package struct LiveArtifacts: Sendable {
    private let store: ArtifactStore?
    private let log: Log?

    /// Serves artifacts.
    package init(_ store: ArtifactStore, log: Log) { (self.store, self.log) = (store, log) }

    /// Describes routes that nobody calls.
    private init() { (store, log) = (nil, nil) }
    /// For a table that is only described.
    package static let none = LiveArtifacts()

    // MARK: Artifacts

    func list(_ context: RequestContext) async throws(APIError) -> Reply {
        let (limit, cursor) = context.page
        let type = context.query["type"]?.stringValue.flatMap { ArtifactType(rawValue: $0) }
        let visibility = context.query["visibility"]?.stringValue.flatMap { ArtifactVisibility(rawValue: $0) }
        let page = try await run(context) { (store, reader) async throws(ArtifactError) in
            try await store.list(
                for: reader, type: type, kind: context.query["kind"]?.stringValue, visibility: visibility, cursor: cursor, limit: limit)
        }
        return .data(LiveIdentity.list(page.items.map { Self.json($0, for: context) }, page.nextCursor))
    }

    func create(_ context: RequestContext) async throws(APIError) -> Reply {
        let type = context.body["type"]?.stringValue.flatMap { ArtifactType(rawValue: $0) } ?? .context
        return try await created(type, Self.draft(context, schema: context.body["schema"] ?? .null), context) { Self.json($0, for: context) }
    }

    func get(_ context: RequestContext) async throws(APIError) -> Reply {
        .data(Self.json(try await artifact(context), for: context))
    }

    func change(_ context: RequestContext) async throws(APIError) -> Reply {
        let patch = try Self.patch(context)
        let changed = try await run(context) { (store, reader) async throws(ArtifactError) in
            try await store.change(context.parameter("id"), by: patch, by: reader, requestID: context.requestID)
        }
        return .data(Self.json(changed, for: context))
    }

    func retire(_ context: RequestContext, of type: ArtifactType? = nil) async throws(APIError) -> Reply {
        try await run(context) { (store, reader) async throws(ArtifactError) in
            try await store.retire(context.parameter("id"), of: type, by: reader, requestID: context.requestID)
        }
        return .data(["retired": true])
    }

    func versions(_ context: RequestContext) async throws(APIError) -> Reply {
        let (limit, cursor) = context.page
        let page = try await run(context) { (store, reader) async throws(ArtifactError) in
            try await store.versions(of: context.parameter("id"), for: reader, cursor: cursor, limit: limit)
        }
        return .data(LiveIdentity.list(page.items.map(Self.json), page.nextCursor))
    }

    func restore(_ context: RequestContext) async throws(APIError) -> Reply {
        guard let version = Self.version(context) else { throw .missing("version") }
        let restored = try await run(context) { (store, reader) async throws(ArtifactError) in
            try await store.restore(context.parameter("id"), version: version, by: reader, requestID: context.requestID)
        }
        return .data(Self.json(restored, for: context))
    }

    // MARK: Agents

    func agents(_ context: RequestContext) async throws(APIError) -> Reply {
        let (limit, cursor) = context.page
        let page = try await run(context) { (store, reader) async throws(ArtifactError) in
            try await store.list(for: reader, type: .agent, kind: AgentDefinition.kindName, cursor: cursor, limit: limit)
        }
        return .data(LiveIdentity.list(page.items.map { Self.agent($0, for: context) }, page.nextCursor))
    }

    func createAgent(_ context: RequestContext) async throws(APIError) -> Reply {
        // The body's fields are the definition's; its own schema has checked that there is none beside them.
        let definition = AgentDefinition(context.body)
        return try await created(.agent, Self.draft(context, schema: definition.schema), at: "", context) { Self.agent($0, for: context) }
    }

    func agent(_ context: RequestContext) async throws(APIError) -> Reply {
        let found = try await artifact(context)
        guard found.kind == AgentDefinition.kindName else { throw .missing("agent") }
        return .data(Self.agent(found, for: context))
    }

    func changeAgent(_ context: RequestContext) async throws(APIError) -> Reply {
        let patch = try Self.patch(context)
        let changed = try await run(context, definitionAt: "") { (store, reader) async throws(ArtifactError) in
            try await store.change(context.parameter("id"), of: .agent, by: reader, requestID: context.requestID) {
                (artifact) throws(ArtifactError) in
                try Self.edited(artifact, by: patch)
            }
        }
        return .data(Self.agent(changed, for: context))
    }

    /// An agent's definition stands beside its name, so that a patch says `/instructions` and not `/schema/instructions`.
    private static func edited(_ artifact: Artifact, by patch: JSONPatch) throws(ArtifactError) -> ArtifactDraft {
        var before = ArtifactStore.edited(artifact).objectValue ?? [:]
        for name in ["type", "kind", "schema"] { before[name] = nil }
        let fields = AgentDefinition(artifact.schema).fields
        for (name, value) in fields { before[name] = value }
        let after = try ArtifactStore.patched(.object(before), patch, fixed: ["id", "version"])
        var draft = try ArtifactStore.heading(of: after)
        var schema: JSONObject = ["kind": .string(AgentDefinition.kindName)]
        for name in fields.keys { if let value = after[name], !value.isNull { schema[name] = value } }
        draft.schema = .object(schema)
        return draft
    }

    // MARK: For all of them

    private func created(
        _ type: ArtifactType, _ draft: ArtifactDraft, at place: String = "/schema", _ context: RequestContext, _ json: (Artifact) -> JSONValue
    ) async throws(APIError) -> Reply {
        let made = try await run(context, definitionAt: place) { (store, reader) async throws(ArtifactError) in
            try await store.create(type, draft, by: reader, requestID: context.requestID)
        }
        return .data(json(made))
    }

    private func artifact(_ context: RequestContext) async throws(APIError) -> Artifact {
        try await run(context) { (store, reader) async throws(ArtifactError) in
            try await store.artifact(context.parameter("id"), version: Self.version(context), for: reader)
        }
    }

    /// The version that the path or the query names; nil for the current one.
    private static func version(_ context: RequestContext) -> Int? {
        context.query["version"]?.intValue ?? context.parameters["version"]?.intValue
    }

    private static func draft(_ context: RequestContext, schema: JSONValue) -> ArtifactDraft {
        let body = context.body
        return ArtifactDraft(
            name: body["name"]?.stringValue ?? "", description: body["description"]?.stringValue ?? "",
            visibility: body["visibility"]?.stringValue.flatMap { ArtifactVisibility(rawValue: $0) } ?? .private,
            sharedWith: body["shared_with"]?.arrayValue?.compactMap(\.stringValue) ?? [], schema: schema)
    }

    private static func patch(_ context: RequestContext) throws(APIError) -> JSONPatch {
        do throws(JSONPatchError) {
            return try JSONPatch(context.body, limits: ArtifactStore.patchLimits)
        } catch {
            throw APIError(error)
        }
    }

    private func run<Value>(
        _ context: RequestContext, definitionAt place: String = "/schema",
        _ body: (ArtifactStore, ArtifactReader) async throws(ArtifactError) -> Value
    ) async throws(APIError) -> Value {
        guard let store else { throw .unexpected }
        do throws(ArtifactError) {
            return try await body(store, ArtifactReader(context.principal))
        } catch {
            if case .store(let cause) = error { log?.error("artifacts could not be read or written", [("cause", .string("\(cause)"))]) }
            throw APIError(error, definitionAt: place)
        }
    }

    // MARK: The contract's shapes

    static func json(_ artifact: Artifact, for context: RequestContext) -> JSONValue {
        var object = heading(artifact, for: context)
        (object["type"], object["kind"], object["schema"]) = (.string(artifact.type.rawValue), .string(artifact.kind), artifact.schema)
        return .object(object)
    }

    private static func agent(_ artifact: Artifact, for context: RequestContext) -> JSONValue {
        var object = heading(artifact, for: context)
        for (name, value) in AgentDefinition(artifact.schema).fields { object[name] = value }
        return .object(object)
    }

    private static func heading(_ artifact: Artifact, for context: RequestContext) -> JSONObject {
        [
            "id": .string(artifact.id), "name": .string(artifact.name), "description": .string(artifact.description),
            "owner_user_id": artifact.owner.map { .string($0) } ?? .null, "visibility": .string(artifact.visibility.rawValue),
            // Whom else it is shared with is its owner's to know.
            "shared_with": artifact.owner == context.principal.id ? .array(artifact.sharedWith.map { .string($0) }) : [],
            "version": JSONValue(artifact.version), "created_at": LiveChat.time(artifact.createdAt), "updated_at": LiveChat.time(artifact.updatedAt),
        ]
    }

    private static func json(_ version: ArtifactVersion) -> JSONValue {
        [
            "version": JSONValue(version.version), "name": .string(version.name), "author_user_id": version.author.map { .string($0) } ?? .null,
            "restored_from": version.restoredFrom.map { JSONValue($0) } ?? .null, "created_at": LiveChat.time(version.createdAt),
        ]
    }
}

extension ArtifactReader {
    /// Whoever signed in.
    init(_ principal: Principal) {
        self.init(tenant: principal.tenant, account: principal.id, isAdmin: principal.role ?? .user >= .admin)
    }
}
