import JSON
package import LimenPlugin

/// The tool calls of an answer, put together from pieces that are split anywhere.
package struct ToolCallParts: Sendable {
    private struct Part {
        var key: Int
        var id = ""
        var name = ""
        var arguments = ""
    }

    private var parts: [Part] = []
    /// Bytes of all arguments.
    package private(set) var bytes = 0

    package init() {}

    package var isEmpty: Bool { parts.isEmpty }
    /// Whether there are more than an answer may have.
    package var isTooMuch: Bool { parts.count > Limits.toolCallsMax || bytes > Limits.answerBytesMax }

    /// Adds a piece of the call that the server numbers so; a server that numbers none begins another with each new id.
    package mutating func add(key: Int?, id: String?, name: String?, arguments: String?) {
        let at = place(key, id)
        if let id, !id.isEmpty { parts[at].id = id }
        if let name, parts[at].name.isEmpty { parts[at].name = name }
        if let arguments {
            parts[at].arguments += arguments
            bytes += arguments.utf8.count
        }
    }

    private mutating func place(_ key: Int?, _ id: String?) -> Int {
        if let key {
            // A number that comes again with another id is another call: there are servers that number each with 0.
            if let at = parts.lastIndex(where: { $0.key == key }), id == nil || id == "" || parts[at].id.isEmpty || parts[at].id == id { return at }
            parts.append(Part(key: key))
        } else if let last = parts.last, id == nil || id == "" || last.id == id {
            return parts.count - 1
        } else {
            parts.append(Part(key: -1 - parts.count))
        }
        return parts.count - 1
    }

    /// The calls with their tools' own names.
    ///
    /// - Parameter isCut: the answer is as long as it may be; a last call that is not complete is left out.
    /// - Throws: a sentence about what makes no sense.
    package func calls(_ names: ModelToolNames, isCut: Bool) throws(Senseless) -> [ModelToolCall] {
        var calls: [ModelToolCall] = []
        for (number, part) in parts.enumerated() {
            guard let arguments = Self.object(part.arguments), !part.name.isEmpty else {
                if isCut, number == parts.count - 1 { break }
                throw Senseless(
                    what: part.name.isEmpty ? "a tool call without a name" : "arguments of \(names.original(part.name)) that are no JSON object")
            }
            let id = part.id.isEmpty ? "call_\(number)" : part.id
            calls.append(ModelToolCall(id: id, name: names.original(part.name), arguments: arguments))
        }
        return calls
    }

    /// Why calls cannot be passed on.
    package struct Senseless: Error { package let what: String }

    private static func object(_ text: String) -> JSONValue? {
        if text.allSatisfy(\.isWhitespace) { return .object([:]) }
        // try?: whoever asks says what is wrong, and whose arguments they are.
        guard let value = try? JSONValue(parsing: Array(text.utf8), limits: .reply), case .object = value else { return nil }
        return value
    }
}
