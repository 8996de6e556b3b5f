import Crypto
package import JSON
import Store

extension ArtifactStore {
    /// Says what an artifact shall become.
    private typealias Edit = @Sendable (Artifact, any DatabaseConnection) async throws -> Result<ArtifactEdit, ArtifactError>

    /// Makes one, with its first version.
    /// - Throws: `.definition` for what is none of its kind, `.invalid`, `.forbidden`, `.full`.
    package func create(
        _ type: ArtifactType, _ draft: ArtifactDraft, by reader: ArtifactReader, requestID: String
    ) async throws(ArtifactError) -> Artifact {
        let draft = try Self.checked(draft)
        let kind = try kinds.kind(of: draft.schema, type: type)
        if draft.visibility == .global, let refusal = ArtifactRules.raise(by: reader) { throw refusal }
        let (id, now) = (UUIDv7.make(), now())
        return try await write(of: reader.tenant) { connection in
            if let refusal = try await Self.quota(of: reader.account, reader.tenant, more: draft, isNew: true, connection) {
                return .failure(refusal)
            }
            if let refusal = try await Self.strangers(in: draft, reader.tenant, connection) { return .failure(refusal) }
            try await connection.execute(
                """
                INSERT INTO artifact (id, tenant, type, kind, owner, visibility, version, bytes, created_at, updated_at)
                VALUES ($1, $2, $3, $4, $5, $6, 1, $8, $7, $7)
                """,
                [
                    .text(id), .text(reader.tenant), .text(type.rawValue), .text(kind), .text(reader.account), .text(draft.visibility.rawValue),
                    .integer(now), SQLValue(draft.bytes),
                ])
            try await Self.add(draft, to: id, version: 1, from: nil, by: reader.account, reader.tenant, now, connection)
            try await Self.share(draft, id, reader.tenant, connection)
            return try await Self.done("artifact.create", id, reader, requestID, now, connection)
        }
    }

    /// What a patch of an artifact may have and make; it is applied inside a transaction.
    package static let patchLimits = JSONPatch.Limits(
        operationsMax: ArtifactLimits.patchOperationsMax, valuesMax: ArtifactLimits.schemaValuesMax, depthMax: ArtifactLimits.schemaDepthMax,
        bytesMax: ArtifactLimits.patchBytesMax)

    /// Changes one by an RFC 6902 patch (within `patchLimits`) of its fields as `edited` shows them; a new version when its content is another then.
    ///
    /// Everything is decided behind the artifact's lock, so numbers have no gap and nothing is overwritten unseen, however many change it at once (STORE-5); `test` on
    /// `/version` refuses a change of what somebody else changed meanwhile.
    /// - Throws: `.missing`, `.forbidden`, `.patch`, `.definition`, `.invalid`, `.conflict`, `.full`; nothing is changed then (API-6).
    package func change(_ id: String, by patch: JSONPatch, by reader: ArtifactReader, requestID: String) async throws(ArtifactError) -> Artifact {
        try await change(id, by: reader, requestID: requestID) { artifact throws(ArtifactError) in try Self.draft(of: artifact, patched: patch) }
    }

    /// Changes one of a type, or of any for nil, to what `draft` makes of it; else as the other `change`. `draft` runs inside the transaction.
    package func change(
        _ id: String, of type: ArtifactType? = nil, by reader: ArtifactReader, requestID: String,
        _ draft: @escaping @Sendable (Artifact) throws(ArtifactError) -> ArtifactDraft
    ) async throws(ArtifactError) -> Artifact {
        try await edit(id, "artifact.change", by: reader, requestID) { artifact, _ in
            guard type == nil || artifact.type == type else { return .failure(.missing(type?.rawValue ?? "artifact")) }
            do throws(ArtifactError) {
                return .success(ArtifactEdit(draft: try draft(artifact)))
            } catch {
                return .failure(error)
            }
        }
    }

