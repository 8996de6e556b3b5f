package import IO
package import Tools

/// Takes an answer's text as it comes; throws when whoever asked is gone.
package protocol TokenSink: Sendable {
    func take(_ text: String) async throws
}

/// For whom, and until when, a model is asked.
package struct ModelCall: Sendable {
    package var caller: Caller
    package var requestID: String
    package var traceparent: String
    package var deadline: Deadline

    package init(caller: Caller, requestID: String, traceparent: String = "", deadline: Deadline) {
        (self.caller, self.requestID, self.traceparent, self.deadline) = (caller, requestID, traceparent, deadline)
    }
}

/// Something that answers messages: built in, or behind an adapter plugin.
package protocol ChatModel: Sendable {
    /// What clients name it by.
    var name: String { get }
    /// Its name as price tables have it, however it was asked for: `plugin/model`.
    var wholeName: String { get }
    /// Tokens that question and answer may have together.
    var windowTokens: Int { get }
    /// Whether that is certain; where it is a guess, what is longer is the provider's to refuse.
    var isWindowCertain: Bool { get }
    /// Counts its tokens for windows, and for usage where it does not say itself.
    var counter: TokenCounter { get }

    /// Answers; each piece of the text goes to `tokens` as it comes, and all of it is in the reply.
    func answer(_ request: ModelRequest, for call: ModelCall, tokens: any TokenSink) async throws(ModelFailure) -> ModelReply
}

extension ChatModel {
    package var wholeName: String { name }
    package var isWindowCertain: Bool { false }
    package var counter: TokenCounter { .estimate }
}

/// The models that there are.
package protocol ModelCatalogue: Sendable {
    /// The models that are tried in turn for a name, or for none the default's; empty for a name that there is not.
    func chain(for name: String?) -> [any ChatModel]
    /// All names, sorted.
    var names: [String] { get }
    /// Names of the models that make vectors of texts, sorted.
    var embedders: [String] { get }
    /// The name of one of them as price tables have it; nil where there is none of that name.
    func embedder(_ name: String) -> String?
    /// Vectors of some texts, by one model.
    func embed(_ texts: [String], model: String, for call: ModelCall) async throws(ModelFailure) -> Embeddings
}

/// The built-in model alone.
package struct BuiltInModels: ModelCatalogue {
    package init() {}
    package var names: [String] { [ExtractiveModel.name] }
    package func chain(for name: String?) -> [any ChatModel] { name == nil || name == ExtractiveModel.name ? [ExtractiveModel()] : [] }
}
