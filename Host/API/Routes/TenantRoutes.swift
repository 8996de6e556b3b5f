import Identity
import JSON

extension Routes {
    private static let tenantParameter = Parameter("id", Schemas.identifier, "The tenant's id.")
    private static let userParameter = Parameter("id", Schemas.identifier, "The account's id.")

    /// Tenants, who is invited into them, and what admins see of their accounts' sessions and keys.
    static func tenantRoutes(_ identity: LiveIdentity) -> [Route] { ofTenants(identity) + ofInvitations(identity) + ofAccounts(identity) }

    private static func ofTenants(_ identity: LiveIdentity) -> [Route] {
        [
            .get(
                "/v1/admin/tenants", "listTenants", tag: "admin", "Every tenant by id.", query: Schemas.pageParameters,
                data: Schemas.list(of: Schemas.tenant)
            ) { context throws(APIError) in .data(try await identity.tenants(context)) },
            .post(
                "/v1/admin/tenants", "createTenant", tag: "admin", "Makes a tenant; who signs up at its host name belongs to it.",
                limitClass: .writes,
                body: Schemas.newTenant, data: Schemas.tenant
            ) { context throws(APIError) in .data(try await identity.createTenant(context)) },
            .get(
                "/v1/admin/tenants/{id}", "getTenant", tag: "admin", "One tenant.", parameters: [tenantParameter], data: Schemas.tenant
            ) { context throws(APIError) in .data(try await identity.tenant(context)) },
            .act(
                "PATCH", "/v1/admin/tenants/{id}", "changeTenant", tag: "admin",
                "Changes name, host or is_active by a JSON Patch (RFC 6902). Whoever belongs to one that is disabled is refused from the next request on.",
                limitClass: .writes, parameters: [tenantParameter], body: Schemas.patch, data: Schemas.tenant
            ) { context throws(APIError) in .data(try await identity.changeTenant(context)) },
            .post(
                "/v1/admin/tenants/{id}/invitations", "inviteIntoTenant", tag: "admin", "Invites an address into any tenant: its first admin.",
                limitClass: .writes, parameters: [tenantParameter], body: Schemas.newInvitation, data: Schemas.invitation
            ) { context throws(APIError) in .data(try await identity.invite(context, into: context.parameter("id"))) },
        ]
    }

    private static func ofInvitations(_ identity: LiveIdentity) -> [Route] {
        [
            .get(
                "/v1/admin/invitations", "listInvitations", tag: "admin", "Invitations into the caller's tenant that wait; never a code.",
                access: .admin, query: Schemas.pageParameters, data: Schemas.list(of: Schemas.invitation)
            ) { context throws(APIError) in .data(try await identity.invitations(context)) },
            .post(
                "/v1/admin/invitations", "invite", tag: "admin",
                "Sends a letter whose code makes one account in the caller's tenant, also where sign-up is closed.", access: .admin,
                limitClass: .writes,
                body: Schemas.newInvitation, data: Schemas.invitation
            ) { context throws(APIError) in .data(try await identity.invite(context, into: context.principal.tenant)) },
            .act(
                "DELETE", "/v1/admin/invitations/{id}", "removeInvitation", tag: "admin", "Takes an invitation back.", access: .admin,
                limitClass: .writes, parameters: [Parameter("id", Schemas.identifier, "The invitation's id.")], data: Schemas.done
            ) { context throws(APIError) in .data(try await identity.removeInvitation(context)) },
        ]
    }

    private static func ofAccounts(_ identity: LiveIdentity) -> [Route] {
        [
            .get(
                "/v1/admin/users/{id}/sessions", "listUserSessions", tag: "admin", "An account's sessions, the one used last first.", access: .admin,
                parameters: [userParameter], data: Schemas.list(of: Schemas.session)
            ) { context throws(APIError) in .data(try await identity.userSessions(context)) },
            .act(
                "DELETE", "/v1/admin/users/{id}/sessions/{handle}", "endUserSession", tag: "admin", "Ends one session of an account.",
                access: .admin, limitClass: .writes,
                parameters: [userParameter, Parameter("handle", Schemas.identifier, "The session's handle.")], data: Schemas.done
            ) { context throws(APIError) in .data(try await identity.endUserSession(context)) },
            .get(
                "/v1/admin/users/{id}/api_keys", "listUserKeys", tag: "admin", "An account's API keys; never a key.", access: .admin,
                parameters: [userParameter], query: Schemas.pageParameters, data: Schemas.list(of: Schemas.apiKey)
            ) { context throws(APIError) in .data(try await identity.userKeys(context)) },
            .act(
                "DELETE", "/v1/admin/users/{id}/api_keys/{key}", "removeUserKey", tag: "admin",
                "Removes a key of an account; it is refused from the next request on.", access: .admin, limitClass: .writes,
                parameters: [userParameter, Parameter("key", Schemas.identifier, "The key's id.")], data: Schemas.done
            ) { context throws(APIError) in .data(try await identity.removeUserKey(context)) },
        ]
    }

    /// Breakers of tools: what is open, and closing it by hand.
    static func breakerRoutes(_ tools: any ToolCatalogue, _ plugins: any PluginAdministration) -> [Route] {
        let shape = Schemas.object(
            ["tool": Schemas.text, "plugin": Schemas.text, "version": Schemas.text, "state": ["enum": ["closed", "open", "half_open"]]],
            required: ["tool", "plugin", "version", "state"])
        @Sendable func json(_ tool: CatalogueTool) -> JSONValue {
            [
                "tool": .string(tool.id), "plugin": tool.description["plugin"] ?? "", "version": tool.description["version"] ?? "",
                "state": .string(tool.breaker),
            ]
        }
        return [
            .get(
                "/v1/admin/breakers", "listBreakers", tag: "admin", "The breaker of every tool, by the tool's id.", query: Schemas.pageParameters,
                data: Schemas.list(of: shape)
            ) { context throws(APIError) in try .page(tools.tools(), context, key: \.id, item: json) },
            .post(
                "/v1/admin/breakers/{id}/reset", "resetBreaker", tag: "admin", "Closes a breaker on this host: the tool is tried again at once.",
                limitClass: .writes, parameters: [Parameter("id", Schemas.toolID, "The tool's id.")], data: shape
            ) { context throws(APIError) in
                try await plugins.resetBreaker(context.parameter("id"), by: context.principal, requestID: context.requestID)
                guard let tool = tools.tool(context.parameter("id")) else { throw .missing("tool") }
                return .data(json(tool))
            },
        ]
    }
}
