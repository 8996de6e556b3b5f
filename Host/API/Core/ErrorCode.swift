/// The seven codes of the contract, and no other.
package enum ErrorCode: String, Sendable, CaseIterable {
    case unauthorized
    case forbidden
    case notFound = "not_found"
    case rateLimited = "rate_limited"
    case validationError = "validation_error"
    case conflict
    case serverError = "server_error"

    /// The HTTP status that goes with the code unless a reply names another.
    package var status: Int {
        switch self {
        case .unauthorized: 401
        case .forbidden: 403
        case .notFound: 404
        case .rateLimited: 429
        case .validationError: 400
        case .conflict: 409
        case .serverError: 500
        }
    }

    /// The code that goes with an HTTP status: what the protocol itself refuses keeps its status and says `validation_error`.
    package init(status: Int) {
        switch status {
        case 401: self = .unauthorized
        case 403: self = .forbidden
        case 404: self = .notFound
        case 409: self = .conflict
        case 429: self = .rateLimited
        case 500...: self = .serverError
        default: self = .validationError
        }
    }
}
