import JSON

extension Routes {
    private static let idParameter = Parameter("id", Schemas.toolID, "The tool's id, such as `text.statistics`.")

    /// List, read and call tools.
    static func toolRoutes(_ tools: any ToolCatalogue) -> [Route] {
        [
            .get(
                "/v1/tools", "listTools", tag: "tools", "Every tool, its schemas, state and breaker.", access: .user, query: Schemas.pageParameters,
                data: Schemas.list(of: Schemas.tool)
            ) { context throws(APIError) in
                try .page(tools.tools(), context, key: { $0.id }, item: { $0.json })
            },
            .get(
                "/v1/tools/{id}", "getTool", tag: "tools", "One tool.", access: .user, parameters: [idParameter], data: Schemas.tool
            ) { context throws(APIError) in
                guard let tool = tools.tool(context.parameter("id")) else { throw .missing("tool") }
                return .data(tool.json)
            },
            .post(
                "/v1/tools/{id}/invoke", "invokeTool", tag: "tools",
                "Calls a tool. Send `Accept: text/event-stream` for progress and partial results as they come, `text/html` for sanitised HTML.",
                access: .user, limitClass: .tools, parameters: [idParameter], body: Schemas.toolCall,
                data: Schemas.toolReply, produces: [.json, .events, .html]
            ) { context throws(APIError) in
                try await invoke(context.parameter("id"), byName: false, tools, context)
            },
            .post(
                "/v1/tools/run", "runTool", tag: "tools", "Calls a tool named by id or, where that is unique, by name.", access: .user,
                limitClass: .tools,
                body: Schemas.toolRun, data: Schemas.toolReply, produces: [.json, .events, .html]
            ) { context throws(APIError) in
                try await invoke(context.body["tool_id"]?.stringValue ?? "", byName: true, tools, context)
            },
        ]
    }

    private static func resolve(_ id: String, byName: Bool, _ tools: any ToolCatalogue) throws(APIError) -> (id: String, contentType: String) {
        let found = tools.candidates(id).filter { byName || $0.id == id }
        guard let tool = found.first else { throw .missing("tool") }
        guard found.count == 1 else {
            throw APIError(.conflict, "More than one tool has that name; use an id.", details: ["ids": .array(found.map { .string($0.id) })])
        }
        return tool
    }

    private static func invoke(
        _ id: String, byName: Bool, _ tools: any ToolCatalogue, _ context: RequestContext
    ) async throws(APIError) -> Reply {
        let tool = try resolve(id, byName: byName, tools)
        if context.accepts == .html, tool.contentType != "html_untrusted" {
            throw APIError(.validationError, status: 406, "This tool makes no HTML; it can be sent as application/json, text/event-stream.")
        }
        let invocation = ToolInvocation(
            toolID: tool.id, input: context.body["input"] ?? .null, identity: context.identity, principal: context.principal,
            conversationID: context.body["conversation_id"]?.stringValue, wantsHTML: context.accepts == .html)
        guard context.accepts != .events else { return .events { sink in try await stream(invocation, tools, sink) } }
        let answer = try await tools.call(invocation, events: nil)
        if context.accepts == .html {
            guard let html = answer.html else { throw .unexpected }
            return .raw(contentType: "text/html; charset=utf-8", bytes: html)
        }
        return .dataBytes(answer.reply)
    }

    /// Runs the call and sends its `result`.
    /// - Throws: What the dispatcher ends the stream with as `error`.
    private static func stream(_ invocation: ToolInvocation, _ tools: any ToolCatalogue, _ sink: any EventSink) async throws {
        let answer = try await tools.call(invocation, events: sink)
        let result: JSONValue
        do {
            result = try JSONValue(parsing: answer.reply, limits: JSONLimits(bytesMax: Limits.replyBytesMax))
        } catch {
            throw APIError(.serverError, "The reply could not be sent.", details: ["reason": .string(error.code.rawValue)])
        }
        try await sink.send("result", result)
    }
}
