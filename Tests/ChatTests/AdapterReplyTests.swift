import JSON
import Testing

@testable import Chat

@Suite("What adapters say")
struct AdapterReplyTests {
    @Test("numbers and names by a stranger are bounded: they add up without a trap, and fit what is stored")
    func bounded() {
        func reply(_ model: String, _ tokens: JSONValue) -> ModelReply {
            let output: JSONValue = ["content": "", "tool_calls": [], "model": .string(model), "usage": ["tokens_in": tokens, "tokens_out": tokens]]
            return AdapterModel.reply(output, "openai/gpt")
        }
        for huge: JSONValue in [JSONValue(Int64.max), 100_000_001, JSONValue(1e300)] {
            #expect(reply("m", huge).tokensIn == ChatLimits.tokensCountedMax)
        }
        #expect(reply("m", .null).tokensOut == nil)
        #expect(reply("", 1).model == "openai/gpt")
        #expect(reply("\0", 1).model == "openai/gpt")
        #expect(reply(String(repeating: "é", count: 1_000), 1).model.unicodeScalars.count == 255)
    }
}
