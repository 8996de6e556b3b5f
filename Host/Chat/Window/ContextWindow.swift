/// What of a conversation a model is given: the newest messages, and a summary of what came before, within its window (CHAT-2, CHAT-3). No I/O.
struct ContextWindow: Sendable, Equatable {
    /// Oldest first, without the question.
    private(set) var messages: [ModelMessage] = []
    /// What came before them.
    private(set) var summary: String?
    /// How many messages that were read are neither there nor in the summary.
    private(set) var omitted = 0
    /// A summary to be kept, and at which message.
    private(set) var renewal: Renewal?

    struct Renewal: Sendable, Equatable {
        let message: String
        let summary: String
    }

    /// Fits a branch into so many tokens.
    /// - Parameter branch: newest first; ends at the first message, at one with a summary, or where enough was read.
    init(branch: [PastMessage], tokens: Int, counter: TokenCounter = .estimate) {
        let kept = branch.prefix { $0.summary == nil }
        summary = branch.count > kept.count ? branch[kept.count].summary : nil
        var room = max(0, tokens - (summary.map { counter.count($0) } ?? 0))
        let total = kept.reduce(0) { $0 + Self.cost($1, counter) }
        // Half the window stays free for what comes, so that summing up is done once in many turns.
        if total > room * 3 / 4, kept.count > 2 {
            var recent = 0
            var count = 0
            for message in kept {
                let cost = Self.cost(message, counter)
                guard recent + cost <= room / 2 else { break }
                (recent, count) = (recent + cost, count + 1)
            }
            let older = kept.dropFirst(count)
            if let last = older.first {
                let text = RollingSummary.extend(summary, by: older.reversed(), tokensMax: min(ChatLimits.summaryTokensMax, tokens / 8), counter)
                (summary, renewal) = (text, Renewal(message: last.id, summary: text))
                room = max(0, tokens - counter.count(text))
                take(kept.prefix(count), room, counter)
                return
            }
        }
        take(kept, room, counter)
    }

    private mutating func take(_ branch: ArraySlice<PastMessage>, _ room: Int, _ counter: TokenCounter) {
        var left = room
        for message in branch {
            let cost = Self.cost(message, counter)
            guard cost <= left else { break }
            left -= cost
            messages.append(ModelMessage(message.role, message.content, source: message.id))
        }
        omitted = branch.count - messages.count
        messages = messages.reversed().filter { !$0.content.isEmpty }
    }

    /// Tokens of a message with what separates it from the next.
    static func cost(_ message: PastMessage, _ counter: TokenCounter = .estimate) -> Int { counter.count(message) + 4 }
}

/// What a conversation was about so far, in a bounded number of words: the gist of each message, the newest longest kept.
enum RollingSummary {
    /// A summary with more messages, oldest first.
    static func extend(_ summary: String?, by messages: some Sequence<PastMessage>, tokensMax: Int, _ counter: TokenCounter) -> String {
        var lines = summary.map { $0.split(separator: "\n").map(String.init) } ?? []
        for message in messages where !message.content.isEmpty {
            let gist = Extract.sentences(message.content).first ?? ""
            let words = gist.prefix(min(ChatLimits.summarySentenceMax, tokensMax))
            if !words.isEmpty { lines.append("\(message.role.rawValue): \(words)") }
        }
        var tokens = 0
        var kept: [String] = []
        for line in lines.reversed() {
            tokens += counter.count(line) + 1
            guard tokens <= tokensMax else { break }
            kept.append(line)
        }
        return kept.reversed().joined(separator: "\n")
    }
}
