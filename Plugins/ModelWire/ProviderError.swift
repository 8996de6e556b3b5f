package import JSON
package import LimenPlugin

/// What went wrong between an adapter and its server, in the host's codes (SPEC 8; `PluginError`).
package struct ProviderError {
    /// Who is spoken of, such as `OpenAI at api.openai.com`.
    package let server: String

    package init(server: String) { self.server = server }

    /// A refusal by its status, with the words of the server.
    package func refused(status: Int, headers: [String: String], body: [UInt8]) -> PluginError {
        let complaint = Complaint(body)
        var details: JSONObject = ["status": JSONValue(status)]
        if let code = complaint.code { details["provider_code"] = .string(code) }
        if let wait = ProviderError.retryAfter(headers) { details["retry_after_ms"] = JSONValue(wait) }
        let words = complaint.message.map { ": \($0)" } ?? ""
        return PluginError(Self.code(status, complaint), "\(server) answered \(status)\(words)", details: details)
    }

    private static func code(_ status: Int, _ complaint: Complaint) -> String {
        switch status {
        case 401, 403: "unauthorized"
        case 429: "rate_limited"
        case 408, 409, 425, 500...599: "unavailable"
        case 413: "context_overflow"
        case 300...399: "malformed_reply"
        default: complaint.isOverflow ? "context_overflow" : "invalid_request"
        }
    }

    /// An error that the server sent where a piece of the answer was due.
    package func complained(_ value: JSONValue, sentTokens: Bool) -> PluginError {
        let complaint = Complaint(value)
        var details: JSONObject = ["tokens_sent": .bool(sentTokens)]
        if let code = complaint.code { details["provider_code"] = .string(code) }
        let words = complaint.message.map { ": \($0)" } ?? ""
        return PluginError(complaint.streamCode, "\(server) broke off\(Self.place(sentTokens))\(words)", details: details)
    }

    /// The reply ended, or could not be read on.
    package func cut(_ cause: (any Error)?, sentTokens: Bool) -> any Error {
        var details: JSONObject = ["tokens_sent": .bool(sentTokens)]
        guard let cause else {
            return PluginError("unavailable", "\(server) ended its reply\(Self.place(sentTokens)) before the answer was complete", details: details)
        }
        guard let error = cause as? PluginError else { return cause }
        details["cause"] = .string(error.code)
        switch error.code {
        case "forbidden":
            let way =
                error.message.contains("address_not_public")
                ? "the setting egress.private_networks opens a network inside, as HOST=NETWORK" : "limen plugin install … --hosts names hosts"
            return PluginError("forbidden", "\(server) may not be asked: \(error.message) (\(way))", details: details)
        case "too_large":
            return PluginError("malformed_reply", "\(server) sent more than it may\(Self.place(sentTokens)): \(error.message)", details: details)
        case "unreachable", "timed_out":
            return PluginError("unavailable", "\(server) could not be heard\(Self.place(sentTokens)): \(error.message)", details: details)
        default: return error
        }
    }

    /// The reply makes no sense.
    package func malformed(_ what: String, sentTokens: Bool) -> PluginError {
        PluginError("malformed_reply", "\(server) sent \(what)\(Self.place(sentTokens))", details: ["tokens_sent": .bool(sentTokens)])
    }

    private static func place(_ sentTokens: Bool) -> String { sentTokens ? " after tokens had been sent" : "" }

    /// Milliseconds, from `retry-after-ms` or `Retry-After` in seconds; a date is not worth a calendar here.
    static func retryAfter(_ headers: [String: String]) -> Int? {
        let exact = headers["retry-after-ms"].flatMap { Double($0) }
        guard let milliseconds = exact ?? headers["retry-after"].flatMap({ Double($0) }).map({ $0 * 1_000 }) else { return nil }
        guard milliseconds.isFinite else { return nil }
        return Int(min(max(0, milliseconds), Double(Limits.retryAfterMillisecondsMax)))
    }
}

/// What a server says about an error: `{"error": {"message", "type", "code"}}` in the shapes that there are.
struct Complaint {
    var message: String?
    var code: String?
    private var type: String?

    init(_ body: [UInt8]) {
        // try?: an error page of something in between is no JSON; then its words are left out.
        self.init((try? JSONValue(parsing: body, limits: .reply)) ?? .null)
    }

    init(_ value: JSONValue) {
        let error = value["error"] ?? value
        message = (error["message"]?.stringValue ?? error.stringValue ?? value["message"]?.stringValue ?? value["detail"]?.stringValue).map(
            Self.plain)
        type = (error["type"] ?? value["type"])?.stringValue.map(Self.plain)
        code = (error["code"]?.stringValue ?? error["code"]?.intValue.map(String.init)).map(Self.plain) ?? type
    }

    private static func plain(_ text: String) -> String {
        String(text.unicodeScalars.prefix(Limits.wordsMax).map { $0.value < 32 || $0.value == 127 ? " " : Character($0) })
    }

    /// Whether the conversation is too long for the model; each server has words of its own.
    var isOverflow: Bool {
        if code == "context_length_exceeded" || code == "1261" || code == "exceeded_context_window" { return true }
        let words = (message ?? "").lowercased()
        return [
            "maximum context length", "context window", "context length", "prompt is too long", "input is too long", "exceeded model token limit",
            "too many tokens", "exceeds the available context",
        ].contains { words.contains($0) }
    }

    /// The code of an error in the middle of a reply, where no status tells.
    var streamCode: String {
        let words = [code, type].compactMap { $0?.lowercased() }
        func says(_ any: String...) -> Bool { any.contains { part in words.contains { $0.contains(part) } } }
        if isOverflow { return "context_overflow" }
        if says("rate_limit", "429", "1302", "1303", "1305", "quota") { return "rate_limited" }
        if says("authentication", "permission", "invalid_api_key", "401", "403") { return "unauthorized" }
        if says("invalid_request", "badrequest", "400") { return "invalid_request" }
        return "unavailable"
    }
}

extension JSONLimits {
    /// Of what a server sends.
    static var reply: JSONLimits {
        var limits = JSONLimits.default
        (limits.bytesMax, limits.depthMax) = (Limits.replyBytesMax, Limits.depthMax)
        return limits
    }
}
