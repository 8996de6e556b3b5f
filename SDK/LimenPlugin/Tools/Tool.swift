public import JSON

/// A tool: a `Codable` input, a `Codable` output and one function.
///
/// The host validates input and output against JSON Schemas that are derived from the two types, or against
/// ``inputSchema`` and ``outputSchema`` where an author writes them by hand.
///
/// ```swift
/// struct Greet: Tool {
///     static let name = "greet"
///     static let description = "Greets a person."
///     struct Input: Codable, Sendable { @Field("Whom to greet.", maxLength: 100) var name: String }
///     struct Output: Codable, Sendable { var greeting: String }
///
///     func call(_ input: Input, _ context: ToolContext) async throws -> Output {
///         Output(greeting: "Hello, \(input.name)!")
///     }
/// }
/// ```
public protocol Tool<Input, Output>: Sendable {
    associatedtype Input: Codable & Sendable
    associatedtype Output: Codable & Sendable

    /// The tool's name within its plugin: `[a-z][a-z0-9_]*`.
    static var name: String { get }
    /// What the tool does, for people and for models that choose tools.
    static var description: String { get }
    /// A short title for people; none by default.
    static var title: String? { get }
    /// What callers may assume about the tool's effects; nothing by default.
    static var annotations: ToolAnnotations { get }
    /// What the output is; JSON by default.
    static var contentType: ToolContentType { get }
    /// True for a tool that only admins may call; false by default.
    static var privileged: Bool { get }
    /// The wall-clock limit of one call in milliseconds; the host's default (15,000) when nil.
    static var timeoutMilliseconds: Int? { get }
    /// How often a failed call is repeated; the host's default when nil.
    static var retries: Int? { get }
    /// A hand-written schema of the input; derived from `Input` when nil.
    static var inputSchema: JSONValue? { get }
    /// A hand-written schema of the output; derived from `Output` when nil.
    static var outputSchema: JSONValue? { get }

    /// Answers one call. Throw ``PluginError`` to tell the caller what is wrong.
    ///
    /// Runs on the worker's main thread; awaiting frees that thread for cancellation and for other tasks of the call.
    func call(_ input: Input, _ context: ToolContext) async throws -> Output
}

extension Tool {
    /// None.
    public static var title: String? { nil }
    /// No promises.
    public static var annotations: ToolAnnotations { [] }
    /// JSON.
    public static var contentType: ToolContentType { .json }
    /// For everyone.
    public static var privileged: Bool { false }
    /// The host's default.
    public static var timeoutMilliseconds: Int? { nil }
    /// The host's default.
    public static var retries: Int? { nil }
    /// Derived.
    public static var inputSchema: JSONValue? { nil }
    /// Derived.
    public static var outputSchema: JSONValue? { nil }
}

/// What callers may assume about a tool's effects.
public struct ToolAnnotations: OptionSet, Sendable, Hashable {
    /// The bits.
    public let rawValue: UInt8
    /// Makes the set from its bits.
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// The tool changes nothing.
    public static let readOnly = ToolAnnotations(rawValue: 1)
    /// The tool may destroy what it changes.
    public static let destructive = ToolAnnotations(rawValue: 2)
    /// A repeated call has no further effect, so the host may retry it.
    public static let idempotent = ToolAnnotations(rawValue: 4)
    /// The tool deals with things outside the host.
    public static let openWorld = ToolAnnotations(rawValue: 8)
}

/// What a tool's output is.
public enum ToolContentType: String, Sendable, Hashable, CaseIterable {
    /// Any JSON value.
    case json
    /// Text, as a JSON string or as the member `text` of an object.
    case text
    /// HTML that nobody has sanitised, as a JSON string or as the member `html` of an object.
    case htmlUntrusted = "html_untrusted"
}
