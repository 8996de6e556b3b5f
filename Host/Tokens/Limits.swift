/// Every bound of tokenizers, in one place. A file is chosen by the operator and made by strangers.
package enum TokenLimits {
    /// Bytes of a `tokenizer.json`; the longest published ones that are read here have 28 MB.
    package static let fileBytesMax = 64 << 20
    /// Tokens of a vocabulary, pairs that are merged, and bytes of one token.
    static let tokensMax = 1 << 20
    static let mergesMax = 1 << 20
    static let tokenBytesMax = 4_096
    /// Tokens beside the vocabulary, and characters of all of them together.
    static let addedMax = 16_384
    static let addedScalarsMax = 1 << 18
    /// Characters of one of them: each place of a text is looked at for as many.
    static let addedScalarsEachMax = 256
    /// Parts of a chain of pre-tokenizers or normalisers.
    static let partsMax = 16
    /// Bytes of a word whose tokens are remembered, and how many words are.
    static let wordBytesMax = 64
    static let wordsMax = 16_384
    /// Characters of a stranger's text that a refusal shows.
    static let shownMax = 80
}
