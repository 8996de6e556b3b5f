import LimenPlugin

/// Counts what a text is made of.
struct StatisticsTool: Tool {
    static let name = "statistics"
    static let title: String? = "Text statistics"
    static let description = "Counts bytes, characters, words, lines, sentences and paragraphs of a text, and its most frequent words."
    static let annotations: ToolAnnotations = [.readOnly, .idempotent]

    struct Input: Codable, Sendable {
        @Field("The text.", maxLength: 1_048_576) var text: String
        @Field("How many of the most frequent words to list.", minimum: 0, maximum: 100) var topWords: Int = 10
        enum CodingKeys: String, CodingKey {
            case text
            case topWords = "top_words"
        }
    }

    struct WordCount: Codable, Sendable, Equatable {
        var word: String
        var count: Int
    }

    struct Output: Codable, Sendable {
        @Field("Bytes in UTF-8.") var bytes = 0
        @Field("What people see as one character.") var characters = 0
        @Field("Unicode scalars.") var scalars = 0
        @Field("Runs of letters and digits; an apostrophe or hyphen inside belongs to its word.") var words = 0
        var lines = 0
        @Field("Characters of the longest line.") var longestLine = 0
        @Field("Runs that end in a full stop, question or exclamation mark.") var sentences = 0
        @Field("Blocks between empty lines.") var paragraphs = 0
        @Field("Characters of a word on average.") var meanWordLength = 0.0
        @Field("At 230 words a minute.") var readingSeconds = 0
        @Field("Lower-cased, most frequent first, then by alphabet.") var topWords: [WordCount] = []
        enum CodingKeys: String, CodingKey {
            case bytes, characters, scalars, words, lines, sentences, paragraphs
            case longestLine = "longest_line"
            case meanWordLength = "mean_word_length"
            case readingSeconds = "reading_seconds"
            case topWords = "top_words"
        }
    }

    func call(_ input: Input, _ context: ToolContext) async throws -> Output {
        let text = input.text
        var output = Output(bytes: text.utf8.count, characters: text.count, scalars: text.unicodeScalars.count)
        countLines(of: text, &output)
        try context.checkCancellation()
        let counts = try countWords(of: text, &output, context)
        let ordered = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        output.topWords = ordered.prefix(input.topWords).map { WordCount(word: $0.key, count: $0.value) }
        return output
    }

    private func countLines(of text: String, _ output: inout Output) {
        var isInParagraph = false
        for line in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline) {
            output.lines += 1
            output.longestLine = max(output.longestLine, line.count)
            let isBlank = line.allSatisfy(\.isWhitespace)
            if !isBlank && !isInParagraph { output.paragraphs += 1 }
            isInParagraph = !isBlank
        }
        // A final line break ends the last line and does not begin another.
        if text.last?.isNewline == true || text.isEmpty { output.lines -= 1 }
    }

    private func countWords(of text: String, _ output: inout Output, _ context: ToolContext) throws -> [String: Int] {
        var scanner = WordScanner(text)
        var counts: [String: Int] = [:]
        var lengths = 0
        while let word = scanner.next() {
            output.words += 1
            lengths += word.count
            counts[word.lowercased(), default: 0] += 1
            if output.words % 8_192 == 0 { try context.checkCancellation() }
        }
        output.sentences = scanner.sentences
        if output.words > 0 {
            output.meanWordLength = (Double(lengths) / Double(output.words) * 100).rounded() / 100
            output.readingSeconds = (output.words * 60 + 229) / 230
        }
        return counts
    }
}

/// Finds words and sentence ends, scalar by scalar.
struct WordScanner {
    private let scalars: Substring.UnicodeScalarView
    private var index: Substring.UnicodeScalarView.Index
    /// How many sentences have ended, or have begun when the text is at its end.
    private(set) var sentences = 0
    private var isInSentence = false

    init(_ text: String) {
        scalars = Substring(text).unicodeScalars
        index = scalars.startIndex
    }

    mutating func next() -> Substring? {
        while index < scalars.endIndex, !isWord(scalars[index]) {
            if isInSentence, ".!?…。！？".unicodeScalars.contains(scalars[index]) {
                sentences += 1
                isInSentence = false
            }
            scalars.formIndex(after: &index)
        }
        guard index < scalars.endIndex else {
            if isInSentence { sentences += 1 }
            isInSentence = false
            return nil
        }
        isInSentence = true
        let start = index
        while index < scalars.endIndex, isWord(scalars[index]) || joins(at: index) { scalars.formIndex(after: &index) }
        return Substring(scalars[start..<index])
    }

    private func isWord(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII {
            return ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar) || ("0"..."9").contains(scalar)
        }
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .decimalNumber, .letterNumber,
            .otherNumber, .nonspacingMark, .spacingMark:
            return true
        default: return false
        }
    }

    /// An apostrophe, hyphen or decimal point between two parts of a word.
    private func joins(at index: Substring.UnicodeScalarView.Index) -> Bool {
        guard "'’-.".unicodeScalars.contains(scalars[index]) else { return false }
        let after = scalars.index(after: index)
        guard after < scalars.endIndex, isWord(scalars[after]) else { return false }
        guard scalars[index] == "." else { return true }
        return ("0"..."9").contains(scalars[after]) && ("0"..."9").contains(scalars[scalars.index(before: index)])
    }
}
