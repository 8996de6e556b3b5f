import IO
package import JSON
import Store

/// Counts and makes the tokens of a model, by its `tokenizer.json` (the format of Hugging Face's `tokenizers`): byte-level byte-pair encoding with the pre-tokenizers
/// of GPT-2, cl100k and their kin. Files of another sort are refused with the place and the reason; models without one are estimated.
///
/// Immutable but for a bounded memory of words; any task may use it. A text of n bytes costs n log n at most, whatever it is and whatever the file says.
package final class Tokenizer: Sendable {
    /// Why a file is none that this reads, and where.
    package struct Unreadable: Error, Sendable, Hashable, CustomStringConvertible {
        package let description: String

        init(_ pointer: String, _ reason: String) { description = "\(pointer) \(reason)" }
    }

    private let file: TokenizerFile
    private let words = Lock<[String: [Int32]]>([:])

    /// Takes a file that was read as JSON.
    package init(_ json: JSONValue) throws(Unreadable) { file = try TokenizerFile(json) }

    /// Reads a file's bytes.
    package convenience init(parsing bytes: [UInt8]) throws(Unreadable) {
        guard bytes.count <= TokenLimits.fileBytesMax else { throw Unreadable("the file", "has more than \(TokenLimits.fileBytesMax) bytes") }
        let json: JSONValue
        do {
            json = try JSONValue(parsing: bytes, limits: JSONLimits(bytesMax: max(1, bytes.count)))
        } catch {
            throw Unreadable("the file", "is not acceptable JSON at byte \(error.offset): \(error.message)")
        }
        try self.init(json)
    }

    /// The tokens of a text; what a file adds before and behind every text is not among them.
    package func encode(_ text: String) -> [Int32] {
        var tokens: [Int32] = []
        file.added.split(Array(text.unicodeScalars)) { stretch in
            let scalars = file.normalises ? Self.normalised(stretch) : Array(stretch)
            file.addedNormalised.split(scalars) { plain in
                encode(plain, &tokens)
            } found: { token in
                tokens.append(token)
            }
        } found: { token in
            tokens.append(token)
        }
        return tokens
    }

    /// How many tokens a text has.
    package func count(_ text: String) -> Int { encode(text).count }

    private static func normalised(_ text: ArraySlice<Unicode.Scalar>) -> [Unicode.Scalar] {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: text)
        return Array(NormalForm.of(String(view)).unicodeScalars)
    }

    private func encode(_ text: ArraySlice<Unicode.Scalar>, _ tokens: inout [Int32]) {
        let plan = file.words
        guard plan.splitsDigits else {
            let isBlankWanted = plan.prefixesBlank && text.first != " "
            return cut(isBlankWanted ? [" "] + Array(text) : Array(text), &tokens)
        }
        var start = text.startIndex
        for index in text.indices where TextSplitter.isNumber(text[index]) {
            if index > start { cut(Array(text[start..<index]), &tokens) }
            cut([text[index]], &tokens)
            start = index + 1
        }
        if start < text.endIndex { cut(Array(text[start...]), &tokens) }
    }

    private func cut(_ text: [Unicode.Scalar], _ tokens: inout [Int32]) {
        file.words.splitter.split(text) { range in
            var word = String.UnicodeScalarView()
            word.append(contentsOf: text[range])
            tokens += self.tokens(of: String(word))
        }
    }

    /// The tokens of one word; short ones are remembered.
    private func tokens(of word: String) -> [Int32] {
        let isShort = word.utf8.count <= TokenLimits.wordBytesMax
        if isShort, let known = words.withLock({ $0[word] }) { return known }
        let tokens = made(of: word)
        if isShort {
            words.withLock { words in
                if words.count >= TokenLimits.wordsMax { words.removeAll(keepingCapacity: true) }
                words[word] = tokens
            }
        }
        return tokens
    }

    private func made(of word: String) -> [Int32] {
        if !file.whole.isEmpty, word.utf8.count <= TokenLimits.tokenBytesMax, let token = file.whole[ByteLevel.text(word.utf8)] { return [token] }
        return file.encoder.encode(word.utf8.map { file.bytes[Int($0)] })
    }

    /// A stranger's words in a refusal, shortened.
    static func shown(_ value: JSONValue?) -> String { value.map { String($0.text.prefix(TokenLimits.shownMax)) } ?? "nothing" }
}
