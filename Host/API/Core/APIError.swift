package import JSON
package import JSONSchema

/// A failure as a client sees it: nothing of SQL, paths or stacks may be put in here.
package struct APIError: Error, Sendable {
    /// One of the contract's seven codes.
    package var code: ErrorCode
    /// HTTP status.
    package var status: Int
    /// One sentence for the person who made the request.
    package var message: String
    /// Machine-readable particulars, such as the failing locations of a schema.
    package var details: JSONObject
    /// Headers that belong to this failure, such as `Allow`.
    package var headers: [(name: String, value: String)]
    /// Whether what was asked may have been done all the same: the same idempotency key then gets this failure again, and no other try.
    package var mayHaveActed = false

    /// Makes a failure.
    package init(
        _ code: ErrorCode, status: Int? = nil, _ message: String, details: JSONObject = [:], headers: [(name: String, value: String)] = []
    ) {
        self.code = code
        self.status = status ?? code.status
        self.message = message
        self.details = details
        self.headers = headers
    }

    /// 400 with the reason, for input that no schema describes, such as a malformed header.
    package static func invalid(_ message: String, reason: String? = nil) -> APIError {
        APIError(.validationError, message, details: reason.map { ["reason": .string($0)] } ?? [:])
    }

    /// 400 with each failing location, as `details.errors`.
    package static func schema(_ failures: [SchemaFailure], in place: String) -> APIError {
        let errors = failures.prefix(Limits.failuresMax).map { failure -> JSONValue in
            [
                "instance_path": .string(failure.instancePath), "keyword": .string(failure.keyword),
                "schema_path": .string(failure.schemaPath), "message": .string(failure.message),
            ]
        }
        return APIError(.validationError, "The \(place) does not fit its schema.", details: ["errors": .array(errors), "in": .string(place)])
    }

    /// 404 for a thing of that kind.
    package static func missing(_ kind: String) -> APIError { APIError(.notFound, "There is no such \(kind).") }

    /// 500 whose cause is in the log under the request's id and nowhere else.
    package static let unexpected: APIError = {
        var error = APIError(.serverError, "Something went wrong here; the log has it under this request id.")
        error.mayHaveActed = true
        return error
    }()

    /// 503: the host holds more memory than `limits.memory_high_water_bytes` (LIM-4).
    package static let shortOfMemory = APIError(
        .serverError, status: 503, "The server is short of memory; what runs goes on, new work must wait.",
        details: ["reason": "memory", "retry_after_ms": JSONValue(Limits.memoryRetryMilliseconds)],
        headers: [("Retry-After", String((Limits.memoryRetryMilliseconds + 999) / 1000))])

    /// 500 for a reply that the server will not send to anybody, because it is longer than `limits.output_bytes`.
    package static func tooLong(_ bytes: Int, max: Int) -> APIError {
        APIError(
            .serverError, "The reply has \(bytes) bytes; this server sends at most \(max) at once.",
            details: ["reason": "reply_too_long", "bytes_max": JSONValue(max)])
    }

    /// The `error` object of the envelope and of the `error` event.
    package var json: JSONValue {
        ["code": .string(code.rawValue), "message": .string(message), "details": .object(details)]
    }
}
