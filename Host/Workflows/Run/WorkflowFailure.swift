package import JSON

/// Why a node, or a run, failed: in the contract's words, for `vars.error`, traces and whoever asks for the run.
package struct WorkflowFailure: Error, Sendable, Hashable {
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
    /// Which of the code's causes, in one word; nil where the code says it all.
    package var reason: String?
    /// One sentence, at most `WorkflowLimits.failureBytesMax` bytes.
    package var message: String
    package var details: JSONObject = [:]
    /// The node that failed; nil for the run itself.
    package var node: String?

    /// Makes a failure.
    package init(_ code: Code, reason: String? = nil, _ message: String, node: String? = nil) {
        (self.code, self.reason, self.node) = (code, reason, node)
        self.message = Self.cut(message)
    }

    private static func cut(_ text: String) -> String {
        guard text.utf8.count > WorkflowLimits.failureBytesMax else { return text }
        return String(decoding: text.utf8.prefix(WorkflowLimits.failureBytesMax - 3), as: UTF8.self) + "…"
    }

    /// The node, or the whole run, took longer than it may.
    package static func timedOut(_ what: String, milliseconds: Int) -> WorkflowFailure {
        WorkflowFailure(.server, reason: "timeout", "\(what) did not end within its \(milliseconds) ms, counted over all tries")
    }

    /// Somebody ended it, or a branch beside it failed.
    package static let cancelled = WorkflowFailure(.conflict, reason: "cancelled", "this was cancelled")

    /// Its person's account, or tenant, was switched off.
    static let barred = WorkflowFailure(.forbidden, reason: "account", "the account that began this run is switched off")

    /// Its time was over before any host had it.
    static func queued(milliseconds: Int64) -> WorkflowFailure {
        WorkflowFailure(.server, reason: "queue", "no host began this run within its \(milliseconds) ms: too many waited before it")
    }

    /// A host died while the call was under way.
    package static let outcomeUnknown = WorkflowFailure(
        .conflict, reason: "outcome_unknown",
        "the host ended while this tool was called, and nobody knows what it did; a tool that is neither read-only nor idempotent is not called again"
    )

    static func expression(_ error: ExpressionError, _ what: String) -> WorkflowFailure {
        WorkflowFailure(.validation, reason: error.code == .limit ? "limit" : "expression", "\(what) has no value: \(error)")
    }

    /// The same without details that are longer than a run keeps.
    var bounded: WorkflowFailure {
        guard JSONValue.object(details).serialized().count > WorkflowLimits.failureDetailsBytesMax else { return self }
        var failure = self
        failure.details = ["cut": true]
        return failure
    }

    /// As `vars.error` and lists show it.
    package var json: JSONValue {
        var object: JSONObject = ["code": .string(code.rawValue), "message": .string(message)]
        if let reason { object["reason"] = .string(reason) }
        if let node { object["node"] = .string(node) }
        if !details.isEmpty { object["details"] = .object(details) }
        return .object(object)
    }

    /// Reads what `json` wrote; nil for anything else.
    package init?(json: JSONValue) {
        guard let code = json["code"]?.stringValue.flatMap(Code.init(rawValue:)), let message = json["message"]?.stringValue else { return nil }
        self.init(code, reason: json["reason"]?.stringValue, message, node: json["node"]?.stringValue)
        details = json["details"]?.objectValue ?? [:]
    }
}
