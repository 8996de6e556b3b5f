import IO
import Store
import Testing
import Tools

@testable import Chat

/// Answers to messages that their caller keeps.
@Suite("Completions", .serialized)
struct CompletionTests {
    private static func request(_ text: String = "How are you?") -> ModelRequest {
        ModelRequest(model: "scripted", messages: [ModelMessage(.user, text)])
    }

    /// Keeps what it hears; can be told to be gone.
    private final class Heard: TokenSink {
        let pieces = Kept<String>()
        private let leavesAfter: Int
        init(leavingAfter count: Int = .max) { leavesAfter = count }

        func take(_ text: String) async throws {
            guard pieces.values.count < leavesAfter else { throw KeptEvents.Gone() }
            pieces.add(text)
        }
    }

    private func sums(_ bench: ChatBench) async throws -> [(tokensIn: Int64, tokensOut: Int64)] {
        try await bench.database.flush()
        return try await bench.database.read { connection in
            try await connection.rows("SELECT tokens_in, tokens_out FROM chat_usage").map { (try $0.integer(0), try $0.integer(1)) }
        }
    }

    @Test("an answer that its model does not stream is passed on whole, and what the model does not count is estimated")
    func silentModel() async throws {
        let bench = try await ChatBench()
        let chat = bench.service { _, tokens in
            try await tokens.take("All ")
            return ModelReply(content: "All is well.", model: "scripted")
        }
        let heard = Heard()
        let reply = try await onLoop { try await chat.complete(Self.request(), model: nil, origin(), tokens: heard) }
        #expect(heard.pieces.values == ["All ", "is well."] && reply.reply.content == "All is well.")
        #expect(reply.usage.tokensIn == 3 && reply.usage.tokensOut == 3)
        let sums = try await sums(bench)
        #expect(sums.count == 1 && sums[0] == (3, 3))
        #expect(try await bench.count("SELECT count(*) FROM message") == 0)
    }

    @Test("who goes in mid-stream, and a model that fails there, leave one record each and what was used until then (CHAT-13)")
    func abandoned() async throws {
        let bench = try await ChatBench()
        let records = Kept<TurnRecord>()
        let chat = bench.service(records: records) { request, tokens in
            try await tokens.take("Twelve bytes")
            if request.messages[0].content == "fail" { throw ModelFailure(.unavailable, "gone") }
            try await tokens.take(" and more")
            return ModelReply(content: "", model: "scripted")
        }
        await #expect(throws: ChatError.cancelled) {
            try await onLoop { try await chat.complete(Self.request(), model: nil, origin(), tokens: Heard(leavingAfter: 1)) }
        }
        await #expect(throws: ChatError.model(ModelFailure(.unavailable, "gone"))) {
            try await onLoop { try await chat.complete(Self.request("fail"), model: nil, origin(), tokens: Heard()) }
        }
        #expect(records.values.map(\.outcome) == ["cancelled", "unavailable"] && records.values.allSatisfy { $0.firstTokenMilliseconds != nil })
        let sums = try await sums(bench)
        #expect(sums.count == 1 && sums[0].tokensOut == (12 + 9 + 3) / 4 + 3, "\(sums)")
    }

    @Test("the next model of a chain answers when the first says nothing and fails, never behind what was heard")
    func chain() async throws {
        let bench = try await ChatBench()
        func models(_ first: String) -> [ScriptedModel] {
            [
                ScriptedModel("first") { _, tokens in
                    if !first.isEmpty { try await tokens.take(first) }
                    throw ModelFailure(.unavailable, "down")
                },
                ScriptedModel("second") { _, tokens in try await ScriptedModel.say(["second"], tokens, model: "second") },
            ]
        }
        let heard = Heard()
        let silent = bench.service(models(""))
        #expect(try await onLoop { try await silent.complete(Self.request(), model: nil, origin(), tokens: heard) }.reply.model == "second")
        #expect(heard.pieces.values == ["second"])
        let talking = bench.service(models("half"))
        await #expect(throws: ChatError.model(ModelFailure(.unavailable, "down"))) {
            try await onLoop { try await talking.complete(Self.request(), model: nil, origin(), tokens: heard) }
        }
        #expect(heard.pieces.values == ["second", "half"])
    }
}
