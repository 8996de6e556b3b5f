import Identity
import JSON
import Store

extension LiveIdentity {
    func me(_ context: RequestContext) async throws(APIError) -> JSONValue {
        Self.json(try await run { (service) async throws(IdentityError) in try await service.account(context.principal.id) })
    }

    func settings(_ context: RequestContext) async throws(APIError) -> JSONValue {
        Self.settings(try await run { (service) async throws(IdentityError) in try await service.account(context.principal.id) })
    }

    private static func settings(_ account: Account) -> JSONValue { ["single_session": .bool(account.hasSingleSession)] }

    func changeSettings(_ context: RequestContext) async throws(APIError) -> JSONValue {
        let account = try await run { (service) async throws(IdentityError) in try await service.account(context.principal.id) }
        let wanted = try Self.patched(Self.settings(account), by: context.body)
        guard case .object(let object) = wanted, object.count == 1, let isSingle = object["single_session"]?.boolValue else {
            throw .invalid("The settings are `single_session`, true or false, and nothing else.", reason: "settings")
        }
        var change = AccountChange()
        change.hasSingleSession = isSingle
        let changed = try await run { (service) async throws(IdentityError) in
            try await service.change(account.id, tenant: account.tenant, change, as: account.role, by: context.actor)
        }
        return Self.settings(changed)
    }

    /// A document after a patch (RFC 6902).
    /// - Throws: 400, or 409 when a `test` failed; then nothing has changed.
    static func patched(_ document: JSONValue, by patch: JSONValue) throws(APIError) -> JSONValue {
        do throws(JSONPatchError) {
            return try JSONPatch(patch).apply(to: document)
        } catch {
            throw APIError(error)
        }
    }

    func sessions(_ context: RequestContext) async throws(APIError) -> JSONValue {
        let found = try await run { (service) async throws(IdentityError) in try await service.sessions(of: context.principal.id) }
        return Self.list(found.map { Self.json($0, current: context.principal.session) }, nil)
    }

    static func json(_ session: SessionRecord, current: String?) -> JSONValue {
        [
            "handle": .string(session.handle), "device_type": .string(session.device.rawValue), "created_at": time(session.createdAt),
            "used_at": time(session.usedAt), "expires_at": time(session.expiresAt), "is_current": .bool(session.handle == current),
        ]
    }

    func endOthers(_ context: RequestContext) async throws(APIError) -> JSONValue {
        let caller = context.principal
        let count = try await run { (service) async throws(IdentityError) in
            try await service.endSessions(of: caller.id, except: caller.session, tenant: caller.tenant, by: context.actor)
        }
        return ["ended": JSONValue(count)]
    }

    func endSession(_ context: RequestContext) async throws(APIError) -> JSONValue {
        let caller = context.principal
        try await run { (service) async throws(IdentityError) in
            try await service.end(session: context.parameter("id"), of: caller.id, tenant: caller.tenant, by: context.actor)
        }
        return Self.done
    }

    func keys(_ context: RequestContext) async throws(APIError) -> JSONValue {
        let (limit, cursor) = context.page
        let page = try await run { (service) async throws(IdentityError) in
            try await service.keys(of: context.principal.id, cursor: cursor, limit: limit)
        }
        return Self.list(page.items.map { .object(Self.json($0)) }, page.nextCursor)
    }

    func createKey(_ context: RequestContext) async throws(APIError) -> JSONValue {
        let scopes = Set((context.body["scopes"]?.arrayValue ?? []).compactMap { $0.stringValue.flatMap { Scope(rawValue: $0) } })
        let lasting = context.body["expires_in_ms"]?.intValue.map(Int64.init) ?? Limits.keyMillisecondsDefault
        let (record, key) = try await run { (service) async throws(IdentityError) in
            try await service.makeKey(
                of: context.principal.id, name: context.text("name"), scopes: scopes, lasting: lasting, by: context.actor)
        }
        var object = Self.json(record)
        object["key"] = .string(key)
        return .object(object)
    }

    func removeKey(_ context: RequestContext) async throws(APIError) -> JSONValue {
        let caller = context.principal
        try await run { (service) async throws(IdentityError) in
            try await service.removeKey(context.parameter("id"), of: caller.id, tenant: caller.tenant, by: context.actor)
        }
        return Self.done
    }

    func users(_ context: RequestContext) async throws(APIError) -> JSONValue {
        let (limit, cursor) = context.page
        let page = try await run { (service) async throws(IdentityError) in
            try await service.accounts(tenant: context.principal.tenant, cursor: cursor, limit: limit)
        }
        return Self.list(page.items.map(Self.json), page.nextCursor)
    }

