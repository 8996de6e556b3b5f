import JSON
package import Store

extension APIError {
    /// What the store's failures look like from outside: a conflict names the field, a database that is away is worth another try, and nothing of SQL is said (API-8).
    package init(storing error: StoreError) {
        switch error.code {
        case .constraint:
            var details: JSONObject = ["reason": "constraint"]
            if let field = error.rule?.columns.last { details["field"] = .string(field) }
            self.init(.conflict, "It cannot be kept like this beside what is there.", details: details)
        case .timedOut, .overloaded, .unavailable, .closed:
            self.init(
                .serverError, status: 503, "The database does not answer at the moment.", details: ["reason": "database", "retry_after_ms": 1000],
                headers: [("Retry-After", "1")])
            // A full queue began nothing; of a write that broke off nobody knows.
            mayHaveActed = error.code != .overloaded
        default: self = .unexpected
        }
    }
}
