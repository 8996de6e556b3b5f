/// Every bound of conversations and turns, in one place.
package enum ChatLimits {
    /// Bytes of one message of a person.
    package static let messageBytesMax = 128 << 10
    /// Code points of a title.
    package static let titleMax = 200
    /// Characters of the first message that make the title of a conversation without one.
    static let titleFromMessageMax = 60
    /// Parts of a structured message, and bytes of all of them as JSON.
    package static let segmentsMax = 256
    static let segmentsBytesMax = 512 << 10
    /// Bytes that an answer may grow to; what comes after is cut and the message marked.
    package static let answerBytesMax = 1 << 20
    /// Rounds of a turn in which a model may call tools (SPEC 8).
    package static let roundsMax = 8
    /// Tool calls of one round, and how many of them run at once.
    package static let callsPerRoundMax = 16
    static let callsAtOnceMax = 4
    /// Bytes of an agent's instructions.
    package static let instructionsBytesMax = 16 << 10
    /// Contexts that an agent or a turn names.
    package static let contextsMax = 64
    /// Tools that a model is shown.
    package static let toolsShownMax = 64
    /// Bytes of a tool's result that a model is shown; the whole result stays in the message's record of the call up to the same length.
    package static let toolResultBytesMax = 16 << 10
    /// Faults of a call's arguments that a model is told.
    static let toolFaultsMax = 8
    /// Tokens of an answer at most (SPEC 8).
    package static let tokensMaxDefault = 4_096
    /// Tokens of one reply that are believed.
    package static let tokensCountedMax = 100_000_000
    /// Code points of a model's name.
    static let modelNameMax = 255
    /// Texts, and bytes of them, that a model is given at once to make vectors of; how long all of them may take.
    static let embedTextsPerCall = 64
    static let embedBytesPerCall = 256 << 10
    static let embedMillisecondsMax = 120_000
    /// Bytes of a text whose tokens are counted one by one; a longer one is counted in proportion to its beginning.
    static let bytesCountedMax = 64 << 10
    /// How long a turn may last over all rounds.
    package static let turnMillisecondsMax = 600_000
    /// How long a turn holds its conversation when its host says nothing any more, and how often it says something.
    package static let turnLeaseMilliseconds: Int64 = 30_000
    static let turnRenewalMilliseconds = 10_000
    /// How old the stored part of an answer may be while it streams.
    static let checkpointMilliseconds = 250
    /// How long the end of a turn may take to be stored.
    static let finishMilliseconds = 15_000
    /// Messages behind one that are looked through for its answers.
    static let answersNearMax: Int64 = 32
    /// Messages that one step of a walk to the beginning reads.
    static let walkStep = 64
    /// A walk reads messages by number as long as one in so many of them is on its branch.
    static let walkDensity = 4
    /// Messages that a window has at most, however short they are.
    package static let windowMessagesMax = 512
    /// Tokens of a rolling summary.
    package static let summaryTokensMax = 512
    /// Characters of one message in an extractive summary.
    static let summarySentenceMax = 160
    /// How long a person has to decide about a destructive tool.
    package static let approvalMillisecondsDefault: Int64 = 120_000
    /// How long a decided approval is kept.
    static let approvalsKeptMilliseconds: Int64 = 7 * 86_400_000
    /// How often a turn that waits looks itself whether a person has decided.
    static let approvalPollMilliseconds = 1_000
    /// Words of a search, and bytes of its text.
    package static let searchTermsMax = 16
    package static let searchBytesMax = 512
    /// Characters around a hit that a search shows.
    static let snippetMax = 160
    /// Messages that one transaction of a filling writes.
    static let fillStep = 1_000
    /// Entries of a price table, micro-units that a million tokens may cost, and tenants whose tables are remembered.
    static let pricesMax = 512
    static let priceMicrosMax: Int64 = 1_000_000_000_000
    static let priceTablesMax = 1_024
    /// How much longer than a turn what it keeps free of a budget is kept; what a host that died kept comes back then.
    static let budgetHoldSlackMilliseconds: Int64 = 60_000
    /// Days of one question for usage.
    package static let usageDaysMax = 366
    /// Messages whose tokens are remembered, for each tokenizer.
    static let messagesCountedMax = 65_536
    /// Share links of one conversation.
    package static let sharesMax = 20
    /// How long a share link lives unless its owner says otherwise, and at most.
    package static let shareMillisecondsDefault: Int64 = 30 * 86_400_000
    package static let shareMillisecondsMax: Int64 = 365 * 86_400_000
    /// Entries of a turn's trace.
    static let traceEntriesMax = 256
    /// Passages that an answer is made of.
    static let passagesShownMax = 3
}
