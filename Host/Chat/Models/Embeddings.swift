/// Vectors of texts, as a model made them.
package struct Embeddings: Sendable, Hashable {
    /// The model that really answered.
    package var model: String
    /// One a text, in the order of the texts, all of one length.
    package var vectors: [[Double]]
    /// Nil where the server does not say.
    package var tokensIn: Int?

    package init(model: String, vectors: [[Double]], tokensIn: Int? = nil) { (self.model, self.vectors, self.tokensIn) = (model, vectors, tokensIn) }
}

extension ModelCatalogue {
    package var embedders: [String] { [] }
    package func embedder(_ name: String) -> String? { nil }

    package func embed(_ texts: [String], model: String, for call: ModelCall) async throws(ModelFailure) -> Embeddings {
        throw ModelFailure(.unknown, "no model here makes vectors")
    }
}
