import Testing

@Suite("Limen: OpenAI's client", .serialized)
struct OpenAIClientTests {
    @Test("the `openai` client of PyPI works unchanged: models, completions, streams, tools, embeddings and errors")
    func client() async throws {
        let providers = try Providers()
        let server = try LiveServer(plugins: ["calc"], environment: LiveServer.reaching(providers))
        try await server.enableOpenAI(providers)
        let folder = Command.temporary()
        for words in [["python3", "-m", "venv", "\(folder)/venv"], ["\(folder)/venv/bin/pip", "install", "-q", "openai"]] {
            let outcome = try Command.run(["/usr/bin/env"] + words)
            guard outcome.code == 0 else { throw Command.Failure("\(words): \(outcome.complaints)") }
        }
        let outcome = try Command.run(
            ["\(folder)/venv/bin/python", "\(Command.root)/Tests/Fixtures/OpenAI/client.py", "http://127.0.0.1:\(server.port)", server.key])
        #expect(outcome.code == 0 && outcome.output.hasPrefix("well "), "\(outcome.output)\(outcome.complaints)")
    }
}
