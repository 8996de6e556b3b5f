internal import JSON
internal import Tokens

/// Any bytes as a `tokenizer.json`, and then, before a zero byte, a recipe of one that is well formed, with the text to be encoded behind it: whatever the
/// vocabulary, the tokens together are the text.
func checkTokens(_ bytes: [UInt8]) {
    // A refusal is an answer.
    _ = try? Tokenizer(parsing: bytes).encode("It's 1 text.\r\n")
    let parts = bytes.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
    let text = String(decoding: parts.count > 1 ? parts[1] : [], as: UTF8.self)
    let recipe = VocabularyRecipe(parts[0])
    let tokenizer: Tokenizer
    do throws(Tokenizer.Unreadable) {
        tokenizer = try Tokenizer(recipe.file)
    } catch {
        preconditionFailure("a file by the book was refused: \(error)")
    }
    let tokens = tokenizer.encode(text)
    precondition(tokens.flatMap { recipe.pieces[Int($0)] } == Array(text.utf8), "the tokens are not the text")
    precondition(tokens == tokenizer.encode(text) && tokens.count == tokenizer.count(text), "two answers to one text")
}

/// Bytes, and pairs of what was made before.
private struct VocabularyRecipe {
    private(set) var pieces = (UInt8.min...UInt8.max).map { [$0] }
    private var merges: [JSONValue] = []
    private let kind: Int

    init(_ bytes: ArraySlice<UInt8>) {
        kind = Int(bytes.first ?? 0)
        var known = Set(pieces)
        var rest = bytes.dropFirst()
        while rest.count >= 2 {
            let (left, right) = (pieces[Int(rest.removeFirst()) * 3 % pieces.count], pieces[Int(rest.removeFirst()) * 5 % pieces.count])
            guard left.count + right.count <= 32, known.insert(left + right).inserted else { continue }
            pieces.append(left + right)
            merges.append([.string(ByteLevel.text(left)), .string(ByteLevel.text(right))])
        }
    }

    var file: JSONValue {
        var vocabulary: JSONObject = [:]
        for (id, piece) in pieces.enumerated() { vocabulary[ByteLevel.text(piece)] = JSONValue(id) }
        return [
            "model": ["type": "BPE", "vocab": .object(vocabulary), "merges": .array(merges), "ignore_merges": .bool(kind & 4 != 0)],
            "pre_tokenizer": words, "added_tokens": [],
        ]
    }

    private var words: JSONValue {
        func bytes(cutting: Bool) -> JSONValue { ["type": "ByteLevel", "add_prefix_space": false, "use_regex": .bool(cutting)] }
        func split(_ digits: String) -> JSONValue {
            let pattern = #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"# + digits
            let tail = #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
            return ["type": "Split", "pattern": ["Regex": .string(pattern + tail)], "behavior": "Isolated", "invert": false]
        }
        switch kind & 3 {
        case 0: return bytes(cutting: true)
        case 1: return ["type": "Sequence", "pretokenizers": [["type": "Digits", "individual_digits": true], bytes(cutting: true)]]
        case 2: return ["type": "Sequence", "pretokenizers": [split(#"\p{N}{1,3}"#), bytes(cutting: false)]]
        default: return ["type": "Sequence", "pretokenizers": [split(#"\p{N}"#), bytes(cutting: false)]]
        }
    }
}
