/// How many tokens a text has, about: for models whose tokenizer is not at hand.
///
/// Byte-pair tokenizers make a token of about four bytes of English; other scripts take more tokens for fewer characters, which their longer UTF-8 form mirrors. A short
/// text is never nothing.
package enum TokenEstimate {
    /// About how many.
    package static func count(_ text: String) -> Int { text.isEmpty ? 0 : (text.utf8.count + 3) / 4 }

    /// The beginning that has about so many; nil when all of it does.
    package static func prefix(of text: String, tokens: Int) -> String? {
        guard count(text) > tokens else { return nil }
        let bytes = 4 * tokens
        guard bytes > 0 else { return "" }
        var end = text.utf8.index(text.utf8.startIndex, offsetBy: bytes)
        // Never through the middle of a character.
        while end.samePosition(in: text) == nil, end > text.startIndex { end = text.utf8.index(before: end) }
        return String(text[..<end])
    }
}
