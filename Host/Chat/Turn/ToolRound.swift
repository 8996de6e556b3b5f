import IO
import JSON
import Supervisor
import Tools

/// The tools that one round of a turn asked for: called together, each through the one call path, a destructive one only with its person's consent.
struct ToolRound: Sendable {
    let origin: TurnOrigin
    let place: TurnPlace
    let toolbox: any ChatToolbox
    let approvals: ApprovalDesk
    let draft: TurnDraft
    let sink: any TurnSink
    let mark: String
    let deadline: Deadline
    let offered: [String: ChatTool]
    /// Further tries of a call, where it is not for its tool's manifest to say.
    var retriesMax: Int?

    /// Calls all of them, some at once; answers in the order of the calls.
    func run(_ calls: [ModelToolCall]) async throws -> [ModelMessage] {
        var answers: [Int: ModelMessage] = [:]
        try await withThrowingTaskGroup(of: (Int, ModelMessage).self) { group in
            var next = 0
            func begin() {
                let (index, call) = (next, calls[next])
                next += 1
                group.addTask { (index, try await one(call, number: index)) }
            }
            while next < min(calls.count, ChatLimits.callsAtOnceMax) { begin() }
            while let (index, answer) = try await group.next() {
                answers[index] = answer
                if next < calls.count { begin() }
            }
        }
        return calls.indices.compactMap { answers[$0] }
    }

    private func one(_ call: ModelToolCall, number: Int) async throws -> ModelMessage {
        let text =
            switch try await carryOut(call).result {
            case .success(let output): output.text
            case .failure(let error): Self.text(of: error)
            }
        return ModelMessage(.tool, Fence.wrap(text, from: call.name, mark: mark), toolCallID: call.id)
    }

    /// One call, asked for where it must be, with its place in the message and the trace.
    func carryOut(_ call: ModelToolCall) async throws -> Outcome {
        let began = Deadline.now()
        let outcome = try await decide(call)
        var record: JSONObject = [
            "type": "tool_call", "id": .string(String(call.id.prefix(255))), "tool": .string(String(call.name.prefix(255))),
            "arguments": Self.shown(call.arguments.serialized(), call.arguments).value,
        ]
        if let version = outcome.version { record["version"] = .string(version) }
        if let approval = outcome.approval { record["approval_id"] = .string(approval) }
        record["outcome"] = .string(outcome.name)
        record["wall_ms"] = JSONValue(Double((Deadline.now().nanoseconds - began.nanoseconds) / 1000) / 1000)
        switch outcome.result {
        case .success(let output): record["output"] = output.shown
        case .failure(let error): record["error"] = ["code": .string(error.code.rawValue), "message": .string(error.message)]
        }
        draft.change { state in
            state.usage.toolCalls += 1
            state.calls.append(.object(record))
        }
        draft.note(["kind": "tool", "tool": .string(call.name), "outcome": .string(outcome.name), "wall_ms": record["wall_ms"] ?? 0])
        try await sink.send(.trace(kind: "tool", entry: .object(record)))
        return outcome
    }

    /// A failure as a model is told it: with the places that a schema names, so that it can call again and be right.
    private static func text(of error: ToolError) -> String {
        let places = (error.details["errors"]?.arrayValue ?? []).prefix(ChatLimits.toolFaultsMax).map { fault -> String in
            let place = fault["instance_path"]?.stringValue ?? ""
            return "\n\(place.isEmpty ? "the whole" : place): \(fault["message"]?.stringValue ?? "")"
        }
        return "The tool failed: \(error.message)" + places.joined()
    }

    struct Output: Sendable {
        let text: String
        let shown: JSONValue
    }

    struct Outcome: Sendable {
        var result: Result<Output, ToolError>
        var name: String
        var version: String?
        var approval: String?
        var tries = 1
    }

    /// Asks where somebody must be asked, then calls.
    private func decide(_ call: ModelToolCall) async throws -> Outcome {
        guard let tool = offered[call.name] else {
            return Outcome(result: .failure(ToolError(.notFound, "this turn has no tool of that name")), name: ToolError.Code.notFound.rawValue)
        }
        guard tool.isDestructive else { return await self.call(call, tool) }
        let question = try await approvals.ask(call, tool, origin, place)
        try await sink.send(.trace(kind: "approval", entry: question.json))
        let decision = try await approvals.decision(on: question, of: origin.speaker, until: deadline)
        draft.note(["kind": "approval", "tool": .string(call.name), "outcome": .string(decision.rawValue)])
        try await sink.send(.trace(kind: "approval", entry: question.json(decision)))
        guard decision == .approved else {
            let why = decision == .denied ? "the person refused this call" : "nobody approved this call in time"
            return Outcome(
                result: .failure(ToolError(.forbidden, why, ["reason": "approval"])), name: decision.rawValue, version: tool.version,
                approval: question.id)
        }
        // What was approved is what runs: these arguments, this version, once.
        guard try await approvals.use(question, call, tool, of: origin.speaker) else {
            return Outcome(
                result: .failure(ToolError(.forbidden, "what was approved is not what would run", ["reason": "approval"])), name: "denied",
                version: tool.version, approval: question.id)
        }
        var outcome = await self.call(call, tool)
        outcome.approval = question.id
        return outcome
    }

    private func call(_ call: ModelToolCall, _ tool: ChatTool) async -> Outcome {
        let left = Int(max(1, (deadline.nanoseconds &- Deadline.now().nanoseconds) / 1_000_000))
        var wanted = ToolCall(
            tool: tool.id, input: call.arguments.serialized(), caller: origin.caller, requestID: origin.requestID, traceparent: origin.traceparent,
            timeoutMilliseconds: deadline.hasPassed ? 1 : left)
        wanted.retriesMax = retriesMax
        wanted.version = tool.version
        let outcome = await toolbox.call(wanted)
        let tries = outcome.usage.retries + 1
        switch outcome.result {
        case .success(let reply):
            return Outcome(result: .success(Self.output(reply)), name: outcome.name, version: outcome.version, tries: tries)
        case .failure(let error):
            return Outcome(result: .failure(error), name: outcome.name, version: outcome.version ?? tool.version, tries: tries)
        }
    }

    /// A tool's output as a model and a record have it: no longer than the bound, and a page by a stranger never as markup.
    private static func output(_ reply: ToolReply) -> Output {
        let value: JSONValue?
        do {
            value = try JSONValue(parsing: reply.output)
        } catch {
            // The call path has checked it against its schema; what cannot be read again is shown as text.
            value = nil
        }
        let found = shown(reply.output, value)
        return Output(text: found.text, shown: found.value)
    }

    /// JSON as far as a record and a model have it.
    private static func shown(_ bytes: [UInt8], _ value: JSONValue?) -> (text: String, value: JSONValue) {
        guard bytes.count > ChatLimits.toolResultBytesMax else {
            let text = String(decoding: bytes, as: UTF8.self)
            return (text, value ?? .string(text))
        }
        let text = String(decoding: bytes.prefix(ChatLimits.toolResultBytesMax), as: UTF8.self) + "\n[cut: \(bytes.count) bytes in all]"
        return (text, ["cut": true, "bytes": JSONValue(bytes.count), "text": .string(text)])
    }
}