    /// Makes the content of an earlier version the newest one again; nothing of the history is lost.
    /// - Throws: as `change` does; `.missing("version")`.
    package func restore(_ id: String, version: Int, by reader: ArtifactReader, requestID: String) async throws(ArtifactError) -> Artifact {
        try await edit(id, "artifact.restore", by: reader, requestID) { artifact, connection in
            // Judged although it may come to no change: who may not write it may not restore it.
            if let refusal = ArtifactRules.edit(artifact, by: reader) { return .failure(refusal) }
            guard let then = try await Self.find(id, reader.tenant, version: version, connection), then.isReadable(by: reader) else {
                return .failure(.missing("version"))
            }
            var draft = ArtifactDraft(artifact)
            (draft.name, draft.description, draft.schema) = (then.name, then.description, then.schema)
            return .success(ArtifactEdit(draft: draft, restoredFrom: version))
        }
    }

    /// Takes one out of use: it is in no list and nothing new begins by it. What runs goes on with its version.
    package func retire(_ id: String, of type: ArtifactType? = nil, by reader: ArtifactReader, requestID: String) async throws(ArtifactError) {
        let now = now()
        try await write(of: reader.tenant) { connection -> Result<Void, ArtifactError> in
            try await connection.lock(.named("artifact/\(id)"))
            guard let artifact = try await Self.find(id, reader.tenant, connection), artifact.isReadable(by: reader) else {
                return .failure(.missing("artifact"))
            }
            guard type == nil || artifact.type == type else { return .failure(.missing(type?.rawValue ?? "artifact")) }
            if let refusal = ArtifactRules.retire(artifact, by: reader) { return .failure(refusal) }
            try await connection.execute(
                "UPDATE artifact SET retired_at = $1 WHERE id = $2 AND tenant = $3", [.integer(now), .text(id), .text(reader.tenant)])
            try await Self.note("artifact.retire", artifact, reader, requestID, now, connection)
            return .success(())
        }
    }

    // MARK: One way of changing

    private func edit(
        _ id: String, _ action: String, by reader: ArtifactReader, _ requestID: String, _ change: @escaping Edit
    ) async throws(ArtifactError) -> Artifact {
        let (kinds, now) = (kinds, now())
        return try await write(of: reader.tenant) { connection in
            try await connection.lock(.named("artifact/\(id)"))
            guard let artifact = try await Self.find(id, reader.tenant, connection), artifact.isReadable(by: reader) else {
                return .failure(.missing("artifact"))
            }
            let edit: ArtifactEdit
            switch try await change(artifact, connection) {
            case .failure(let error): return .failure(error)
            case .success(let wanted): edit = wanted
            }
            return try await Self.put(edit, in: artifact, action, kinds, by: reader, requestID, now, connection)
        }
    }

