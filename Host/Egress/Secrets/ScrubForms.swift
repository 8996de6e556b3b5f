/// What the ways to write one byte have in common, worked out once for each byte.
struct ScrubForms: Sendable {
    /// Bytes that stand for it as they are.
    let variants: [UInt8]
    /// Neighbours within a form.
    let inner: [(left: UInt8, right: UInt8)]
    /// The first two bytes of the forms that have more than one.
    let openings: [(left: UInt8, right: UInt8)]
    let firsts: ByteSet
    let lasts: [UInt8]

    private init(_ forms: [[UInt8]]) {
        variants = forms.filter { $0.count == 1 }.map { $0[0] }
        inner = Self.unique(forms.flatMap { zip($0, $0.dropFirst()).map { ($0, $1) } })
        openings = Self.unique(forms.filter { $0.count > 1 }.map { ($0[0], $0[1]) })
        firsts = ByteSet(forms.map { $0[0] })
        lasts = Array(Set(forms.map { $0[$0.count - 1] }))
    }

    private static func unique(_ pairs: [(UInt8, UInt8)]) -> [(left: UInt8, right: UInt8)] {
        Set(pairs.map { UInt16($0) << 8 | UInt16($1) }).map { (UInt8($0 >> 8), UInt8(truncatingIfNeeded: $0)) }
    }

    private static let exact = make(.exact, 0x20...0x7e)
    private static let hex = make(.hex, Array("0123456789abcdef".utf8))
    private static let base64 = make(.base64, Base64Text.alphabet)

    private static func make(_ fold: ScrubNeedle.Fold, _ bytes: some Sequence<UInt8>) -> [ScrubForms?] {
        var found = [ScrubForms?](repeating: nil, count: 256)
        let needle = ScrubNeedle(bytes: [], fold: fold)
        for byte in bytes { found[Int(byte)] = ScrubForms(needle.forms(byte)) }
        return found
    }

    /// The forms of a byte that is looked for; a byte that no stored value has is looked for as it is.
    static func of(_ byte: UInt8, _ fold: ScrubNeedle.Fold) -> ScrubForms {
        let table =
            switch fold {
            case .exact: exact
            case .hex: hex
            case .base64: base64
            }
        return table[Int(byte)] ?? ScrubForms([[byte]])
    }

    /// What may stand between two characters of base64.
    static let breaks = ScrubForms(ScrubNeedle.breaks)
}
