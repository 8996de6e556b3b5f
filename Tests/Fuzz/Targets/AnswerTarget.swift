internal import JSON
internal import LimenPlugin
internal import ModelWire

/// What an adapter passes on, and how it ends.
struct Answer: Equatable {
    var tokens = ""
    var reply: ModelChatReply?
    var failure: String?
}

/// Any bytes as a streamed answer of a provider: where they are cut changes nothing, and the answer's text is what was passed on.
func readAnswer(_ bytes: [UInt8], _ step: Int) -> Answer {
    var parser = EventStreamParser()
    var reader = ChatCompletionReader(model: "m", names: ModelToolNames(["calc.evaluate"]), errors: ProviderError(server: "s"))
    var answer = Answer()
    var start = 0
    do {
        reading: while start < bytes.count {
            let end = min(bytes.count, start + step)
            for event in parser.feed(Array(bytes[start..<end])) {
                for case .token(let text) in try reader.take(event) { answer.tokens += text }
                if reader.isDone { break reading }
            }
            start = end
        }
        if reader.isDone || reader.mayEnd { answer.reply = try reader.answer() }
    } catch {
        answer.failure = "\(error)"
    }
    if let reply = answer.reply {
        precondition(reply.content == answer.tokens, "the answer is another than what was passed on")
        precondition(reply.toolCalls.allSatisfy { $0.arguments.objectValue != nil && !$0.name.isEmpty }, "a call that breaks the contract")
        precondition((reply.usage.tokensIn ?? 0) >= 0 && (reply.usage.tokensOut ?? 0) >= 0, "a count below nothing")
    }
    return answer
}
