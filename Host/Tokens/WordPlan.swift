import JSON

/// What a file says of how text is cut into words (`pre_tokenizer`).
struct WordPlan: Sendable {
    private(set) var splitter = TextSplitter.gpt2
    /// Whether each digit is a word of its own.
    private(set) var splitsDigits = false
    /// Whether a text that begins with no blank is given one.
    private(set) var prefixesBlank = false

    init(_ value: JSONValue) throws(Tokenizer.Unreadable) {
        let isChain = value["type"]?.stringValue == "Sequence"
        let parts = isChain ? value["pretokenizers"]?.arrayValue ?? [] : [value]
        guard parts.count <= TokenLimits.partsMax else { throw .init("/pre_tokenizer", "has more than \(TokenLimits.partsMax) parts") }
        guard let last = parts.last, last["type"]?.stringValue == "ByteLevel" else { throw .init("/pre_tokenizer", "does not end in ByteLevel") }
        let isCut = try read(parts.dropLast())
        if isCut, last["use_regex"]?.boolValue ?? true { throw .init("/pre_tokenizer", "cuts words twice, which is not read") }
        if !isCut, last["use_regex"]?.boolValue == false { throw .init("/pre_tokenizer", "says no way to cut words") }
        prefixesBlank = last["add_prefix_space"]?.boolValue ?? true
        if prefixesBlank, parts.count > 1 { throw .init("/pre_tokenizer", "puts a blank before each part, which is not read") }
    }

    /// What stands before the bytes; true when words are cut there.
    private mutating func read(_ parts: ArraySlice<JSONValue>) throws(Tokenizer.Unreadable) -> Bool {
        var isCut = false
        for part in parts {
            switch part["type"]?.stringValue {
            case "Digits" where part["individual_digits"]?.boolValue == true && !isCut: splitsDigits = true
            case "Split" where !isCut:
                guard let pattern = part["pattern"]?["Regex"]?.stringValue, let known = TextSplitter(pattern: pattern),
                    part["behavior"]?.stringValue == "Isolated", part["invert"]?.boolValue != true
                else { throw .init("/pre_tokenizer", "cuts words by a pattern that is not known here: \(Tokenizer.shown(part["pattern"]))") }
                (splitter, isCut) = (known, true)
            default: throw .init("/pre_tokenizer", "has \(Tokenizer.shown(part["type"])), which is not read there")
            }
        }
        return isCut
    }
}
