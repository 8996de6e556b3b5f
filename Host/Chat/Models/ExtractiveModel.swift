import IO
import JSON

/// The built-in model: answers from passages, from what was said before and from tools' results, cites what it took, and says when it does not know.
///
/// It makes nothing up, because it makes no text: sentences are ranked by how much of the question's rarer words they have (BM25's weighting of
/// Robertson and Spärck Jones, with sentences as documents) and given as they stand. A tool is called when the message names it:
/// `/calc.evaluate {"expression": "2+2"}`, or the text itself for a tool with one text to give.
package struct ExtractiveModel: ChatModel {
    package static let name = "extractive"

    package init() {}

    package var name: String { Self.name }
    package var windowTokens: Int { 16_384 }
    package var isWindowCertain: Bool { true }

    package func answer(_ request: ModelRequest, for call: ModelCall, tokens: any TokenSink) async throws(ModelFailure) -> ModelReply {
        var reply = ModelReply(content: "", model: name)
        reply.tokensIn = counter.count(request.messages)
        if let asked = ToolCommand(request) {
            switch asked.call {
            case .success(let toolCall):
                reply.toolCalls = [toolCall]
                reply.finish = .toolCalls
                reply.tokensOut = 0
                return reply
            case .failure(let complaint): reply.content = complaint.text
            }
        } else if request.messages.last?.role == .tool {
            reply.content = Self.report(of: request.messages)
        } else {
            let found = Extract(question: request.messages.last?.content ?? "", passages: request.passages + Self.passages(of: request.messages))
            (reply.content, reply.citations) = (found.text, found.citations)
            if found.citations.isEmpty {
                reply.content = Self.isQuestion(request.messages.last?.content ?? "") ? Self.ignorance(request.tools) : Self.noted
            }
        }
        reply.tokensOut = TokenEstimate.count(reply.content)
        if let allowed = TokenEstimate.prefix(of: reply.content, tokens: request.tokensMax) {
            (reply.content, reply.finish, reply.tokensOut) = (allowed, .length, request.tokensMax)
        }
        try await send(reply.content, tokens)
        return reply
    }

    /// A line a piece: what a reader can use by itself.
    private func send(_ text: String, _ tokens: any TokenSink) async throws(ModelFailure) {
        var rest = text[...]
        while !rest.isEmpty {
            let end = rest.firstIndex(where: \.isNewline).map { rest.index(after: $0) } ?? rest.endIndex
            do {
                try await tokens.take(String(rest[..<end]))
            } catch {
                throw ModelFailure(.cancelled, "whoever asked is gone")
            }
            rest = rest[end...]
        }
    }

    /// What people and tools said before the question; answers are left out, else it would cite itself.
    private static func passages(of messages: [ModelMessage]) -> [Passage] {
        messages.dropLast().filter { $0.role == .user || $0.role == .system && $0.source != nil }.map { message in
            Passage(source: message.source ?? "conversation", title: "an earlier message", text: message.content)
        }
    }

    /// What a statement is answered with: it is kept, and answers questions from now on.
    private static let noted = "Noted. Ask me about it, and I answer from what was said here."

    /// Whether a text asks for something: by its end, or by its first word.
    static func isQuestion(_ text: String) -> Bool {
        if text.trimming(while: { $0.isWhitespace }).last.map({ "?？".contains($0) }) == true { return true }
        let first = Extract.words(text).first ?? ""
        return [
            "who", "what", "when", "where", "which", "why", "how", "is", "are", "was", "were", "do", "does", "did", "can", "could", "will", "would",
            "tell", "explain", "show", "find", "list", "name", "describe", "summarize", "summarise",
        ].contains(first)
    }

    private static func ignorance(_ tools: [ModelTool]) -> String {
        let head = "I do not know: nothing that I was given answers that."
        guard let tool = tools.first else { return head }
        return head + " I answer from this conversation, from documents, and from tools that a message begins with, such as /\(tool.name)."
    }

    /// The results of the tools that were just called, each under its name.
    private static func report(of messages: [ModelMessage]) -> String {
        let names = Dictionary(messages.flatMap(\.toolCalls).map { ($0.id, $0.name) }, uniquingKeysWith: { _, last in last })
        let results = messages.reversed().prefix { $0.role == .tool }.reversed()
        return results.map { message in
            let name = message.toolCallID.flatMap { names[$0] } ?? "the tool"
            return "\(name): \(plain(Fence.content(of: message.content)))"
        }.joined(separator: "\n")
    }

    /// A JSON value as a person reads it: the one value of an object with one member, texts without quotes.
    static func plain(_ text: String) -> String {
        let value: JSONValue
        do {
            value = try JSONValue(parsing: text)
        } catch {
            // Not JSON: text, as it is.
            return text
        }
        if let only = value.objectValue, only.count == 1, let inner = only.values.first { return inner.stringValue ?? inner.text }
        return value.stringValue ?? value.text
    }
}

/// A message that begins with a tool's name, as a call of it.
struct ToolCommand {
    /// Why it is none, for the person.
    struct Complaint: Error {
        let text: String
    }

    let call: Result<ModelToolCall, Complaint>

    /// Nil when the last message is no command.
    init?(_ request: ModelRequest) {
        guard let last = request.messages.last, last.role == .user, last.content.hasPrefix("/") else { return nil }
        let parts = last.content.dropFirst().split(maxSplits: 1, whereSeparator: \.isWhitespace)
        guard let name = parts.first, name.contains(where: { $0.isLetter }) else { return nil }
        let text = parts.count > 1 ? String(parts[1]) : ""
        let candidates = request.tools.filter { $0.name == name || $0.name.split(separator: ".").last ?? "" == name }
        guard let tool = candidates.first, candidates.count == 1 else {
            let known = (candidates.isEmpty ? request.tools : candidates).prefix(12).map { "/" + $0.name }.joined(separator: ", ")
            let what = candidates.isEmpty ? "There is no tool /\(name) here." : "More than one tool is called /\(name)."
            call = .failure(Complaint(text: known.isEmpty ? what : "\(what) There are: \(known)."))
            return
        }
        guard let arguments = Self.arguments(text, of: tool.inputSchema) else {
            call = .failure(Complaint(text: "/\(tool.name) takes a JSON object behind its name, of this schema: \(tool.inputSchema.text)"))
            return
        }
        call = .success(ModelToolCall(id: "call_1", name: tool.name, arguments: arguments))
    }

    /// A JSON object as it stands; else all of the text as the one text that the tool needs.
    static func arguments(_ text: String, of schema: JSONValue) -> JSONValue? {
        let trimmed = text.trimming(while: \.isWhitespace)
        if trimmed.hasPrefix("{") {
            do {
                return try JSONValue(parsing: String(trimmed))
            } catch {
                // A brace that begins no JSON may begin a text.
                return single(schema).map { .object([$0: .string(String(trimmed))]) }
            }
        }
        if trimmed.isEmpty { return (schema["required"]?.arrayValue ?? []).isEmpty ? [:] : nil }
        return single(schema).map { .object([$0: .string(String(trimmed))]) }
    }

    /// The only required member, if it is a text.
    private static func single(_ schema: JSONValue) -> String? {
        guard let required = schema["required"]?.arrayValue, required.count == 1, let name = required[0].stringValue,
            schema["properties"]?[name]?["type"]?.stringValue == "string"
        else { return nil }
        return name
    }
}

extension String {
    /// Without what the condition holds for, at both ends.
    func trimming(while condition: (Character) -> Bool) -> Substring {
        var rest = drop(while: condition)
        while let last = rest.last, condition(last) { rest.removeLast() }
        return rest
    }
}
