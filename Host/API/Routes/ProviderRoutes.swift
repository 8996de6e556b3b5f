import Identity
import JSON

extension Routes {
    private static let providerParameter = Parameter(
        "provider", ["type": "string", "pattern": "^[A-Za-z0-9_.-]{1,64}$"], "The provider's name in `identity.oidc`.")
    private static let answer: JSONValue = ["type": "string", "minLength": 1, "maxLength": 4096]

    /// Signing in at an identity provider.
    static func providerRoutes(_ identity: LiveIdentity) -> [Route] {
        [
            .post(
                "/v1/auth/oauth/{provider}/start", "startProvider", tag: "auth",
                "Begins a sign-in at an identity provider: where to send the person. The client checks that the `state` that comes back is this one.",
                access: .anonymous, limitClass: .login, parameters: [providerParameter],
                data: Schemas.object(["authorization_url": Schemas.text, "state": Schemas.text], required: ["authorization_url", "state"])
            ) { context throws(APIError) in .data(try await identity.startProvider(context)) },
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
