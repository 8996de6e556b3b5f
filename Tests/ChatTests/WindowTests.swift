import IO
import JSON
import Store
import Testing

@testable import Chat

@Suite("Windows and the built-in model")
struct WindowTests {
    @Test("a conversation of any length fits the window: newest messages, a rolling summary of the rest, and the trace says so (CHAT-2, CHAT-3)")
    func fits() async throws {
        let bench = try await ChatBench()
        let seen = Kept<[ModelMessage]>()
        let chat = bench.service(window: 2_048) { request, tokens in
            seen.add(request.messages)
            return try await ScriptedModel.say(["noted"], tokens)
        }
        let id = try await bench.store.create(title: "", of: ChatBench.ann).id
        try await bench.fill(id, to: 2_000)
        let events = KeptEvents()
        for turn in 0..<30 {
            let sink = turn == 0 ? events : KeptEvents()
            _ = try await onLoop { try await chat.turn(TurnRequest(conversation: id, content: "Question \(turn)"), origin(), sink: sink) }
        }
        for messages in seen.values {
            let tokens = messages.reduce(0) { $0 + TokenEstimate.count($1.content) }
            #expect(tokens <= 2_048 / 2 + ChatLimits.summaryTokensMax && messages.last?.content.hasPrefix("Question") == true)
            #expect(messages.contains { $0.source == "summary" })
            #expect(messages.count < 100)
        }
        #expect(events.entries("workflow").first?["kind"] == "window" && events.entries("workflow").first?["summarised"] == true)
        // The last of what was said before the question is there, in order.
        #expect(seen.values.last?.suffix(3).map(\.content) == ["Question 28", "noted", "Question 29"])
        // Summing up is done now and then, not at every turn.
        let summaries = try await bench.count("SELECT count(*) FROM message WHERE summary IS NOT NULL")
        #expect((1...3).contains(summaries), "\(summaries)")
    }

    private func message(_ seq: Int, _ text: String, summary: String? = nil) -> PastMessage {
        PastMessage(id: "m\(seq)", role: seq % 2 == 1 ? .user : .assistant, content: text, summary: summary)
    }

