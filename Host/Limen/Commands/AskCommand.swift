import Config
import Egress
import Glibc
import IO
import JSON
import Registry
import Tools
import WorkerProtocol
import Workers

/// `limen plugin ask MODEL TEXT`: one answer of an installed model, on the way that a chat takes; so that an operator sees whether host and key are right.
/// `@FILE` for the text, or for the whole input as JSON.
enum AskCommand {
    static func outer(_ arguments: Arguments) throws -> LaunchPlan {
        let model = try arguments.operand(0, "MODEL")
        let text = try arguments.operand(1, "TEXT or INPUT")
        let settings = try Settings.load(arguments)
        var reach = Reach(account: Account.current())
        let data = try reach.reachable(settings.data)
        var words = ["plugin", "ask", "--data", data, "--manifests", try reach.reachable(settings.manifests)]
        if let file = Settings.file(arguments) { words += ["--config", try reach.reachable(file)] }
        for name in ["kind", "patience"] { if let value = arguments[name] { words += ["--\(name)", value] } }
        if arguments.has("json") { words.append("--json") }
        let shown = text.hasPrefix("@") ? "@" + (try reach.reachable(String(text.dropFirst()))) : text
        return LaunchPlan(data: data, words: words + ["--", model, shown], spawnerOptions: arguments.has("accept-groups") ? ["--accept-groups"] : [])
    }

    static func run(_ arguments: Arguments) throws -> Int32 {
        let settings = try Settings.load(arguments)
        let call = try call(arguments)
        let patience = try arguments.integer("patience", in: 1...600_000)
        let shower = AnswerShower(isJSON: arguments.has("json"))
        return try Engine.run { engine in
            let door = try EgressDoor(settings.egress, engine)
            var options = ToolService.Options()
            (options.spares, options.silenceMilliseconds, options.privateNetworks) = (0, patience, door.privateNetworks)
            let station = try await Station(
                engine, data: settings.data, database: settings.databasePlace(data: settings.data), manifests: settings.manifests,
                bundleRoots: ["\(settings.data)/bundles", settings.manifests], fetcher: ProxyFetch(door.proxy), options: options)
            door.proxy.use(station.secrets)
            await station.reload()
            let outcome = await station.tools.call(call, events: shower)
            await station.stop()
            return shower.end(outcome)
        }
    }

    private static func call(_ arguments: Arguments) throws -> AdapterCall {
        let model = try arguments.operand(0, "MODEL")
        let text = try arguments.operand(1, "TEXT or INPUT")
        let name = arguments["kind"] ?? AdapterKind.modelChat.rawValue
        guard let kind = AdapterKind(rawValue: name) else {
            throw UsageError("--kind is one of \(AdapterKind.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        var input = text.hasPrefix("@") ? try File.read(String(text.dropFirst())) : Array(text.utf8)
        if kind == .modelChat, input.first != UInt8(ascii: "{") {
            let content = String(decoding: input, as: UTF8.self)
            input = (["model": .string(model), "messages": [["role": "user", "content": .string(content)]]] as JSONValue).serialized()
        }
        return AdapterCall(
            kind: kind, model: model, input: input, caller: Caller(tenant: "main", user: "cli", role: .operator, keyID: "cli"),
            requestID: "plugin-ask")
    }
}

/// Shows an answer as it comes: its text for people, or every event as a line of JSON for programs.
private struct AnswerShower: ToolEventSink {
    let isJSON: Bool

    func send(_ event: ToolEvent, until deadline: Deadline) async throws {
        let data = try JSONValue(parsing: event.json, limits: JSONLimits(bytesMax: ToolLimits.eventBytesMax))
        if isJSON { return line(["event": .string("\(event.kind)"), "data": data, "at_ms": JSONValue(Deadline.now().nanoseconds / 1_000_000)]) }
        if event.kind == .token, let text = data["text"]?.stringValue { Output.print(text) }
    }

    func end(_ outcome: ToolOutcome) -> Int32 {
        let usage = JSONValue.object(outcome.usage.json)
        switch outcome.result {
        case .success(let reply):
            // try?: these bytes were validated as JSON a moment ago.
            let output = (try? JSONValue(parsing: reply.output, limits: JSONLimits(bytesMax: reply.output.count + 1))) ?? .null
            if isJSON {
                line(["output": output, "usage": usage])
            } else {
                var shown = output.objectValue ?? [:]
                if shown["content"] != nil { shown["content"] = nil }
                Output.print("\n")
                Output.progress(JSONValue.object(shown).text)
                Output.progress("usage \(usage.text)")
            }
            return 0
        case .failure(let error):
            if isJSON {
                line([
                    "error": ["code": .string(error.code.rawValue), "message": .string(error.message), "details": .object(error.details)],
                    "usage": usage,
                ])
            } else {
                Output.complain("\(error.code.rawValue): \(error.message)\n\(JSONValue.object(error.details).text)\n")
            }
            return 1
        }
    }

    private func line(_ value: JSONValue) { Output.print(value.text + "\n") }
}
