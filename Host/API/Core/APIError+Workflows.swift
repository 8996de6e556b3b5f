import JSON
import Store
package import Workflows

extension APIError {
    /// What workflows refuse, in the contract's words.
    package init(_ error: WorkflowError) {
        switch error {
        case .missing(let what): self = .missing(what)
        case .busy(let max): self = ConcurrencyLeases.busy(.workflows, max)
        case .reused:
            self.init(
                .conflict, "This client_request_id stands for a run of another workflow or input.", details: ["reason": "request_id_reused"])
        case .ended: self.init(.conflict, "The run is over.", details: ["reason": "ended"])
        case .invalid(let field, let reason): self = .field(field, reason)
        case .refused(let failure):
            var details = failure.details
            details["reason"] = failure.reason.map { .string($0) }
            if details["errors"] != nil { details["in"] = "input" }
            self.init(ErrorCode(rawValue: failure.code.rawValue) ?? .validationError, "The run cannot begin: \(failure.message).", details: details)
        case .store(let error) where error.code == .invalid:
            self = .invalid("A text or an id has a character that cannot be kept, such as NUL.", reason: "character")
        case .store(let error): self.init(storing: error)
        }
    }
}
