import Identity
import JSON

extension Routes {
    private static let providerParameter = Parameter(
        "provider", ["type": "string", "pattern": "^[A-Za-z0-9_.-]{1,64}$"], "The provider's name in `identity.oidc`.")
    private static let answer: JSONValue = ["type": "string", "minLength": 1, "maxLength": 4096]

    private static let begun = Schemas.object(
        ["authorization_url": Schemas.text, "state": Schemas.text, "binding": Schemas.text], required: ["authorization_url", "state", "binding"])

    /// Signing in at an identity provider.
    static func providerRoutes(_ identity: LiveIdentity) -> [Route] {
        [
            .post(
                "/v1/auth/oauth/{provider}/start", "startProvider", tag: "auth",
                "Begins a sign-in at an identity provider: where to send the person. Only the browser that has the cookie of this reply, or a client that sends `binding` as X-Sign-In-Binding, can end it.",
                access: .anonymous, limitClass: .login, parameters: [providerParameter], data: begun
            ) { context throws(APIError) in try await identity.startProvider(context) },
            .post(
                "/v1/auth/oauth/{provider}/link", "linkProvider", tag: "auth",
                "Begins the linking of the caller's account to a person at a provider; an account with a password gives it again.", access: .session,
                limitClass: .login, parameters: [providerParameter], body: Schemas.object(["password": Schemas.password], closed: true), data: begun
            ) { context throws(APIError) in try await identity.startProvider(context, links: true) }.showingOnce,
            .get(
                "/v1/auth/links", "listLinks", tag: "auth", "Providers at which the caller's account may be signed in to.", access: .session,
                data: Schemas.list(of: Schemas.object(["provider": Schemas.textOrNull, "issuer": Schemas.text, "created_at": Schemas.text]))
            ) { context throws(APIError) in .data(try await identity.links(context)) },
            .act(
                "DELETE", "/v1/auth/links/{provider}", "removeLink", tag: "auth", "Takes a provider away; not the only way into an account.",
                access: .session, limitClass: .writes, parameters: [providerParameter], data: Schemas.done
            ) { context throws(APIError) in .data(try await identity.removeLink(context)) },
            .get(
                "/v1/auth/oauth/{provider}/callback", "finishProvider", tag: "auth",
                "Ends a sign-in with what the provider sent back; a state works once.", access: .anonymous, limitClass: .login,
                parameters: [providerParameter],
                query: ["state", "code", "error", "error_description", "error_uri", "iss", "scope", "session_state"].map {
                    Parameter($0, answer, "As the provider sent it.")
                }, data: Schemas.signedIn
            ) { context throws(APIError) in .data(try await identity.finishProvider(context)) },
        ]
    }
}
