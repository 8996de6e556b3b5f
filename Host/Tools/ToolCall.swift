package import IO
package import JSON
package import Supervisor
package import WorkerProtocol

/// A request to call a tool.
package struct ToolCall: Sendable {
    /// Id (`plugin.tool`) or a name that only one plugin uses.
    package var tool: String
    /// JSON, as it came.
    package var input: [UInt8]
    package var caller: Caller
    /// For logs, audit and the plugin's outward requests.
    package var requestID: String
    /// W3C trace context that the plugin goes on with, or empty.
    package var traceparent: String
    /// A shorter time than the tool's own, or nil.
    package var timeoutMilliseconds: Int?
    /// Further tries, instead of as many as the tool's manifest says; nil for those. Which failures are tried again is the same.
    package var retriesMax: Int?
    /// Whether HTML that is not trusted should come sanitised beside the output.
    package var wantsHTML: Bool
    package var attachments: [Attachment]
    /// Records what the call sees of the outside, or answers as it was recorded.
    package var tape: CallTape?
    /// The version whose annotations were looked at before the call was made; another one does not serve it. Nil for whichever serves.
    package var version: String?
    /// `plugin/model` of an adapter's call; nil for a tool's.
    var model: String?

    package init(
        tool: String, input: [UInt8], caller: Caller, requestID: String, traceparent: String = "", timeoutMilliseconds: Int? = nil,
        wantsHTML: Bool = false,
        attachments: [Attachment] = [], tape: CallTape? = nil
    ) {
        self.tape = tape
        self.tool = tool
        self.input = input
        self.caller = caller
        self.requestID = requestID
        self.traceparent = traceparent
        self.timeoutMilliseconds = timeoutMilliseconds
        self.wantsHTML = wantsHTML
        self.attachments = attachments
    }
}

/// What a call that worked returns.
package struct ToolReply: Sendable {
    /// JSON that is valid against the tool's output schema: the very bytes that were checked.
    package var output: [UInt8]
    package var contentType: ToolContent
    package var attachments: [Attachment]
    /// For `html_untrusted` output, when asked for: the HTML after the sanitiser.
    package var sanitizedHTML: String?

    package init(output: [UInt8], contentType: ToolContent, attachments: [Attachment] = [], sanitizedHTML: String? = nil) {
        (self.output, self.contentType, self.attachments, self.sanitizedHTML) = (output, contentType, attachments, sanitizedHTML)
    }
}

/// What an output is; the raw values are the manifest's.
package enum ToolContent: String, Sendable, Hashable {
    case json, text
    /// HTML by a stranger in a JSON string; never to be shown unsanitised.
    case htmlUntrusted = "html_untrusted"
}

/// How a call ended and what it cost.
package struct ToolOutcome: Sendable {
    package var result: Result<ToolReply, ToolError>
    package var usage: CallUsage
    /// The tool's id and the plugin's version, when there was such a tool.
    package var tool: String?
    package var version: String?

    package init(result: Result<ToolReply, ToolError>, usage: CallUsage, tool: String?, version: String?) {
        (self.result, self.usage, self.tool, self.version) = (result, usage, tool, version)
    }

    /// `ok` or the error's code, for metrics and audit.
    package var name: String {
        switch result {
        case .success: "ok"
        case .failure(let error): error.details["reason"]?.stringValue == "cancelled" ? "cancelled" : error.code.rawValue
        }
    }
}

/// Something that a plugin reported before the end.
package struct ToolEvent: Sendable, Hashable {
    package var kind: EventKind
    /// JSON, checked.
    package var json: [UInt8]
}

/// Where events go.
package protocol ToolEventSink: Sendable {
    /// Takes an event; the plugin waits until it has. Throws when the caller is gone, which cancels the call, or has not taken it by `deadline`.
    func send(_ event: ToolEvent, until deadline: Deadline) async throws
}

/// Drops events.
package struct NoEvents: ToolEventSink {
    package init() {}
    package func send(_ event: ToolEvent, until deadline: Deadline) async throws {}
}

extension CallUsage {
    /// The `usage` object of SPEC 12.
    package var json: JSONObject {
        [
            "wall_ms": Self.milliseconds(wallNanoseconds), "cpu_ms": Self.milliseconds(cpuNanoseconds),
            "peak_memory_bytes": .number(JSONNumber(peakMemoryBytes)), "input_bytes": .number(JSONNumber(inputBytes)),
            "output_bytes": .number(JSONNumber(outputBytes)), "egress_requests": .number(JSONNumber(egressRequests)),
            "egress_bytes": .number(JSONNumber(egressBytes)), "retries": .number(JSONNumber(retries)),
            "worker_start_ms": Self.milliseconds(workerStartNanoseconds),
        ]
    }

    /// Milliseconds to the microsecond, without a detour over binary fractions.
    private static func milliseconds(_ nanoseconds: UInt64) -> JSONValue {
        let micros = nanoseconds / 1_000
        let (whole, part) = (micros / 1_000, micros % 1_000)
        if part == 0 { return .number(JSONNumber(whole)) }
        let digits = String(part)
        let text = "\(whole)." + String(repeating: "0", count: 3 - digits.utf8.count) + digits
        return .number(JSONNumber(literal: text) ?? JSONNumber(whole))
    }
}
