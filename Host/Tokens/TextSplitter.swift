/// Cuts a text into the words that byte-pair merging works on, as the pre-tokenizers of published `tokenizer.json` files do (GPT-2, cl100k and its kin).
///
/// Their regular expressions are known by heart instead of being run: they use lookahead, and each piece costs one pass here.
struct TextSplitter: Sendable, Hashable {
    /// What may stand before letters as part of their word.
    enum Lead: Sendable, Hashable {
        /// One blank (GPT-2).
        case blank
        /// Any one character that is no letter, number or line break (cl100k).
        case anything
    }

    var lead = Lead.blank
    /// Digits of one piece at most; nil for as many as there are.
    var digitsMax: Int?
    /// Whether a blank may stand before digits as part of their piece (GPT-2).
    var digitsTakeBlank = true
    /// Whether line breaks behind punctuation belong to it, and runs of blanks end at line breaks (cl100k).
    var breaksAreApart = false
    /// Whether contractions are known in capitals too.
    var contractionsIgnoreCase = false

    static let gpt2 = TextSplitter()
    static let cl100k = TextSplitter(lead: .anything, digitsMax: 3, digitsTakeBlank: false, breaksAreApart: true, contractionsIgnoreCase: true)
    static let qwen2 = TextSplitter(lead: .anything, digitsMax: 1, digitsTakeBlank: false, breaksAreApart: true, contractionsIgnoreCase: true)

    /// The splitter of a regular expression that is known; nil for another.
    init?(pattern: String) {
        let contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|"
        let tail = #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
        switch pattern {
        case #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#: self = .gpt2
        case contractions + #"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"# + tail: self = .cl100k
        case contractions + #"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"# + tail: self = .qwen2
        default: return nil
        }
    }

    private init(
        lead: Lead = .blank, digitsMax: Int? = nil, digitsTakeBlank: Bool = true, breaksAreApart: Bool = false, contractionsIgnoreCase: Bool = false
    ) {
        (self.lead, self.digitsMax, self.digitsTakeBlank) = (lead, digitsMax, digitsTakeBlank)
        (self.breaksAreApart, self.contractionsIgnoreCase) = (breaksAreApart, contractionsIgnoreCase)
    }

    /// Calls `body` with each piece in order; together they are the text.
    func split(_ text: [Unicode.Scalar], _ body: (Range<Int>) -> Void) {
        var start = 0
        while start < text.count {
            let end = next(text, start)
            body(start..<end)
            start = end
        }
    }

    /// Where the piece that begins at a place ends.
    private func next(_ text: [Unicode.Scalar], _ start: Int) -> Int {
        if let end = contraction(text, start) { return end }
        if let end = letters(text, start) ?? digits(text, start) ?? punctuation(text, start) { return end }
        return blanks(text, start)
    }

    private func contraction(_ text: [Unicode.Scalar], _ start: Int) -> Int? {
        guard text[start] == "'" else { return nil }
        for suffix in Self.contractions where start + 1 + suffix.count <= text.count {
            let fits = suffix.indices.allSatisfy { index in
                let found = text[start + 1 + index]
                return found == suffix[index] || contractionsIgnoreCase && Self.isSame(found, suffix[index])
            }
            if fits { return start + 1 + suffix.count }
        }
        return nil
    }

    private static let contractions: [[Unicode.Scalar]] = [["s"], ["t"], ["r", "e"], ["v", "e"], ["m"], ["l", "l"], ["d"]]

    /// Without case; `ſ` (U+017F) folds to `s`.
    private static func isSame(_ found: Unicode.Scalar, _ small: Unicode.Scalar) -> Bool {
        found.properties.lowercaseMapping == String(small) || found == "\u{17F}" && small == "s"
    }

    private func letters(_ text: [Unicode.Scalar], _ start: Int) -> Int? {
        var index = start
        if !Self.isLetter(text[index]) {
            let mayLead =
                switch lead {
                case .blank: text[index] == " "
                case .anything: !Self.isNumber(text[index]) && text[index] != "\r" && text[index] != "\n"
                }
            guard mayLead else { return nil }
            index += 1
        }
        guard index < text.count, Self.isLetter(text[index]) else { return nil }
        while index < text.count, Self.isLetter(text[index]) { index += 1 }
        return index
    }

    private func digits(_ text: [Unicode.Scalar], _ start: Int) -> Int? {
        var index = start
        if digitsTakeBlank, text[index] == " " { index += 1 }
        let first = index
        while index < text.count, Self.isNumber(text[index]), digitsMax.map({ index - first < $0 }) ?? true { index += 1 }
        return index > first ? index : nil
    }

    private func punctuation(_ text: [Unicode.Scalar], _ start: Int) -> Int? {
        var index = start
        if text[index] == " " { index += 1 }
        let first = index
        while index < text.count, Self.isOther(text[index]) { index += 1 }
        guard index > first else { return nil }
        if breaksAreApart { while index < text.count, text[index] == "\r" || text[index] == "\n" { index += 1 } }
        return index
    }

    /// A run of blanks: to its last line break where those are apart; else all but the one that belongs to the word behind it.
    private func blanks(_ text: [Unicode.Scalar], _ start: Int) -> Int {
        var end = start
        while end < text.count, text[end].properties.isWhitespace { end += 1 }
        if breaksAreApart, let last = text[start..<end].lastIndex(where: { $0 == "\r" || $0 == "\n" }) { return last + 1 }
        if end < text.count, end - start > 1 { return end - 1 }
        return max(end, start + 1)
    }

    private static func isLetter(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII { return (0x41...0x5a).contains(scalar.value) || (0x61...0x7a).contains(scalar.value) }
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: return true
        default: return false
        }
    }

    static func isNumber(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII { return (0x30...0x39).contains(scalar.value) }
        switch scalar.properties.generalCategory {
        case .decimalNumber, .letterNumber, .otherNumber: return true
        default: return false
        }
    }

    private static func isOther(_ scalar: Unicode.Scalar) -> Bool { !scalar.properties.isWhitespace && !isLetter(scalar) && !isNumber(scalar) }
}
