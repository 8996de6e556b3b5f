/// What an access token says. Neither role nor rights: those are read where they can change.
package struct AccessClaims: Sendable, Hashable {
    /// Id of the account.
    package var account: String
    /// Id of its tenant.
    package var tenant: String
    /// Handle of the session that it was given to.
    package var session: String
    /// When it was made, in seconds since 1970-01-01 UTC.
    package var issuedAt: Int64
    /// When it ends.
    package var expiresAt: Int64

    /// Describes a token.
    package init(account: String, tenant: String, session: String, issuedAt: Int64, expiresAt: Int64) {
        (self.account, self.tenant, self.session) = (account, tenant, session)
        (self.issuedAt, self.expiresAt) = (issuedAt, expiresAt)
    }
}
