import JSON
import Testing

@testable import Chat

@Suite("What adapters say")
struct AdapterReplyTests {
    @Test("numbers and names by a stranger are bounded: they add up without a trap, and fit what is stored")
    func bounded() throws {
        func reply(_ model: String, _ tokens: JSONValue) throws -> ModelReply {
            let output: JSONValue = ["content": "", "tool_calls": [], "model": .string(model), "usage": ["tokens_in": tokens, "tokens_out": tokens]]
            return try AdapterModel.reply(output.serialized(), "openai/gpt")
        }
        for huge: JSONValue in [JSONValue(Int64.max), 100_000_001, JSONValue(1e300)] {
            #expect(try reply("m", huge).tokensIn == ChatLimits.tokensCountedMax)
        }
        #expect(try reply("m", .null).tokensOut == nil)
        #expect(try reply("", 1).model == "openai/gpt")
        #expect(try reply("\0", 1).model == "openai/gpt")
        #expect(try reply(String(repeating: "é", count: 1_000), 1).model.unicodeScalars.count == 255)
    }
}