    @Test("windows of random lengths never pass their room, keep the order and the newest, and count what they left")
    func random() throws {
        for seed in 0..<200 {
            var random = SystemRandomNumberGenerator()
            let count = Int.random(in: 0...40, using: &random)
            let branch = (0..<count).map { index in
                message(
                    100 - index, String(repeating: "w ", count: .random(in: 0...300)),
                    summary: index > 5 && Int.random(in: 0..<12) == 0 ? "before" : nil)
            }
            let room = Int.random(in: 50...3_000)
            let window = ContextWindow(branch: branch, tokens: room)
            let used = window.messages.reduce(0) { $0 + TokenEstimate.count($1.content) }
            #expect(used <= room, "seed \(seed)")
            let numbers = window.messages.compactMap { $0.source.flatMap { Int($0.dropFirst()) } }
            #expect(numbers == numbers.sorted())
            if let newest = branch.first, newest.summary == nil, ContextWindow.cost(newest) <= (room - 2) / 2, !newest.content.isEmpty {
                #expect(numbers.last == 100, "seed \(seed)")
            }
            if let summary = window.summary { #expect(TokenEstimate.count(summary) <= ChatLimits.summaryTokensMax + 200) }
        }
    }

    @Test("a message longer than what is left is left out with all before it, and the count says how many")
    func omits() throws {
        let branch = [message(3, "short"), message(2, String(repeating: "long ", count: 1_000)), message(1, "first")]
        let window = ContextWindow(branch: branch, tokens: 100)
        #expect(window.messages.map(\.content) == ["short"] && window.renewal?.message == "m2")
        #expect(window.summary?.contains("user: first") == true)
    }

    // MARK: The built-in model

    private func ask(_ request: ModelRequest) async throws -> ModelReply {
        struct Nobody: TokenSink { func take(_ text: String) async throws {} }
        let call = ModelCall(caller: origin().caller, requestID: "r", deadline: .after(milliseconds: 1000))
        return try await ExtractiveModel().answer(request, for: call, tokens: Nobody())
    }

    @Test("the built-in model answers from what it was given and cites it, and says when it does not know")
    func extractive() async throws {
        var request = ModelRequest(model: "extractive", messages: [ModelMessage(.user, "How high is the tower of Pisa?")])
        request.passages = [
            Passage(source: "f1", title: "Towers", text: "The Eiffel tower is 330 m high. The tower of Pisa is 56 m high. It leans."),
            Passage(source: "f2", title: "Cats", text: "Cats sleep a lot."),
        ]
        let reply = try await ask(request)
        #expect(reply.content.hasPrefix("The tower of Pisa is 56 m high. [1]") || reply.content.contains("\nThe tower of Pisa is 56 m high. [1]"))
        #expect(reply.citations.first?["source"] == "f1" && !reply.content.contains("Cats"))
        request.messages = [ModelMessage(.user, "Who wrote Faust?")]
        let unknown = try await ask(request)
        #expect(unknown.content.hasPrefix("I do not know") && unknown.citations.isEmpty)
        request.messages = [ModelMessage(.user, "Faust was written by Goethe.")]
        #expect(try await ask(request).content.hasPrefix("Noted."))
        request.messages = [
            ModelMessage(.user, "My cat is called Tom.", source: "m1"), ModelMessage(.assistant, "I do not know.", source: "m2"),
            ModelMessage(.user, "What is my cat called?", source: "m3"),
        ]
        request.passages = []
        let told = try await ask(request)
        #expect(told.content == "My cat is called Tom. [1]" && told.citations.first?["source"] == "m1")
    }

    @Test("the built-in model calls the tool that a message begins with, and says what came of it")
    func commands() async throws {
        let tool = ModelTool(
            name: "calc.evaluate", description: "",
            inputSchema: ["type": "object", "properties": ["expression": ["type": "string"]], "required": ["expression"]])
        func call(_ text: String) async throws -> ModelReply {
            var request = ModelRequest(model: "extractive", messages: [ModelMessage(.user, text)])
            request.tools = [tool]
            return try await ask(request)
        }
        for text in ["/calc.evaluate 2+2", "/evaluate  2+2 ", "/calc.evaluate {\"expression\": \"2+2\"}"] {
            let reply = try await call(text)
            #expect(reply.toolCalls.map(\.arguments) == [["expression": "2+2"]] && reply.finish == .toolCalls, "\(text)")
        }
        #expect(try await call("/nothing 1").content.contains("There is no tool /nothing here. There are: /calc.evaluate"))
        #expect(try await call("/calc.evaluate").content.contains("takes a JSON object"))
        #expect(try await call("/ or not").toolCalls.isEmpty)
        var request = ModelRequest(
            model: "extractive",
            messages: [
                ModelMessage(.user, "/evaluate 6*7"),
                ModelMessage(.assistant, "", toolCalls: [ModelToolCall(id: "c", name: "calc.evaluate", arguments: [:])]),
                ModelMessage(.tool, Fence.wrap("{\"value\":42}", from: "calc.evaluate", mark: "ab"), toolCallID: "c"),
            ])
        request.tools = [tool]
        #expect(try await ask(request).content == "calc.evaluate: 42")
    }

    @Test("an answer has no more tokens than were asked for, and says that it was cut (CHAT-3)")
    func tokensMax() async throws {
        var request = ModelRequest(model: "extractive", messages: [ModelMessage(.user, "cat?")])
        request.passages = [Passage(source: "f", title: "", text: String(repeating: "cat ", count: 500))]
        request.tokensMax = 10
        let reply = try await ask(request)
        #expect(TokenEstimate.count(reply.content) <= 10 && reply.finish == .length)
    }

    @Test("text and fenced code become parts, whatever is fenced how, and no character is lost from either")
    func segments() {
        #expect(Segments.parts(of: "a\n```swift\nlet x = 1\n```\nb").map { $0["type"]?.stringValue } == ["text", "code", "text"])
        #expect(Segments.parts(of: "```\nopen").map { $0["text"]?.stringValue } == ["open"])
        #expect(Segments.parts(of: "").isEmpty)
        let many = Segments.parts(of: String(repeating: "```\nx\n```\ny\n", count: 1_000))
        #expect(many.count <= ChatLimits.segmentsMax)
    }
}