    /// Writes what a change came to, if this reader may make it; the artifact's lock is held.
    private static func put(
        _ edit: ArtifactEdit, in artifact: Artifact, _ action: String, _ kinds: ArtifactKinds, by reader: ArtifactReader, _ requestID: String,
        _ now: Int64,
        _ connection: any DatabaseConnection
    ) async throws(StoreError) -> Result<Artifact, ArtifactError> {
        let draft: ArtifactDraft
        do throws(ArtifactError) {
            draft = try approved(edit.draft, of: artifact, kinds, by: reader)
        } catch {
            return .failure(error)
        }
        let (id, tenant) = (artifact.id, artifact.tenant)
        if let refusal = try await strangers(in: draft, tenant, connection) { return .failure(refusal) }
        let isNew = !draft.hasContent(of: artifact)
        if !isNew, draft.visibility == artifact.visibility, draft.sharedWith == artifact.sharedWith { return .success(artifact) }
        let version = artifact.version + (isNew ? 1 : 0)
        guard version <= ArtifactLimits.versionsMax else { return .failure(.full("versions", max: ArtifactLimits.versionsMax)) }
        if isNew, let owner = artifact.owner, let refusal = try await quota(of: owner, tenant, more: draft, isNew: false, connection) {
            return .failure(refusal)
        }
        let isWider = draft.visibility != artifact.visibility && draft.visibility != .private
        try await connection.execute(
            "UPDATE artifact SET version = $1, visibility = $2, shown_from = $3, bytes = bytes + $4, updated_at = $5 WHERE id = $6 AND tenant = $7",
            [
                SQLValue(version), .text(draft.visibility.rawValue), SQLValue(isWider ? version : artifact.shownFrom),
                SQLValue(isNew ? draft.bytes : 0),
                .integer(now), .text(id), .text(tenant),
            ])
        if isNew { try await add(draft, to: id, version: version, from: edit.restoredFrom, by: reader.account, tenant, now, connection) }
        try await connection.execute("DELETE FROM artifact_share WHERE artifact = $1", [.text(id)])
        try await share(draft, id, tenant, connection)
        let name = draft.visibility == artifact.visibility ? action : "artifact.\(draft.visibility.rawValue)"
        return try await done(name, id, reader, requestID, now, connection)
    }

    /// What a change comes to, if this reader may make it.
    private static func approved(
        _ draft: ArtifactDraft, of artifact: Artifact, _ kinds: ArtifactKinds, by reader: ArtifactReader
    ) throws(ArtifactError) -> ArtifactDraft {
        let draft = try checked(draft)
        if !draft.hasContent(of: artifact), let refusal = ArtifactRules.edit(artifact, by: reader) { throw refusal }
        if let refusal = ArtifactRules.move(artifact, to: draft.visibility, by: reader) { throw refusal }
        if draft.sharedWith != artifact.sharedWith, artifact.owner != reader.account, draft.visibility != .global {
            throw .forbidden("Only its owner says whom an artifact is shared with.")
        }
        guard try kinds.kind(of: draft.schema, type: artifact.type) == artifact.kind else {
            throw .definition([ArtifactProblem("/kind", "stays what it is, `\(artifact.kind)`; make a new artifact of another kind")])
        }
        return draft
    }

    /// A draft in the form that is kept.
    private static func checked(_ draft: ArtifactDraft) throws(ArtifactError) -> ArtifactDraft {
        var draft = draft
        (draft.name, draft.description) = (NormalForm.of(draft.name), NormalForm.of(draft.description))
        func isText(_ text: String, _ range: ClosedRange<Int>) -> Bool { range.contains(text.unicodeScalars.count) && !text.utf8.contains(0) }
        guard isText(draft.name, 1...ArtifactLimits.nameMax), draft.name.contains(where: { !$0.isWhitespace }) else {
            throw .invalid(field: "name", reason: "has to be 1 to \(ArtifactLimits.nameMax) characters")
        }
        guard isText(draft.description, 0...ArtifactLimits.descriptionMax) else {
            throw .invalid(field: "description", reason: "has to be at most \(ArtifactLimits.descriptionMax) characters")
        }
        // Counted before it is written out: a patch of copies is large in that form alone.
        var values = ArtifactLimits.schemaValuesMax
        guard fits(draft.schema, depth: ArtifactLimits.schemaDepthMax, &values) else {
            throw .invalid(
                field: "schema",
                reason: "may have \(ArtifactLimits.schemaValuesMax) values in \(ArtifactLimits.schemaDepthMax) levels, and has more")
        }
        guard draft.bytes <= ArtifactLimits.schemaBytesMax else {
            throw .invalid(field: "schema", reason: "has \(draft.bytes) bytes; a definition may have \(ArtifactLimits.schemaBytesMax)")
        }
        guard !hasNUL(draft.schema) else {
            throw .invalid(field: "schema", reason: "has a NUL character in a text")
        }
        if draft.visibility != .shared { draft.sharedWith = [] }
        draft.sharedWith = Array(Set(draft.sharedWith)).sorted()
        guard draft.sharedWith.count <= ArtifactLimits.sharesMax else {
            throw .invalid(field: "shared_with", reason: "names more than \(ArtifactLimits.sharesMax) people")
        }
        return draft
    }

