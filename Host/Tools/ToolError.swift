package import JSON
package import JSONSchema
import Registry

/// An error as SPEC 12 tells it to clients: one of its codes, a sentence, details. Nothing of paths, SQL or stacks.
package struct ToolError: Error, Sendable, Hashable {
    /// The codes of SPEC 12.
    package enum Code: String, Sendable, Hashable, CaseIterable {
        case unauthorized, forbidden
        case notFound = "not_found"
        case rateLimited = "rate_limited"
        case validation = "validation_error"
        case conflict
        case server = "server_error"
    }

    package var code: Code
    package var message: String
    package var details: JSONObject

    package init(_ code: Code, _ message: String, _ details: JSONObject = [:]) {
        self.code = code
        self.message = message
        self.details = details
    }

    /// The HTTP status. A `server_error` that another try could mend (`details.retry_after_ms`) is 503.
    package var status: Int {
        switch code {
        case .unauthorized: 401
        case .forbidden: 403
        case .notFound: 404
        case .rateLimited: 429
        case .validation: 400
        case .conflict: 409
        case .server: details["retry_after_ms"] == nil ? 500 : 503
        }
    }

    /// The caller gave up; nobody reads this but the log.
    package static let cancelled = ToolError(.conflict, "the call was cancelled", ["reason": "cancelled"])

    /// The call's time is over.
    static func timeout(_ subject: String) -> ToolError { ToolError(.server, "\(subject) did not answer in time", ["reason": "timeout"]) }

    /// The plugin was replaced or stopped before it saw the call.
    package static let drainedBefore = ToolError(
        .server, "the plugin is being replaced or stopped", ["reason": "draining", "retry_after_ms": 1_000])

    /// The caller has as many calls in flight as it may.
    package static func busy(_ message: String) -> ToolError { ToolError(.conflict, message, ["reason": "busy"]) }

    /// The plugin has more to do than it can: the caller should come back.
    static func queueFull(_ message: String) -> ToolError {
        ToolError(
            .rateLimited, message, ["reason": "queue_full", "retry_after_ms": .number(JSONNumber(ToolLimits.queueRetryMilliseconds))])
    }

    /// Every failing location, at most 20.
    package static func schema(_ what: String, _ failures: [SchemaFailure], _ code: Code = .validation) -> ToolError {
        let errors = failures.prefix(ToolLimits.schemaFailuresMax).map { failure -> JSONValue in
            [
                "instance_path": .string(failure.instancePath), "keyword": .string(failure.keyword), "schema_path": .string(failure.schemaPath),
                "message": .string(failure.message),
            ]
        }
        return ToolError(code, "the \(what) does not match the tool's schema", ["where": .string(what), "errors": .array(errors)])
    }

    /// The same for a tool or an adapter, whose schema is its kind's.
    static func schema(_ what: String, of spec: ToolSpec, _ failures: [SchemaFailure]) -> ToolError {
        var error = schema(what, failures)
        if let kind = spec.adapter { error.message = "the \(what) does not match the contract of \(kind.rawValue)" }
        return error
    }

    /// Bytes that are not JSON, in the shape of a schema failure.
    static func notJSON(_ what: String, _ error: JSONError) -> ToolError {
        ToolError(
            .validation, "the \(what) is not JSON: \(error.message)",
            [
                "where": .string(what), "offset": .number(JSONNumber(error.offset)),
                "errors": [["instance_path": "", "keyword": "json", "schema_path": "", "message": .string(error.message)]],
            ])
    }
}
