@_spi(_Unicode) import Swift

/// Text as it is kept: Unicode's normal form C (UAX #15), so that what looks the same is the same (STORE-9).
package enum NormalForm {
    /// The text in normal form C.
    package static func of(_ text: String) -> String {
        // ASCII is in every normal form, and most text is.
        if text.utf8.allSatisfy({ $0 < 0x80 }) { return text }
        return String(String.UnicodeScalarView(text._nfc))
    }
}
