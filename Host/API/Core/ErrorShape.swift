import JSON

/// How a failure looks from outside: as the contract says, or as clients of another protocol read it.
enum ErrorShape: Sendable {
    case contract
    /// `{"error": {message, type, param, code}}`, as OpenAI's clients make their exceptions of it.
    case openAI

    /// By the path alone, so that what no route takes has its protocol's shape too.
    init(path: String) { self = path == "/openai/v1" || path.hasPrefix("/openai/v1/") ? .openAI : .contract }

    /// A whole reply.
    func bytes(_ error: APIError, requestID: String) -> [UInt8] {
        switch self {
        case .contract: Envelope.failure(error, requestID: requestID)
        case .openAI: json(error).serialized()
        }
    }

    /// A failure in the middle of a stream.
    func json(_ error: APIError) -> JSONValue {
        switch self {
        case .contract: error.json
        case .openAI:
            [
                "error": [
                    "message": .string(error.message), "type": .string(Self.type(error)), "param": Self.place(error) ?? .null,
                    "code": .string(Self.code(error)),
                ]
            ]
        }
    }

    private static func type(_ error: APIError) -> String {
        switch error.status {
        case 429: code(error) == "insufficient_quota" ? "insufficient_quota" : "rate_limit_error"
        case 500...: "server_error"
        case 401: "authentication_error"
        case 403: "permission_error"
        default: "invalid_request_error"
        }
    }

    /// OpenAI's own word where it has one: programs decide by it whether to try again, and with what.
    private static func code(_ error: APIError) -> String {
        let reason = error.details["reason"]?.stringValue
        switch reason {
        case "unknown_model": return "model_not_found"
        case "context_overflow": return "context_length_exceeded"
        case "budget": return "insufficient_quota"
        case "rate_limited", "rate": return "rate_limit_exceeded"
        default: break
        }
        switch error.status {
        case 401: return "invalid_api_key"
        default: return reason ?? error.code.rawValue
        }
    }

    /// What of the body it is about: `messages[0].role` where a schema says `/messages/0/role`.
    private static func place(_ error: APIError) -> JSONValue? {
        guard let path = error.details["errors"]?[0]?["instance_path"]?.stringValue, !path.isEmpty else { return nil }
        let parts = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        return .string(
            parts.enumerated().map { index, part in
                Int(part) != nil ? "[\(part)]" : index == 0 ? String(part) : "." + part
            }.joined())
    }
}
