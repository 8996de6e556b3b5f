import IO
import Store
import Testing

@testable import Chat

@Suite("Embeddings", .serialized)
struct EmbeddingTests {
    /// Makes vectors as a test says.
    private struct Embedder: ModelCatalogue {
        let asked = Kept<[String]>()
        let make: @Sendable ([String]) throws -> Embeddings
        var names: [String] { [] }
        func chain(for name: String?) -> [any ChatModel] { [] }
        func embedder(_ name: String) -> String? { "plugin/\(name)" }

        func embed(_ texts: [String], model: String, for call: ModelCall) async throws(ModelFailure) -> Embeddings {
            asked.add(texts)
            do {
                return try make(texts)
            } catch let error as ModelFailure {
                throw error
            } catch {
                throw ModelFailure(.cancelled, "\(error)")
            }
        }
    }

    private func embed(
        _ texts: [String], numbersMax: Int = .max, bench: ChatBench, _ make: @escaping @Sendable ([String]) throws -> Embeddings
    ) async throws -> (found: Embeddings, asked: [[String]]) {
        let models = Embedder(make: make)
        let chat = ChatService(store: bench.store, loop: bench.loop, models: models)
        let found = try await onLoop { try await chat.embed(texts, model: "e", origin(), numbersMax: numbersMax) }.embeddings
        return (found, models.asked.values)
    }

    @Test("texts go in pieces that a plugin can take, their vectors come back in order, and what was used is counted once")
    func pieces() async throws {
        let bench = try await ChatBench()
        let texts = (0..<150).map { "\($0)" } + [String(repeating: "x", count: 200_000), String(repeating: "y", count: 200_000)]
        let (found, asked) = try await embed(texts, bench: bench) { texts in
            Embeddings(model: "e", vectors: texts.map { [Double($0.utf8.count), 1] }, tokensIn: texts.count)
        }
        #expect(asked.map(\.count) == [64, 64, 23, 1] && asked.flatMap { $0 }.elementsEqual(texts))
        #expect(found.vectors.count == 152 && found.vectors.last == [200_000, 1] && found.tokensIn == 152)
        try await bench.database.flush()
        #expect(try await bench.count("SELECT tokens_in FROM chat_usage") == 152)
    }

    @Test("vectors that are too few, too many, empty, of several lengths or no numbers are a fault of the model; what was used before is counted")
    func malformed() async throws {
        let bench = try await ChatBench()
        let wrong: [[[Double]]] = [[], [[1], [1], [1]], [[], []], [[1], [1, 2]], [[1], [.nan]], [[1], [1e300]]]
        for vectors in wrong {
            await #expect(throws: ChatError.model(ModelFailure(.malformed, "its vectors are not one for each text, of one length")), "\(vectors)") {
                _ = try await embed(["a", "b"], bench: bench) { _ in Embeddings(model: "e", vectors: vectors, tokensIn: 7) }
            }
        }
        try await bench.database.flush()
        #expect(try await bench.count("SELECT count(*) FROM chat_usage") == 0)
        let texts = (0..<65).map { "\($0)" }
        await #expect(throws: ChatError.model(ModelFailure(.unavailable, "gone"))) {
            _ = try await embed(texts, bench: bench) { texts in
                guard texts.count > 1 else { throw ModelFailure(.unavailable, "gone") }
                return Embeddings(model: "e", vectors: texts.map { _ in [1] }, tokensIn: 64)
            }
        }
        try await bench.database.flush()
        #expect(try await bench.count("SELECT tokens_in FROM chat_usage") == 64)
    }

    @Test("more numbers than a reply has room for are refused when the first vectors show it, with what to do")
    func tooMany() async throws {
        let bench = try await ChatBench()
        let asked = Kept<Int>()
        await #expect(throws: ChatError.self) {
            _ = try await embed((0..<200).map { "\($0)" }, numbersMax: 599, bench: bench) { texts in
                asked.add(texts.count)
                return Embeddings(model: "e", vectors: texts.map { _ in [1, 2, 3] })
            }
        }
        #expect(asked.values == [64])
    }
}
