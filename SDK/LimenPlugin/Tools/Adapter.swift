/// What an adapter adapts.
public enum AdapterType: String, Sendable, Hashable, CaseIterable {
    case modelChat = "model.chat"
    case modelEmbed = "model.embed"
    case modelTrain = "model.train"
    case parserDocument = "parser.document"
    case speechTranscribe = "speech.transcribe"
    case speechSynthesize = "speech.synthesize"
}

/// One step of an adapter's answer.
public enum AdapterEvent<Output: Codable & Sendable>: Sendable {
    /// The next piece of a streamed text.
    case token(String)
    /// How far the work has come, from 0 to 1.
    case progress(Double, message: String? = nil)
    /// The whole answer; the last event of a stream.
    case output(Output)
}

/// An adapter: like a tool, but it answers with a stream of events whose last one is the output.
///
/// The host calls it by its type (`model.chat`). Stopping early, by cancellation or by an error, ends the stream's iteration.
public protocol Adapter<Input, Output>: Sendable {
    associatedtype Input: Codable & Sendable
    associatedtype Output: Codable & Sendable
    associatedtype Events: AsyncSequence where Events.Element == AdapterEvent<Output>

    /// What the adapter adapts.
    static var type: AdapterType { get }
    /// The models it offers; empty where the type has none.
    static var models: [String] { get }

    /// Starts one answer.
    func stream(_ input: Input, _ context: ToolContext) async throws -> Events
}

extension Adapter {
    /// None.
    public static var models: [String] { [] }
}
