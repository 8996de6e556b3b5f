import Identity
import JSON
import Store

extension LiveIdentity {
    func tenants(_ context: RequestContext) async throws(APIError) -> JSONValue {
        let (limit, cursor) = context.page
        let page = try await run { (service) async throws(IdentityError) in try await service.tenants(cursor: cursor, limit: limit) }
        return Self.list(page.items.map(Self.json), page.nextCursor)
    }

    func tenant(_ context: RequestContext) async throws(APIError) -> JSONValue {
        Self.json(try await run { (service) async throws(IdentityError) in try await service.tenant(context.parameter("id")) })
    }

    func createTenant(_ context: RequestContext) async throws(APIError) -> JSONValue {
        Self.json(
            try await run { (service) async throws(IdentityError) in
                try await service.createTenant(
                    context.text("id"), name: context.body["name"]?.stringValue, host: context.body["host"]?.stringValue, by: context.actor)
            })
    }

    func changeTenant(_ context: RequestContext) async throws(APIError) -> JSONValue {
        let before = try await tenant(context)
        let after = try Self.patched(before, by: context.body)
        var (change, rest) = (TenantChange(), before.objectValue ?? [:])
        for name in ["name", "host", "is_active"] { rest[name] = after[name] }
        guard JSONValue.object(rest) == after, let name = after["name"]?.stringValue, let isActive = after["is_active"]?.boolValue,
            let host = after["host"], host == .null || host.stringValue != nil
        else {
            throw .invalid("An operator changes `name`, `host` (a text or null) and `is_active`, and nothing else.", reason: "patch")
        }
        if name != before["name"]?.stringValue { change.name = name }
        if isActive != before["is_active"]?.boolValue { change.isActive = isActive }
        if host != before["host"] { change.host = .some(host.stringValue) }
        let wanted = change
        return Self.json(
            try await run { (service) async throws(IdentityError) in
                try await service.changeTenant(context.parameter("id"), wanted, by: context.actor)
            })
    }

    func invite(_ context: RequestContext, into tenant: String) async throws(APIError) -> JSONValue {
        let role = context.body["role"]?.stringValue.flatMap { Role(rawValue: $0) } ?? .user
        let lasting = context.body["expires_in_ms"]?.intValue.map(Int64.init) ?? IdentityLimits.invitationMilliseconds
        return Self.json(
            try await run { (service) async throws(IdentityError) in
                try await service.invite(
                    context.text("email"), tenant: tenant, role: role, lasting: lasting, as: context.principal.role ?? .user, by: context.actor)
            })
    }

    func invitations(_ context: RequestContext) async throws(APIError) -> JSONValue {
        let (limit, cursor) = context.page
        let page = try await run { (service) async throws(IdentityError) in
            try await service.invitations(of: context.principal.tenant, cursor: cursor, limit: limit)
        }
        return Self.list(page.items.map(Self.json), page.nextCursor)
    }

    func removeInvitation(_ context: RequestContext) async throws(APIError) -> JSONValue {
        try await run { (service) async throws(IdentityError) in
            try await service.removeInvitation(context.parameter("id"), tenant: context.principal.tenant, by: context.actor)
        }
        return Self.done
    }

    func userSessions(_ context: RequestContext) async throws(APIError) -> JSONValue {
        let found = try await run { (service) async throws(IdentityError) in
            try await service.sessions(of: service.account(context.parameter("id"), tenant: context.principal.tenant).id)
        }
        return Self.list(found.map { Self.json($0, current: context.principal.session) }, nil)
    }

    func endUserSession(_ context: RequestContext) async throws(APIError) -> JSONValue {
        try await run { (service) async throws(IdentityError) in
            let account = try await Self.subject(service, context)
            try await service.end(session: context.parameter("handle"), of: account.id, tenant: account.tenant, by: context.actor)
        }
        return Self.done
    }

    func userKeys(_ context: RequestContext) async throws(APIError) -> JSONValue {
        let (limit, cursor) = context.page
        let page = try await run { (service) async throws(IdentityError) in
            let account = try await service.account(context.parameter("id"), tenant: context.principal.tenant)
            return try await service.keys(of: account.id, cursor: cursor, limit: limit)
        }
        return Self.list(page.items.map { .object(Self.json($0)) }, page.nextCursor)
    }

    func removeUserKey(_ context: RequestContext) async throws(APIError) -> JSONValue {
        try await run { (service) async throws(IdentityError) in
            let account = try await Self.subject(service, context)
            try await service.removeKey(context.parameter("key"), of: account.id, tenant: account.tenant, by: context.actor)
        }
        return Self.done
    }

    /// The account that is acted on: of the caller's tenant, and not above the caller.
    private static func subject(_ service: IdentityService, _ context: RequestContext) async throws(IdentityError) -> Account {
        let account = try await service.account(context.parameter("id"), tenant: context.principal.tenant)
        guard account.role <= context.principal.role ?? .user else { throw .forbidden("an account above your own is not yours to change") }
        return account
    }

    private static func json(_ tenant: Tenant) -> JSONValue {
        [
            "id": .string(tenant.id), "name": .string(tenant.name), "host": tenant.host.map { .string($0) } ?? .null,
            "is_active": .bool(tenant.isActive), "created_at": time(tenant.createdAt),
        ]
    }

    private static func json(_ invitation: Invitation) -> JSONValue {
        [
            "id": .string(invitation.id), "tenant_id": .string(invitation.tenant), "email": .string(invitation.email),
            "role": .string(invitation.role.rawValue), "created_at": time(invitation.createdAt), "expires_at": time(invitation.expiresAt),
        ]
    }
}
