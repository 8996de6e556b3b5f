import JSON

/// A `tokenizer.json` in the format of Hugging Face's `tokenizers`, as far as it is byte-level byte-pair encoding; whatever else it says that would change tokens is a
/// reason to refuse it, and every list of it is bounded.
struct TokenizerFile {
    /// The token of each byte.
    let bytes: [Int32]
    let encoder: BytePairEncoder
    /// Whole words that are tokens by themselves, where merges are not looked at first.
    let whole: [String: Int32]
    let words: WordPlan
    /// Whether text is brought to Unicode's normal form C.
    let normalises: Bool
    /// Tokens that are looked for before text is normalised, and behind it.
    let added: AddedTokens
    let addedNormalised: AddedTokens

    init(_ file: JSONValue) throws(Tokenizer.Unreadable) {
        let model = try Self.model(file["model"])
        let vocabulary = try Self.vocabulary(model["vocab"])
        bytes = try Self.bytes(vocabulary)
        encoder = BytePairEncoder(merges: try Self.merges(model["merges"], vocabulary))
        whole = model["ignore_merges"]?.boolValue == true ? vocabulary : [:]
        words = try WordPlan(file["pre_tokenizer"] ?? .null)
        normalises = try Self.normaliser(file["normalizer"] ?? .null)
        (added, addedNormalised) = try Self.added(file["added_tokens"]?.arrayValue ?? [])
    }

    private static func model(_ value: JSONValue?) throws(Tokenizer.Unreadable) -> JSONValue {
        guard let value, value["type"]?.stringValue == "BPE" else { throw .init("/model/type", "is not BPE") }
        if value["byte_fallback"]?.boolValue == true { throw .init("/model/byte_fallback", "is of SentencePiece, which is not read") }
        for name in ["continuing_subword_prefix", "end_of_word_suffix"] where value[name]?.stringValue?.isEmpty == false {
            throw .init("/model/\(name)", "is not read")
        }
        if let dropout = value["dropout"]?.doubleValue, dropout != 0 { throw .init("/model/dropout", "makes tokens by chance") }
        return value
    }

    private static func vocabulary(_ value: JSONValue?) throws(Tokenizer.Unreadable) -> [String: Int32] {
        let object = value?.objectValue ?? [:]
        guard object.count <= TokenLimits.tokensMax else { throw .init("/model/vocab", "has more than \(TokenLimits.tokensMax) tokens") }
        var vocabulary: [String: Int32] = [:]
        vocabulary.reserveCapacity(object.count)
        for (text, id) in object {
            guard let number = id.intValue, let token = Int32(exactly: number), token >= 0 else {
                throw .init("/model/vocab", "has an id that is none")
            }
            guard text.utf8.count <= TokenLimits.tokenBytesMax else {
                throw .init("/model/vocab", "has a token of more than \(TokenLimits.tokenBytesMax) bytes")
            }
            vocabulary[text] = token
        }
        return vocabulary
    }

    private static func bytes(_ vocabulary: [String: Int32]) throws(Tokenizer.Unreadable) -> [Int32] {
        var bytes: [Int32] = []
        for byte in UInt8.min...UInt8.max {
            guard let token = vocabulary[String(ByteLevel.character(byte))] else { throw .init("/model/vocab", "has no token for the byte \(byte)") }
            bytes.append(token)
        }
        return bytes
    }

    private static func merges(
        _ value: JSONValue?, _ vocabulary: [String: Int32]
    ) throws(Tokenizer.Unreadable) -> [BytePairEncoder.Pair: BytePairEncoder.Merge] {
        let list = value?.arrayValue ?? []
        guard list.count <= TokenLimits.mergesMax else { throw .init("/model/merges", "has more than \(TokenLimits.mergesMax) pairs") }
        var merges: [BytePairEncoder.Pair: BytePairEncoder.Merge] = [:]
        merges.reserveCapacity(list.count)
        for (rank, entry) in list.enumerated() {
            let parts =
                entry.arrayValue?.compactMap(\.stringValue)
                ?? entry.stringValue.map { $0.split(separator: " ", omittingEmptySubsequences: false).map(String.init) } ?? []
            guard parts.count == 2, let left = vocabulary[parts[0]], let right = vocabulary[parts[1]], let token = vocabulary[parts[0] + parts[1]]
            else { throw .init("/model/merges/\(rank)", "is of tokens that the vocabulary lacks") }
            merges[BytePairEncoder.Pair(left: left, right: right)] = .init(rank: Int32(rank), token: token)
        }
        return merges
    }

    private static func normaliser(_ value: JSONValue) throws(Tokenizer.Unreadable) -> Bool {
        if value.isNull { return false }
        let parts = value["type"]?.stringValue == "Sequence" ? value["normalizers"]?.arrayValue ?? [] : [value]
        for part in parts where part["type"]?.stringValue != "NFC" {
            throw .init("/normalizer", "is \(Tokenizer.shown(part["type"])), which is not read")
        }
        return !parts.isEmpty
    }

    private static func added(_ list: [JSONValue]) throws(Tokenizer.Unreadable) -> (AddedTokens, AddedTokens) {
        guard list.count <= TokenLimits.addedMax else { throw .init("/added_tokens", "has more than \(TokenLimits.addedMax) entries") }
        var (raw, normalised, scalars) = (AddedTokens(), AddedTokens(), 0)
        for (index, entry) in list.enumerated() {
            guard let text = entry["content"]?.stringValue, let id = entry["id"]?.intValue, let token = Int32(exactly: id), token >= 0 else {
                throw .init("/added_tokens/\(index)", "is no token")
            }
            for flag in ["single_word", "lstrip", "rstrip"] where entry[flag]?.boolValue == true {
                throw .init("/added_tokens/\(index)/\(flag)", "is not read")
            }
            let length = text.unicodeScalars.count
            guard length <= TokenLimits.addedScalarsEachMax else {
                throw .init("/added_tokens/\(index)/content", "has \(length) characters, and \(TokenLimits.addedScalarsEachMax) are read")
            }
            scalars += length
            guard scalars <= TokenLimits.addedScalarsMax else { throw .init("/added_tokens", "has too many characters") }
            if text.isEmpty { continue }
            if entry["normalized"]?.boolValue == true { normalised.add(text, token: token) } else { raw.add(text, token: token) }
        }
        return (raw, normalised)
    }
}
