package import Artifacts
import JSON
import Store

extension APIError {
    /// What artifacts refuse, in the contract's words.
    /// - Parameter place: Where the definition stands in the body.
    package init(_ error: ArtifactError, definitionAt place: String = "/schema") {
        switch error {
        case .missing(let what): self = .missing(what)
        case .forbidden(let why): self.init(.forbidden, why, details: ["reason": "artifact"])
        case .invalid(let field, let reason): self = .field(field, reason)
        case .definition(let problems):
            let errors = problems.map { problem -> JSONValue in
                [
                    "instance_path": .string(place + problem.pointer), "keyword": "policy", "schema_path": "",
                    "message": .string(problem.message),
                ]
            }
            let first = problems.first.map { "\($0.pointer.isEmpty ? "it" : $0.pointer) \($0.message)" } ?? "it is none of its kind"
            self.init(.validationError, "The definition cannot be used: \(first).", details: ["errors": .array(errors), "in": "body"])
        case .patch(let error): self.init(error)
        case .conflict(let reason, let text): self.init(.conflict, text, details: ["reason": .string(reason)])
        case .full(let what, let max):
            self.init(.conflict, "There are as many \(what) as there may be: \(max).", details: ["reason": "full", "max": JSONValue(max)])
        case .store(let error): self.init(storing: error)
        }
    }

    /// A JSON Patch that cannot be applied.
    init(_ error: JSONPatchError) {
        if error.code == .testFailed {
            self.init(.conflict, "A test of the patch failed; nothing was changed.", details: ["reason": "test"])
        } else {
            self = .invalid("The patch cannot be applied: \(error.message).", reason: "patch")
        }
    }

    /// 400 for one field of the body, where a schema cannot say it.
    static func field(_ field: String, _ reason: String) -> APIError {
        let failure: JSONValue = [
            "instance_path": .string("/" + field), "keyword": "policy", "schema_path": "",
            "message": .string(field.isEmpty ? "the document \(reason)" : "the \(field) \(reason)"),
        ]
        let name = field.isEmpty ? "document" : field
        return APIError(.validationError, "The \(name) \(reason).", details: ["errors": [failure], "in": "body"])
    }
}
