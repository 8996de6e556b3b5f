/// The input of a `model.embed` adapter.
public struct ModelEmbedRequest: Codable, Sendable, Hashable {
    /// The model's name as the adapter knows it.
    public var model: String
    /// The texts.
    public var input: [String]

    /// Makes a request.
    public init(model: String, input: [String]) {
        self.model = model
        self.input = input
    }
}

/// The output of a `model.embed` adapter.
public struct ModelEmbedReply: Codable, Sendable, Hashable {
    /// The model that answered, in the server's words.
    public var model: String
    /// One vector a text, in the order of the texts.
    public var embeddings: [[Double]]
    /// What it cost.
    public var usage: ModelUsage

    /// Makes a reply.
    public init(model: String, embeddings: [[Double]], usage: ModelUsage = ModelUsage()) {
        self.model = model
        self.embeddings = embeddings
        self.usage = usage
    }
}
