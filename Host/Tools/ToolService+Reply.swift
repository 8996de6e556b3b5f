import IO
import JSON
import JSONSchema
import Supervisor
import WorkerProtocol
import Workers

/// From what a worker said to what a caller hears.
extension ToolService {
    /// The output, checked as the very bytes that are returned.
    static func reply(_ result: ResultPayload, _ spec: ToolSpec) -> Result<ToolReply, ToolError> {
        do {
            let limits = JSONLimits(bytesMax: max(result.output.count, 1), depthMax: ToolLimits.depthMax)
            let document = try JSONDocument(parsing: result.output, limits: limits)
            if let schema = spec.output, !schema.isValid(document) {
                var error = ToolError.schema("output", of: spec, schema.validate(document, failuresMax: ToolLimits.schemaFailuresMax))
                error.details["reason"] = "plugin_output"
                // Whoever talks to a model did nothing wrong.
                if spec.adapter != nil { error.code = .server }
                return .failure(error)
            }
            guard spec.content == .json || text(of: document, spec.content) != nil else {
                return .failure(ToolError(.validation, "the tool's output holds no text", ["where": "output", "reason": "plugin_output"]))
            }
        } catch {
            var refusal = ToolError.notJSON("output", error)
            refusal.details["reason"] = "plugin_output"
            if spec.adapter != nil { refusal.code = .server }
            return .failure(refusal)
        }
        return .success(ToolReply(output: result.output, contentType: spec.content, attachments: result.attachments, sanitizedHTML: nil))
    }

    /// The text of a text or HTML output: the output itself if it is a string, else its member `text` or `html`.
    static func text(of document: JSONDocument, _ content: ToolContent) -> String? {
        guard document.typeName(at: 0) != "string" else { return document.value().stringValue }
        return document.value()[content == .htmlUntrusted ? "html" : "text"]?.stringValue
    }

    /// A plugin's own error: its words are a stranger's, so they are bounded, plain and marked as the plugin's.
    static func pluginError(_ failure: FailurePayload, of spec: ToolSpec) -> ToolError {
        let code = failure.code.printable(bytesMax: ToolLimits.pluginCodeBytesMax)
        var details: JSONObject = ["reason": "plugin_error", "plugin_code": .string(code)]
        if !failure.details.isEmpty {
            do {
                let limits = JSONLimits(bytesMax: ToolLimits.pluginDetailsBytesMax, depthMax: ToolLimits.depthMax)
                details["plugin_details"] = try JSONValue(parsing: failure.details, limits: limits)
            } catch {
                details["plugin_details"] = .string("omitted: \(error.message)")
            }
        }
        let message = failure.message.printable(bytesMax: ToolLimits.pluginMessageBytesMax)
        if spec.adapter != nil, let wait = details["plugin_details"]?["retry_after_ms"]?.intValue {
            details["retry_after_ms"] = JSONValue(min(max(0, wait), ToolLimits.retryAfterMillisecondsMax))
        }
        return ToolError(PluginErrorCode.code(code, of: spec.adapter), message.isEmpty ? "\(spec.subject) failed" : message, details)
    }

    static func isWorthARetry(_ refusal: WorkerPool.Refusal) -> Bool { refusal == .timedOut }

    static func error(_ refusal: WorkerPool.Refusal) -> ToolError {
        switch refusal {
        case .busy: return .queueFull("every worker of this plugin is busy and its queue is full")
        case .timedOut: return .queueFull("no worker of this plugin became free in time")
        case .broken: return ToolError(.server, "the plugin is broken; an operator sees why", ["reason": "broken"])
        case .drained: return .drainedBefore
        }
    }

    static func error(_ reason: KillReason, _ subject: String = "the tool") -> ToolError {
        let text: String
        switch reason {
        case .memory: text = "\(subject) used more memory than it may"
        case .deadline: text = "\(subject) did not answer in time"
        case .violation: text = "\(subject) made a forbidden system call and was stopped"
        case .protocolFault(.outputTooLong):
            return ToolError(.server, "\(subject)'s output is longer than it may be", ["reason": "output_limit"])
        case .protocolFault(.eventFlood):
            return ToolError(
                .server, "\(subject) reported more than one call may",
                [
                    "reason": "event_limit", "events_max": .number(JSONNumber(SupervisorLimits.eventsPerCallMax)),
                    "bytes_max": .number(JSONNumber(SupervisorLimits.eventBytesPerCallMax)),
                ])
        case .protocolFault: text = "\(subject) broke the protocol and was stopped"
        case .crash, .exited: text = "\(subject) crashed"
        case .load, .jail: text = "\(subject) could not be started"
        case .cancelled, .idle, .evicted, .retired, .drained:
            return ToolError(.server, "\(subject) was stopped", ["reason": "draining", "retry_after_ms": 1_000])
        }
        return ToolError(.server, text, ["reason": .string(reason.name)])
    }

    // MARK: HTML

    /// The HTML in `output` after the sanitiser, which is a plugin in its own jail.
    func sanitized(_ output: [UInt8], _ call: ToolCall, _ deadline: Deadline) async -> Result<String, ToolError> {
        let html: String
        do {
            let limits = JSONLimits(bytesMax: max(output.count, 1), depthMax: ToolLimits.depthMax)
            guard let text = Self.text(of: try JSONDocument(parsing: output, limits: limits), .htmlUntrusted) else {
                return .failure(ToolError(.validation, "the tool's output holds no HTML", ["where": "output", "reason": "plugin_output"]))
            }
            html = text
        } catch {
            return .failure(.notJSON("output", error))
        }
        let input = JSONValue.object(["html": .string(html)]).serialized()
        let request = ToolCall(
            tool: options.sanitizer, input: input, caller: call.caller, requestID: call.requestID,
            timeoutMilliseconds: max(1, deadline.remainingMilliseconds))
        guard entry(options.sanitizer) != nil else {
            return .failure(ToolError(.server, "untrusted HTML cannot be shown: the sanitiser is not installed", ["reason": "no_sanitizer"]))
        }
        let outcome = await self.call(request)
        switch outcome.result {
        case .failure(let error): return .failure(error)
        case .success(let reply):
            do {
                let value = try JSONValue(parsing: reply.output, limits: JSONLimits(bytesMax: reply.output.count + 1))
                if let html = value["html"]?.stringValue ?? value.stringValue { return .success(html) }
            } catch {
                return .failure(.notJSON("sanitised output", error))
            }
            return .failure(ToolError(.server, "the sanitiser gave no HTML", ["reason": "no_sanitizer"]))
        }
    }
}
