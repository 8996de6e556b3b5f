import TestKit
import Testing

@Suite("Limen: OpenAI's client", .serialized)
struct OpenAIClientTests {
    @Test("the `openai` client of PyPI works unchanged: models, completions, streams, tools, embeddings and errors")
    func client() async throws {
        let providers = try Providers()
        let server = try LiveServer(plugins: ["calc"], environment: LiveServer.reaching(providers))
        try await server.enableOpenAI(providers)
        let outcome = try Command.run(
            [
                "\(try PythonPackages.bin("openai"))/python", "\(Command.root)/Tests/Fixtures/OpenAI/client.py", "http://127.0.0.1:\(server.port)",
                server.key,
            ])
        #expect(outcome.code == 0 && outcome.output.hasPrefix("well "), "\(outcome.output)\(outcome.complaints)")
    }

    @Test("a tokenizer that cannot be used keeps the server from starting, and says which entry, which file, where and what to do")
    func tokenizers() throws {
        let folder = Command.temporary()
        try Command.write(#"{"model":{"type":"WordPiece"}}"#, to: "\(folder)/tokenizer.json")
        for (entry, words) in [
            (
                "openai/*=\(folder)/tokenizer.json",
                ["chat.tokenizers/0", "tokenizer.json", "/model/type is not BPE", "tokenizer.json of byte-level BPE"]
            ),
            ("openai/*=\(folder)/nothing.json", ["chat.tokenizers/0", "nothing.json", "No such file"]),
            ("openai/*", ["chat.tokenizers/0", "MODELS=FILE"]),
        ] {
            let outcome = try Command.limen(
                ["serve", "--data", "\(folder)/data", "--listen", "127.0.0.1:0"], environment: ["LIMEN_CHAT_TOKENIZERS": entry])
            #expect(outcome.code == 1)
            for word in words { #expect(outcome.complaints.contains(word), "\(outcome.complaints)") }
        }
    }
}
