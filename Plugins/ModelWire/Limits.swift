/// Every bound of the model adapters in one place.
package enum Limits {
    /// Bytes of a reply that is not streamed, and of what a server says about an error.
    static let replyBytesMax = 16 << 20
    static let complaintBytesMax = 64 << 10
    /// Characters of a server's own words in an error.
    static let wordsMax = 400
    /// Bytes of one server-sent event.
    static let eventBytesMax = 4 << 20
    /// Bytes of an answer's text and of the arguments of all its tool calls, and how many calls one answer may make.
    package static let answerBytesMax = 6 << 20
    static let toolCallsMax = 128
    /// Nesting of what a server sends.
    static let depthMax = 128
    /// A request's body above this goes in pieces.
    static let wholeBodyBytesMax = 1 << 20
    static let pieceBytes = 64 << 10
    /// How often a model that thinks silently is reported at most.
    static let progressInterval = Duration.seconds(1)
    /// What a server may say about when to come back, in milliseconds.
    static let retryAfterMillisecondsMax = 3_600_000
}
