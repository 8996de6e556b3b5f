/// What a caller may do.
package enum CallerRole: String, Sendable, Hashable {
    case user
    /// Of one tenant.
    case admin
    /// Of the whole host.
    case `operator`
}

/// Who calls: verified by whoever makes one, never taken from a body or header.
package struct Caller: Sendable, Hashable {
    package let tenant: String
    package let user: String
    package let role: CallerRole
    /// The key or session that was used.
    package let keyID: String

    /// - Precondition: tenant and user are not empty; an empty one would be everybody's isolation key.
    package init(tenant: String, user: String, role: CallerRole, keyID: String) {
        precondition(!tenant.isEmpty && !user.isEmpty, "a caller has a tenant and a user")
        self.tenant = tenant
        self.user = user
        self.role = role
        self.keyID = keyID
    }
}
