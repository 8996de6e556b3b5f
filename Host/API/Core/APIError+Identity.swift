package import Identity
import JSON

extension APIError {
    /// What identity refuses, in the contract's words: nothing that tells accounts apart, and nothing of the store.
    package init(_ error: IdentityError) {
        switch error {
        case .wrongCredentials: self = .unauthorizedFor("credentials", "The address or the password is wrong.")
        case .invalidToken: self = .unauthorizedFor("token", "This token, session or link is none that is in force.")
        case .wrongCode(let left):
            self = .unauthorizedFor("mfa_code", "The code is wrong.")
            details["tries_left"] = JSONValue(left)
        case .locked(let milliseconds):
            self = .later("mfa_locked", "There were too many wrong codes; none is looked at for now.", milliseconds: milliseconds)
        case .guessing(let milliseconds):
            self = .later("guesses", "Too many passwords were tried for this account; a link to reset it works.", milliseconds: milliseconds)
        case .busy: self = .later("busy", "Too many passwords are being checked at the moment.", milliseconds: 1000)
        case .forbidden(let reason): self.init(.forbidden, "That is not allowed: \(reason).", details: ["reason": "not_allowed"])
        case .missing(let kind): self = .missing(kind)
        case .conflict(let field, let reason): self.init(.conflict, "The \(field) \(reason).", details: ["field": .string(field)])
        case .invalid(let field, let reason):
            let failure: JSONValue = [
                "instance_path": .string("/" + field), "keyword": "policy", "schema_path": "", "message": .string("the \(field) \(reason)"),
            ]
            self.init(.validationError, "The \(field) \(reason).", details: ["errors": [failure], "in": "body"])
        case .store(let error): self.init(storing: error)
        case .failed: self = .unexpected
        }
    }

    private static func unauthorizedFor(_ reason: String, _ message: String) -> APIError {
        APIError(
            .unauthorized, message, details: ["reason": .string(reason)], headers: [("WWW-Authenticate", #"Bearer realm="limen""#)])
    }

    private static func later(_ reason: String, _ message: String, milliseconds: Int64) -> APIError {
        APIError(
            .rateLimited, message, details: ["reason": .string(reason), "retry_after_ms": JSONValue(milliseconds)],
            headers: [("Retry-After", String((milliseconds + 999) / 1000))])
    }
}