    func createUser(_ context: RequestContext) async throws(APIError) -> JSONValue {
        let role = context.body["role"]?.stringValue.flatMap { Role(rawValue: $0) } ?? .user
        guard let own = context.principal.role, role <= own else {
            throw APIError(.forbidden, "A role above your own is not yours to give.", details: ["reason": "role"])
        }
        let new = NewAccount(
            email: context.text("email"), password: context.text("password"), handle: context.body["handle"]?.stringValue, role: role,
            mustChangePassword: true)
        return Self.json(
            try await run { (service) async throws(IdentityError) in
                try await service.create(new, tenant: context.principal.tenant, by: context.actor)
            })
    }

    func user(_ context: RequestContext) async throws(APIError) -> JSONValue {
        Self.json(
            try await run { (service) async throws(IdentityError) in
                try await service.account(context.parameter("id"), tenant: context.principal.tenant)
            })
    }

    func changeUser(_ context: RequestContext) async throws(APIError) -> JSONValue {
        let (id, tenant) = (context.parameter("id"), context.principal.tenant)
        let account = try await run { (service) async throws(IdentityError) in try await service.account(id, tenant: tenant) }
        let before = Self.json(account)
        let change = try Self.change(from: before, to: try Self.patched(before, by: context.body))
        if let plan = change.plan { try checkPlan(plan) }
        let changed = try await run { (service) async throws(IdentityError) in
            try await service.change(id, tenant: tenant, change, as: context.principal.role ?? .user, by: context.actor)
        }
        return Self.json(changed)
    }

    /// What differs between two shapes of a user; only what an admin may change may.
    private static func change(from before: JSONValue, to after: JSONValue) throws(APIError) -> AccountChange {
        var change = AccountChange()
        var rest = before.objectValue ?? [:]
        guard let wanted = after.objectValue, Set(wanted.keys) == Set(rest.keys) else { throw notChangeable }
        if let role = wanted["role"]?.stringValue.flatMap({ Role(rawValue: $0) }) { change.role = role }
        if let isActive = wanted["is_active"]?.boolValue { change.isActive = isActive }
        if let plan = wanted["plan_tier"]?.stringValue, (1...64).contains(plan.utf8.count) { change.plan = plan }
        if let isSingle = wanted["meta"]?["single_session"]?.boolValue { change.hasSingleSession = isSingle }
        rest["role"] = change.role.map { .string($0.rawValue) }
        rest["is_active"] = change.isActive.map { .bool($0) }
        rest["plan_tier"] = change.plan.map { .string($0) }
        var meta = rest["meta"]?.objectValue ?? [:]
        meta["single_session"] = change.hasSingleSession.map { .bool($0) }
        rest["meta"] = .object(meta)
        guard JSONValue.object(rest) == after else { throw notChangeable }
        return change
    }

    private static var notChangeable: APIError {
        .invalid(
            "An admin changes `role`, `plan_tier`, `is_active` and `meta/single_session`, to values of their kind, and nothing else.", reason: "patch"
        )
    }

    func deleteUser(_ context: RequestContext) async throws(APIError) -> JSONValue {
        try await run { (service) async throws(IdentityError) in
            try await service.delete(
                context.parameter("id"), tenant: context.principal.tenant, as: context.principal.role ?? .user, by: context.actor)
        }
        return Self.done
    }

    func endSessions(_ context: RequestContext) async throws(APIError) -> JSONValue {
        let count = try await run { (service) async throws(IdentityError) in
            let account = try await service.account(context.parameter("id"), tenant: context.principal.tenant)
            return try await service.endSessions(of: account.id, except: nil, tenant: account.tenant, by: context.actor)
        }
        return ["ended": JSONValue(count)]
    }

    static func list(_ items: [JSONValue], _ next: String?) -> JSONValue {
        ["items": .array(items), "next_cursor": next.map { .string($0) } ?? .null, "has_next": .bool(next != nil)]
    }

    private static func json(_ account: Account) -> JSONValue {
        var meta = account.meta
        meta["single_session"] = .bool(account.hasSingleSession)
        return [
            "id": .string(account.id), "email": .string(account.email), "handle": account.handle.map { .string($0) } ?? .null,
            "role": .string(account.role.rawValue), "tenant_id": .string(account.tenant), "plan_tier": .string(account.plan),
            "is_active": .bool(account.isActive), "is_verified": .bool(account.isVerified), "created_at": time(account.createdAt),
            "meta": .object(meta),
        ]
    }

    static func json(_ record: APIKeyRecord) -> JSONObject {
        [
            "id": .string(record.id), "name": .string(record.name), "scopes": .array(record.scopes.map(\.rawValue).sorted().map { .string($0) }),
            "created_at": time(record.createdAt), "expires_at": time(record.expiresAt), "last_used_at": record.lastUsedAt.map(time) ?? .null,
        ]
    }
}