    /// Whether a value is within what a patch of it may count, so that what was made can be changed.
    private static func fits(_ value: JSONValue, depth: Int, _ values: inout Int) -> Bool {
        values -= 1
        guard values >= 0 else { return false }
        switch value {
        case .array(let items):
            guard depth > 0 else { return false }
            for item in items { guard fits(item, depth: depth - 1, &values) else { return false } }
        case .object(let members):
            guard depth > 0 else { return false }
            for (_, member) in members { guard fits(member, depth: depth - 1, &values) else { return false } }
        default: break
        }
        return true
    }

    private static func hasNUL(_ value: JSONValue) -> Bool {
        switch value {
        case .string(let text): text.utf8.contains(0)
        case .array(let items): items.contains(where: hasNUL)
        case .object(let members): members.contains { $0.0.utf8.contains(0) || hasNUL($0.1) }
        default: false
        }
    }

    // MARK: The fields that a patch sees

    /// What a patch is applied to: the fields that can change, and `version`, `type` and `kind` to be tested.
    package static func edited(_ artifact: Artifact) -> JSONValue {
        [
            "id": .string(artifact.id), "type": .string(artifact.type.rawValue), "kind": .string(artifact.kind),
            "version": JSONValue(artifact.version),
            "name": .string(artifact.name), "description": .string(artifact.description), "visibility": .string(artifact.visibility.rawValue),
            "shared_with": .array(artifact.sharedWith.map { .string($0) }), "schema": artifact.schema,
        ]
    }

    private static func draft(of artifact: Artifact, patched patch: JSONPatch) throws(ArtifactError) -> ArtifactDraft {
        let after = try patched(edited(artifact), patch, fixed: ["id", "type", "kind", "version"])
        var draft = try heading(of: after)
        draft.schema = after["schema"] ?? .null
        return draft
    }

    /// The document of an artifact behind a patch that keeps its fields, and the values of those that are `fixed`.
    package static func patched(_ before: JSONValue, _ patch: JSONPatch, fixed: [String]) throws(ArtifactError) -> JSONValue {
        let after: JSONValue
        do throws(JSONPatchError) {
            after = try patch.apply(to: before)
        } catch {
            throw .patch(error)
        }
        guard let (old, new) = before.objectValue.flatMap({ old in after.objectValue.map { (old, $0) } }), Set(old.keys) == Set(new.keys) else {
            throw .invalid(field: "", reason: "keeps its fields: a patch changes their values and adds or removes none")
        }
        for name in fixed where after[name] != before[name] { throw .invalid(field: name, reason: "cannot be changed") }
        return after
    }

    /// A draft without its definition, of a document that a patch may have changed.
    package static func heading(of after: JSONValue) throws(ArtifactError) -> ArtifactDraft {
        guard let name = after["name"]?.stringValue else { throw .invalid(field: "name", reason: "has to be a text") }
        guard let description = after["description"]?.stringValue else { throw .invalid(field: "description", reason: "has to be a text") }
        guard let visibility = after["visibility"]?.stringValue.flatMap({ ArtifactVisibility(rawValue: $0) }) else {
            throw .invalid(field: "visibility", reason: "has to be `private`, `shared` or `global`")
        }
        let named = after["shared_with"]?.arrayValue ?? []
        let people = named.compactMap(\.stringValue)
        guard after["shared_with"]?.arrayValue != nil, people.count == named.count else {
            throw .invalid(field: "shared_with", reason: "has to be a list of ids of users")
        }
        return ArtifactDraft(name: name, description: description, visibility: visibility, sharedWith: people, schema: .null)
    }

    // MARK: Rows

