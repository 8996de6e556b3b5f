import Identity
import IO
import JSON
package import Registry
import Supervisor
package import Tools
import WorkerProtocol

/// The registry's tools, called through the one call path.
package struct LiveTools: ToolCatalogue {
    private let registry: Registry
    private let service: ToolService

    /// Joins catalogue and call path.
    package init(registry: Registry, service: ToolService) {
        self.registry = registry
        self.service = service
    }

    package func tools() -> [CatalogueTool] {
        let snapshot = registry.snapshot()
        let all = snapshot.plugins.values.map(shown).flatMap { record in record.tools.map { entry($0, of: record) } }
        return all.sorted { $0.id < $1.id }
    }

    /// The version whose tools can be called: where the new one does not load, the one that still serves.
    private func shown(_ record: PluginRecord) -> PluginRecord {
        record.state == .broken ? service.servingInstead(of: record) ?? record : record
    }

    package func tool(_ id: String) -> CatalogueTool? {
        let snapshot = registry.snapshot()
        guard let plugin = id.split(separator: ".").first, let record = snapshot.plugins[String(plugin)].map(shown),
            let tool = record.tools.first(where: { $0.id == id })
        else { return nil }
        return entry(tool, of: record)
    }

    package func candidates(_ idOrName: String) -> [(id: String, contentType: String)] {
        let snapshot = registry.snapshot()
        if let tool = snapshot.tool(idOrName) { return [(tool.id, tool.contentType.rawValue)] }
        return snapshot.candidates(idOrName).map { ($0, "") }
    }

    private func entry(_ tool: ToolDescriptor, of record: PluginRecord) -> CatalogueTool {
        let state = record.state == .broken ? "broken" : record.state.isCallable ? "ready" : "disabled"
        let description: JSONObject = [
            "id": .string(tool.id), "name": .string(tool.name), "title": .string(tool.title), "description": .string(tool.description),
            "plugin": .string(tool.plugin), "version": .string(tool.version), "input_schema": tool.inputSchema,
            "output_schema": tool.outputSchema ?? .null, "annotations": .object(tool.annotations.json),
            "content_type": .string(tool.contentType.rawValue), "privileged": .bool(tool.privileged),
            "timeout_ms": JSONValue(service.timeoutMilliseconds(of: tool)), "retries": JSONValue(tool.retries),
            "examples": .array(tool.examples.map { .object($0.json) }),
        ]
        return CatalogueTool(
            id: tool.id, name: tool.name, description: description, contentType: tool.contentType.rawValue, privileged: tool.privileged,
            state: state, breaker: service.entry(tool.id)?.breakerPhase.rawValue ?? "closed")
    }

    package func call(_ invocation: ToolInvocation, events: (any EventSink)?) async throws(APIError) -> ToolAnswer {
        if service.entry(invocation.toolID) == nil, registry.snapshot().tool(invocation.toolID) != nil {
            throw APIError(.conflict, "The operator has disabled this tool's plugin.", details: ["reason": "disabled"])
        }
        let call = ToolCall(
            tool: invocation.toolID, input: invocation.input.serialized(), caller: Caller(invocation.principal),
            requestID: invocation.identity.requestID, traceparent: invocation.identity.traceparent, wantsHTML: invocation.wantsHTML)
        let outcome: ToolOutcome
        if let events {
            outcome = await service.call(call, events: EventRelay(sink: events))
        } else {
            outcome = await service.call(call)
        }
        switch outcome.result {
        case .success(let reply):
            return ToolAnswer(reply: Self.bytes(reply, outcome.usage), html: reply.sanitizedHTML.map { Array($0.utf8) })
        case .failure(let error):
            var failure = APIError(error, usage: outcome.usage)
            failure.mayHaveActed = outcome.usage.begun > 0 && service.entry(invocation.toolID)?.spec.isIdempotent != true
            throw failure
        }
    }

    /// The contract's tool call reply around the very bytes that were validated.
    static func bytes(_ reply: ToolReply, _ usage: CallUsage) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(reply.output.count + 512)
        bytes.append(contentsOf: #"{"output":"#.utf8)
        bytes.append(contentsOf: reply.output)
        bytes.append(contentsOf: #","content_type":""#.utf8)
        bytes.append(contentsOf: reply.contentType.rawValue.utf8)
        bytes.append(contentsOf: #"","attachments":"#.utf8)
        bytes.append(contentsOf: reply.attachments.isEmpty ? Array("[]".utf8) : JSONValue.array(reply.attachments.map(json)).serialized())
        bytes.append(contentsOf: #","usage":"#.utf8)
        bytes.append(contentsOf: JSONValue.object(usage.json).serialized())
        bytes.append(UInt8(ascii: "}"))
        return bytes
    }

    private static func json(_ attachment: Attachment) -> JSONValue {
        [
            "name": .string(attachment.name), "content_type": .string(attachment.contentType), "size": JSONValue(attachment.data.count),
            "data_base64": .string(Base64.encode(attachment.data)),
        ]
    }
}

/// Passes a plugin's events on to the stream.
private struct EventRelay: ToolEventSink {
    let sink: any EventSink

    func send(_ event: ToolEvent, until deadline: Deadline) async throws {
        let data = try JSONValue(parsing: event.json, limits: JSONLimits(bytesMax: ToolLimits.eventBytesMax))
        switch event.kind {
        case .progress: try await sink.send("progress", data, until: deadline)
        case .token: try await sink.send("token", data, until: deadline)
        case .partial: try await sink.send("partial", data, until: deadline)
        }
    }
}

extension Caller {
    init(_ principal: Principal) {
        let role: CallerRole =
            switch principal.role {
            case .operatorOfHost: .operator
            case .admin: .admin
            case .user, nil: .user
            }
        self.init(tenant: principal.tenant, user: principal.id, role: role, keyID: principal.session ?? principal.id)
    }
}

extension APIError {
    /// The call path's error in the routes' words; a refusal that time mends says when to come back.
    init(_ error: ToolError, usage: CallUsage) {
        var details = error.details
        if details["usage"] == nil { details["usage"] = .object(usage.json) }
        var headers: [(name: String, value: String)] = []
        if let milliseconds = error.details["retry_after_ms"]?.intValue {
            headers.append(("Retry-After", String(max(1, (milliseconds + 999) / 1000))))
        }
        self.init(ErrorCode(rawValue: error.code.rawValue) ?? .serverError, status: error.status, error.message, details: details, headers: headers)
    }
}

/// RFC 4648, section 4: for attachments in JSON.
enum Base64 {
    static func encode(_ bytes: [UInt8]) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var output: [UInt8] = []
        output.reserveCapacity((bytes.count + 2) / 3 * 4)
        var index = 0
        while index < bytes.count {
            let count = min(3, bytes.count - index)
            let a = bytes[index]
            let b = count > 1 ? bytes[index + 1] : 0
            let c = count > 2 ? bytes[index + 2] : 0
            output.append(alphabet[Int(a >> 2)])
            output.append(alphabet[Int((a & 3) << 4 | b >> 4)])
            output.append(count > 1 ? alphabet[Int((b & 15) << 2 | c >> 6)] : UInt8(ascii: "="))
            output.append(count > 2 ? alphabet[Int(c & 63)] : UInt8(ascii: "="))
            index += 3
        }
        return String(decoding: output, as: UTF8.self)
    }
}
