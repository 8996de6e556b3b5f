import Identity
import JSON

extension Routes {
    private static let handleParameter = Parameter("id", Schemas.identifier, "The session's handle, as the list shows it.")
    private static let keyParameter = Parameter("id", Schemas.identifier, "The key's id.")
    private static let userParameter = Parameter("id", Schemas.identifier, "The account's id.")

    /// What people see and change of their own account, and admins of their tenant's.
    static func accountRoutes(_ identity: LiveIdentity) -> [Route] { ownRoutes(identity) + keyRoutes(identity) + userRoutes(identity) }

    private static func ownRoutes(_ identity: LiveIdentity) -> [Route] {
        [
            .get("/v1/me", "getMe", tag: "account", "The caller's account.", access: .user, data: Schemas.user) { context throws(APIError) in
                .data(try await identity.me(context))
            }.alsoBeforeChange,
            .get("/v1/settings", "getSettings", tag: "account", "The caller's settings.", access: .user, data: Schemas.settings) {
                context throws(APIError) in .data(try await identity.settings(context))
            },
            .act(
                "PATCH", "/v1/settings", "changeSettings", tag: "account", "Changes settings by a JSON Patch (RFC 6902).", access: .session,
                limitClass: .writes, body: Schemas.patch, data: Schemas.settings
            ) { context throws(APIError) in .data(try await identity.changeSettings(context)) },
            .get(
                "/v1/sessions", "listSessions", tag: "account", "The caller's sessions, the one used last first.", access: .session,
                data: Schemas.list(of: Schemas.session)
            ) { context throws(APIError) in .data(try await identity.sessions(context)) },
            .act(
                "DELETE", "/v1/sessions", "endOtherSessions", tag: "account", "Signs out everywhere but here.", access: .session,
                limitClass: .writes, data: Schemas.object(["ended": Schemas.count], required: ["ended"])
            ) { context throws(APIError) in .data(try await identity.endOthers(context)) },
            .act(
                "DELETE", "/v1/sessions/{id}", "endSession", tag: "account", "Ends one of the caller's sessions.", access: .session,
                limitClass: .writes, parameters: [handleParameter], data: Schemas.done
            ) { context throws(APIError) in .data(try await identity.endSession(context)) },
        ]
    }

    private static func keyRoutes(_ identity: LiveIdentity) -> [Route] {
        [
            .get(
                "/v1/api_keys", "listKeys", tag: "account", "The caller's API keys; never a key.", access: .session, query: Schemas.pageParameters,
                data: Schemas.list(of: Schemas.apiKey)
            ) { context throws(APIError) in .data(try await identity.keys(context)) },
            .post(
                "/v1/api_keys", "createKey", tag: "account", "Makes an API key, shown once. It never may more than its account.",
                access: .session, limitClass: .writes, body: Schemas.newAPIKey, data: Schemas.shownAPIKey
            ) { context throws(APIError) in .data(try await identity.createKey(context)) }.showingOnce,
            .act(
                "DELETE", "/v1/api_keys/{id}", "removeKey", tag: "account", "Removes a key; it is refused from the next request on.",
                access: .session, limitClass: .writes, parameters: [keyParameter], data: Schemas.done
            ) { context throws(APIError) in .data(try await identity.removeKey(context)) },
        ]
    }

    private static func userRoutes(_ identity: LiveIdentity) -> [Route] {
        [
            .get(
                "/v1/admin/users", "listUsers", tag: "admin", "The accounts of the caller's tenant.", access: .admin,
                query: Schemas.pageParameters, data: Schemas.list(of: Schemas.user)
            ) { context throws(APIError) in .data(try await identity.users(context)) },
            .post(
                "/v1/admin/users", "createUser", tag: "admin",
                "Makes an account in the caller's tenant; its first sign-in must set another password.",
                access: .admin, limitClass: .writes, body: Schemas.newUser, data: Schemas.user
            ) { context throws(APIError) in .data(try await identity.createUser(context)) },
            .get(
                "/v1/admin/users/{id}", "getUser", tag: "admin", "One account.", access: .admin, parameters: [userParameter], data: Schemas.user
            ) { context throws(APIError) in .data(try await identity.user(context)) },
            .act(
                "PATCH", "/v1/admin/users/{id}", "changeUser", tag: "admin",
                "Changes role, plan_tier, is_active or meta/single_session by a JSON Patch (RFC 6902); holds on the next request.", access: .admin,
                limitClass: .writes, parameters: [userParameter], body: Schemas.patch, data: Schemas.user
            ) { context throws(APIError) in .data(try await identity.changeUser(context)) },
            .act(
                "DELETE", "/v1/admin/users/{id}", "deleteUser", tag: "admin", "Deletes an account with all that is its own.", access: .admin,
                limitClass: .writes, parameters: [userParameter], data: Schemas.done
            ) { context throws(APIError) in .data(try await identity.deleteUser(context)) },
            .act(
                "DELETE", "/v1/admin/users/{id}/sessions", "endUserSessions", tag: "admin", "Signs an account out everywhere.", access: .admin,
                limitClass: .writes, parameters: [userParameter], data: Schemas.object(["ended": Schemas.count], required: ["ended"])
            ) { context throws(APIError) in .data(try await identity.endSessions(context)) },
        ]
    }
}