    static func add(
        _ draft: ArtifactDraft, to id: String, version: Int, from: Int?, by author: String?, _ tenant: String, _ now: Int64,
        _ connection: any DatabaseConnection
    ) async throws(StoreError) {
        try await connection.execute(
            """
            INSERT INTO artifact_version (artifact, version, tenant, name, description, definition, author, restored_from, created_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
            """,
            [
                .text(id), SQLValue(version), .text(tenant), .text(draft.name), .text(draft.description), .text(draft.schema.text), SQLValue(author),
                from.map { SQLValue($0) } ?? .null, .integer(now),
            ])
    }

    private static func share(
        _ draft: ArtifactDraft, _ id: String, _ tenant: String, _ connection: any DatabaseConnection
    ) async throws(StoreError) {
        guard !draft.sharedWith.isEmpty else { return }
        try await connection.batch(
            draft.sharedWith.map {
                ("INSERT INTO artifact_share (artifact, account, tenant) VALUES ($1, $2, $3)", [.text(id), .text($0), .text(tenant)])
            })
    }

    /// Whether a person may keep so much more; nil when it may. One at a time of each person's looks and writes.
    private static func quota(
        of account: String, _ tenant: String, more draft: ArtifactDraft, isNew: Bool, _ connection: any DatabaseConnection
    ) async throws(StoreError) -> ArtifactError? {
        try await connection.lock(.named("artifacts/\(account)"))
        let row = try await connection.row(
            "SELECT count(*), CAST(coalesce(sum(bytes), 0) AS BIGINT) FROM artifact WHERE owner = $1 AND tenant = $2",
            [.text(account), .text(tenant)])
        guard let row else { return nil }
        if isNew, try row.int(0) >= ArtifactLimits.ownedMax { return .full("artifacts", max: ArtifactLimits.ownedMax) }
        guard try row.integer(1) + Int64(draft.bytes) <= ArtifactLimits.ownedBytesMax else {
            return .full("bytes of definitions and their versions", max: Int(ArtifactLimits.ownedBytesMax))
        }
        return nil
    }

    /// Whom a draft names who is nobody of the tenant; nil when there is none such.
    private static func strangers(
        in draft: ArtifactDraft, _ tenant: String, _ connection: any DatabaseConnection
    ) async throws(StoreError) -> ArtifactError? {
        for (index, account) in draft.sharedWith.enumerated() {
            guard (1...255).contains(account.utf8.count), !account.utf8.contains(0),
                try await connection.row("SELECT id FROM account WHERE id = $1 AND tenant = $2", [.text(account), .text(tenant)]) != nil
            else { return .invalid(field: "shared_with/\(index)", reason: "is the id of no user here") }
        }
        return nil
    }

    private static func done(
        _ action: String, _ id: String, _ reader: ArtifactReader, _ requestID: String, _ now: Int64, _ connection: any DatabaseConnection
    ) async throws(StoreError) -> Result<Artifact, ArtifactError> {
        guard let artifact = try await find(id, reader.tenant, connection) else {
            throw StoreError(.corrupt, "an artifact that was just written is not there")
        }
        try await note(action, artifact, reader, requestID, now, connection)
        return .success(artifact)
    }

    private static func note(
        _ action: String, _ artifact: Artifact, _ reader: ArtifactReader, _ requestID: String, _ now: Int64, _ connection: any DatabaseConnection
    ) async throws(StoreError) {
        try await AuditLog.note(
            AuditEntry(
                actor: reader.account, tenant: reader.tenant, action: action, callID: requestID, outcome: "ok",
                details: ["artifact": .string(artifact.id), "version": JSONValue(artifact.version)], atMilliseconds: now), within: connection)
        try await connection.announce(topic, artifact.id)
    }
}

/// What an artifact shall become.
private struct ArtifactEdit: Sendable {
    var draft: ArtifactDraft
    /// The version whose content it takes over again.
    var restoredFrom: Int?
}
