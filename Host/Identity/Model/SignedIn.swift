/// Whom a credential belongs to, as it was read from the store.
package struct SignedIn: Sendable, Hashable {
    /// Id of the account.
    package var account: String
    /// Id of its tenant.
    package var tenant: String
    package var role: Role
    package var plan: String
    /// What an API key is for; nil for a session, which may all that its account may.
    package var scopes: Set<Scope>?
    /// Handle of the session; nil for an API key.
    package var session: String?
    /// Id of the API key; nil for a session.
    package var apiKey: String?
    /// Whether nothing is allowed but to set a new password.
    package var mustChangePassword: Bool
    /// When the credential ends, in milliseconds since 1970-01-01 UTC.
    package var expiresAt: Int64

    /// Describes an owner.
    package init(
        account: String, tenant: String, role: Role, plan: String = "free", scopes: Set<Scope>? = nil, session: String? = nil,
        apiKey: String? = nil, mustChangePassword: Bool = false, expiresAt: Int64
    ) {
        (self.account, self.tenant, self.role, self.plan, self.scopes) = (account, tenant, role, plan, scopes)
        (self.session, self.apiKey, self.mustChangePassword, self.expiresAt) = (session, apiKey, mustChangePassword, expiresAt)
    }
}
