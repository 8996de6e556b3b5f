import HTTP
import JSON
import JSONSchema

/// Turns a request into a checked context, or a refusal, by its route's row and nothing else.
struct RequestReader {
    let compiled: CompiledRoute
    let request: APIRequest

    /// Checks everything the row names, in the order of cost.
    /// - Throws: 400, 406, 413 or 415.
    func context(identity: RequestIdentity, principal: Principal, values: [String]) throws(APIError) -> RequestContext {
        let route = compiled.route
        var parameters: [String: JSONValue] = [:]
        for (check, text) in zip(compiled.pathParameters, values) { parameters[check.name] = try value(text, check, in: "path") }
        let query = try readQuery()
        guard let accepts = MediaType.negotiate(accept: request.values("accept").joined(separator: ","), produced: route.produces) else {
            let names = route.produces.map(\.rawValue).joined(separator: ", ")
            throw APIError(.validationError, status: 406, "This can be sent as \(names) only.")
        }
        guard ContentCoding.negotiate(request.headers) != nil else {
            throw APIError(.validationError, status: 406, "This can be sent as it is or with gzip only.")
        }
        let body = try readBody()
        return RequestContext(
            identity: identity, principal: principal, parameters: parameters, query: query, body: body,
            accepts: accepts, idempotencyKey: try idempotencyKey(body), remoteAddress: request.remoteAddress, host: request.values("host").first,
            binding: binding)
    }

    /// The header of a client that keeps it itself, or the cookie of a browser; one that stands twice is none.
    private var binding: String? {
        let headers = request.values("x-sign-in-binding")
        let cookies = request.values("cookie").flatMap { $0.split(separator: ";") }.map(\.trimmingSpaces)
        let found = headers + cookies.filter { $0.hasPrefix(Self.cookie + "=") }.map { String($0.dropFirst(Self.cookie.utf8.count + 1)) }
        return found.count == 1 ? found[0] : nil
    }

    /// The cookie's name: it signs nobody in, it only says which browser began.
    static let cookie = "limen_sign_in"

    private func readQuery() throws(APIError) -> [String: JSONValue] {
        var values: [String: JSONValue] = [:]
        for (name, text) in request.query {
            guard let known = compiled.queryParameters[name] else {
                throw .invalid("There is no query parameter of that name.", reason: "unknown_parameter")
            }
            guard values[name] == nil else { throw .invalid("The query parameter \(name) stands twice.", reason: "query") }
            values[name] = try value(text, known, in: "query")
        }
        return values
    }

    /// The typed value of a parameter.
    private func value(_ text: String, _ check: CompiledRoute.Check, in place: String) throws(APIError) -> JSONValue {
        let value: JSONValue =
            switch check.type {
            case "integer": Int64(text).map { JSONValue($0) } ?? .string(text)
            case "boolean": text == "true" ? true : text == "false" ? false : .string(text)
            default: .string(text)
            }
        let failures = check.schema.validate(value, failuresMax: Limits.failuresMax)
        if !failures.isEmpty { throw .schema(failures, in: "\(place) parameter \(check.name)") }
        return value
    }

    private func readBody() throws(APIError) -> JSONValue {
        guard let schema = compiled.body else {
            guard request.body.isEmpty else { throw APIError(.validationError, status: 413, "This route takes no body.") }
            return .null
        }
        guard request.body.count <= compiled.bodyBytesMax else {
            throw APIError(
                .validationError, status: 413, "The body is longer than this route takes.",
                details: ["bytes_max": JSONValue(compiled.bodyBytesMax)])
        }
        guard let type = try request.single("content-type"), MediaType.json.isNamed(by: type) else {
            throw APIError(.validationError, status: 415, "The body must be application/json in UTF-8.")
        }
        if let coding = try request.single("content-encoding"), coding.lowercased() != "identity" {
            throw APIError(.validationError, status: 415, "The body must not be compressed.")
        }
        return try parse(schema)
    }

    private func parse(_ schema: CompiledSchema) throws(APIError) -> JSONValue {
        var limits = JSONLimits.default
        limits.bytesMax = compiled.bodyBytesMax
        limits.depthMax = Limits.bodyDepthMax
        let document: JSONDocument
        do {
            document = try JSONDocument(parsing: request.body, limits: limits)
        } catch {
            throw APIError(
                .validationError, "The body is not valid JSON: \(error.message).",
                details: ["reason": "json", "offset": JSONValue(error.offset)])
        }
        let failures = schema.validate(document, failuresMax: Limits.failuresMax)
        if !failures.isEmpty { throw .schema(failures, in: "body") }
        return document.value()
    }

    private func idempotencyKey(_ body: JSONValue) throws(APIError) -> String? {
        guard compiled.route.idempotent else { return nil }
        guard let key = try request.single("idempotency-key") ?? body["client_request_id"]?.stringValue else { return nil }
        let visible = key.utf8.allSatisfy { (0x21...0x7e).contains($0) }
        guard (1...Limits.idempotencyKeyBytesMax).contains(key.utf8.count), visible else {
            throw .invalid("An idempotency key is 1 to \(Limits.idempotencyKeyBytesMax) visible ASCII characters.", reason: "idempotency_key")
        }
        return key
    }
}
