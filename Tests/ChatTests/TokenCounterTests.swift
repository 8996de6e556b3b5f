import IO
import JSON
import Testing
import Tokens

@testable import Chat

@Suite("Token counters", .serialized)
struct TokenCounterTests {
    /// A tokenizer that knows bytes alone, so that a text has as many tokens as bytes.
    private static func bytes() throws -> TokenCounter {
        var vocabulary: JSONObject = [:]
        for byte in UInt8.min...UInt8.max { vocabulary[ByteLevel.text([byte])] = JSONValue(Int(byte)) }
        return TokenCounter(
            try Tokenizer([
                "model": ["type": "BPE", "vocab": .object(vocabulary), "merges": []],
                "pre_tokenizer": ["type": "ByteLevel", "add_prefix_space": false],
            ]))
    }

    @Test("a pattern is a name with any characters for each `*`; the first of several that fit counts")
    func patterns() throws {
        for (pattern, name, fits) in [
            ("openai/gpt-4o", "openai/gpt-4o", true), ("openai/gpt-4o", "openai/gpt-4o-mini", false), ("openai/*", "openai/gpt-4o", true),
            ("openai/*", "openai/", true), ("*", "", true), ("*mini", "openai/gpt-4o-mini", true), ("o*/g*i", "openai/gpt-mini", true),
            ("o*/g*i", "openai/gpt-minis", false), ("**", "x", true), ("a*b*c", "aXbYbZc", true), ("?", "x", false), ("a*", "b", false),
        ] {
            #expect(try #require(ModelPattern(pattern)).matches(name) == fits, "\(pattern) \(name)")
        }
        #expect(ModelPattern("") == nil && ModelPattern(String(repeating: "a", count: 256)) == nil)
        let hostile = try #require(ModelPattern(String(repeating: "*a", count: 120)))
        #expect(!hostile.matches(String(repeating: "a", count: 119)))
        var tokenizers = ModelTokenizers()
        tokenizers.add(try Self.bytes(), for: try #require(ModelPattern("openai/gpt-4o")))
        tokenizers.add(.estimate, for: try #require(ModelPattern("openai/*")))
        #expect(tokenizers.counter(for: "openai/gpt-4o").count("four") == 4)
        #expect(tokenizers.counter(for: "openai/o1").count("four") == 1 && tokenizers.counter(for: "other").count("four") == 1)
    }

    @Test("a long text has the tokens of its beginning in proportion, and takes no longer than that to count")
    func long() throws {
        let counter = try Self.bytes()
        for bytes in [ChatLimits.bytesCountedMax, ChatLimits.bytesCountedMax + 1, 1_000_000, 4 << 20] {
            #expect(counter.count(String(repeating: "x", count: bytes)) == bytes)
        }
        // Cut within a character, too.
        let text = String(repeating: "é", count: 100_000)
        #expect(abs(counter.count(text) - 200_000) <= 8)
        let clock = ContinuousClock()
        let short = clock.measure { _ = counter.count(String(repeating: "y", count: ChatLimits.bytesCountedMax)) }
        let long = clock.measure { _ = counter.count(String(repeating: "y", count: 8 << 20)) }
        #expect(long < short * 10 + .milliseconds(50), "\(short) \(long)")
    }

    @Test("windows are fitted by a model's own tokenizer, a question too long by it is refused, and usage is filled in by it (CHAT-2, CHAT-3)")
    func windows() async throws {
        let bench = try await ChatBench()
        let asked = Kept<[String]>()
        let counter = try Self.bytes()
        let model = ScriptedModel(windowTokens: 2_000, counter: counter) { request, tokens in
            asked.add(request.messages.filter { $0.role != .system }.map(\.content))
            return try await ScriptedModel.say(["twelve bytes"], tokens)
        }
        let chat = bench.service([model])
        let text = String(repeating: "x", count: 300)
        let first = try await onLoop { try await chat.turn(TurnRequest(content: text), origin()) }
        // The instructions, the question and the answer, byte by byte.
        #expect(first.usage.tokensOut == 12 && first.usage.tokensIn > 300)
        var request = TurnRequest(conversation: first.conversation, content: text)
        for _ in 0..<4 { _ = try await onLoop { [request] in try await chat.turn(request, origin()) } }
        // 1,000 of 2,000 are for the past and the question; by the estimate all five would fit.
        let last = try #require(asked.values.last)
        #expect(last.count < 9 && last.reduce(0) { $0 + counter.count($1) } <= 1_000, "\(last.count)")
        request.content = String(repeating: "x", count: 1_001)
        await #expect(throws: TurnFailure.self) { try await onLoop { [request] in try await chat.turn(request, origin()) } }
    }

    @Test("a message is counted once, and again when its end came late")
    func once() throws {
        let counter = try Self.bytes()
        #expect(counter.count(PastMessage(id: "m", role: .user, content: "four")) == 4)
        #expect(counter.count(PastMessage(id: "m", role: .user, content: "five!")) == 5)
        #expect(counter.count(PastMessage(id: "m", role: .user, content: "four")) == 4)
    }
}
