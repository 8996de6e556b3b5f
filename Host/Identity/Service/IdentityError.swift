package import Store

/// Why identity did not do something. The API turns each into its reply; nothing here quotes a secret.
package enum IdentityError: Error, Sendable, Hashable {
    /// Address or password is wrong, or there is no such account, or it may not sign in: callers must not tell these apart.
    case wrongCredentials
    /// The token, session, key or link is none that is in force.
    case invalidToken
    /// The code of the second factor is wrong; so many tries are left.
    case wrongCode(left: Int64)
    /// The second factor takes no codes for so many milliseconds.
    case locked(milliseconds: Int64)
    /// Too many passwords were tried for this account; none is looked at for so many milliseconds.
    case guessing(milliseconds: Int64)
    /// Too many passwords are being hashed; come again in a moment.
    case busy
    /// This account may not do that.
    case forbidden(String)
    /// There is no such thing.
    case missing(String)
    /// Another thing has that field's value, or the state forbids it.
    case conflict(field: String, String)
    /// A field's value cannot be taken, and why.
    case invalid(field: String, String)
    /// The store failed.
    case store(StoreError)
    /// Something else failed; the text is for the log.
    case failed(String)
}
