package import Identity
import JSON

/// Whether who is calling may call a route: by its row, and nothing else.
enum Authorisation {
    /// - Throws: 403, with what is missing.
    static func check(_ principal: Principal, _ route: Route) throws(APIError) {
        if route.access == .anonymous { return }
        // Who signs in by a socket's first message is judged then, and each message again.
        if route.isSocket, principal == .anonymous { return }
        if let scopes = principal.scopes {
            guard route.access != .session else { throw refusal("session_required", "This is for people who signed in, not for API keys.") }
            guard scopes.contains(route.scope) else {
                throw refusal("scope", "This API key is not for that: it lacks the scope `\(route.scope.rawValue)`.")
            }
        }
        guard let role = principal.role, role >= route.access.role else {
            throw refusal("role", "This needs the role `\(route.access.role.rawValue)`.")
        }
        if principal.mustChangePassword, principal.scopes == nil, !route.worksBeforeChange {
            throw refusal("password_change_required", "Set a password of your own first: POST /v1/auth/password/change.")
        }
    }

    private static func refusal(_ reason: String, _ message: String) -> APIError {
        APIError(.forbidden, message, details: ["reason": .string(reason)])
    }
}

extension Access {
    /// The least role that is let in.
    var role: Role {
        switch self {
        case .anonymous, .user, .session: .user
        case .admin: .admin
        case .operatorOfHost: .operatorOfHost
        }
    }
}

extension Route {
    /// What an API key must be for to call this.
    package var scope: Scope {
        if path.description == "/metrics" { return .metrics }
        if path.description.hasPrefix("/v1/admin/") { return .admin }
        if limitClass == .tools { return .tools }
        return method == "GET" ? .read : .write
    }
}
