/// Host names of RFC 1123, with A-labels, and international ones of RFC 5890.
enum HostFormat {
    static func isHostname(_ bytes: [UInt8]) -> Bool {
        guard !bytes.isEmpty, bytes.count <= 253 else { return false }
        return bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).allSatisfy(isLabel)
    }

    private static func isLabel(_ label: ArraySlice<UInt8>) -> Bool {
        let dash = UInt8(ascii: "-")
        guard (1...63).contains(label.count), label.first != dash, label.last != dash else { return false }
        guard label.allSatisfy({ ASCII.isAlphanumeric($0) || $0 == dash }) else { return false }
        let bytes = Array(label)
        guard bytes.count >= 4, bytes[2] == dash, bytes[3] == dash else { return true }
        guard bytes[0] | 0x20 == UInt8(ascii: "x"), bytes[1] | 0x20 == UInt8(ascii: "n") else { return false }
        guard let decoded = Punycode.decode(bytes.dropFirst(4)), decoded.contains(where: { $0.value >= 0x80 }) else { return false }
        return IDNALabel.isValid(decoded)
    }

    static func isInternationalHostname(_ text: String) -> Bool {
        // The ideographic full stops separate labels as the ASCII one does.
        let stops: Set<Unicode.Scalar> = [".", "\u{3002}", "\u{ff0e}", "\u{ff61}"]
        let labels = text.unicodeScalars.split(omittingEmptySubsequences: false) { stops.contains($0) }
        var length = labels.count - 1
        for label in labels {
            let scalars = Array(label)
            if scalars.allSatisfy({ $0.isASCII }) {
                guard isLabel(scalars.map { UInt8($0.value) }[...]) else { return false }
                length += scalars.count
            } else {
                guard IDNALabel.isValid(scalars), let encoded = Punycode.encodedCount(scalars), encoded + 4 <= 63 else { return false }
                length += encoded + 4
            }
        }
        return length <= 253 && !text.isEmpty
    }
}

/// The rules of RFC 5891 and 5892 for one U-label.
enum IDNALabel {
    static func isValid(_ scalars: [Unicode.Scalar]) -> Bool {
        guard let first = scalars.first, first != "-", scalars.last != "-" else { return false }
        if scalars.count >= 4, scalars[2] == "-", scalars[3] == "-" { return false }
        switch first.properties.generalCategory {
        case .nonspacingMark, .spacingMark, .enclosingMark: return false
        default: break
        }
        return scalars.indices.allSatisfy { isAllowed(scalars, $0) } && hasOneDigitFamily(scalars)
    }

    private static func isAllowed(_ scalars: [Unicode.Scalar], _ index: Int) -> Bool {
        let scalar = scalars[index]
        func neighbour(_ offset: Int) -> Unicode.Scalar? { scalars.indices.contains(index + offset) ? scalars[index + offset] : nil }
        func isScript(_ scalar: Unicode.Scalar?, _ ranges: [ClosedRange<UInt32>]) -> Bool {
            guard let scalar else { return false }
            return ranges.contains { $0.contains(scalar.value) }
        }
        switch scalar.value {
        case 0xb7: return neighbour(-1) == "l" && neighbour(1) == "l"
        case 0x375: return isScript(neighbour(1), [0x370...0x3ff, 0x1f00...0x1fff])
        case 0x5f3, 0x5f4: return isScript(neighbour(-1), [0x590...0x5ff, 0xfb1d...0xfb4f])
        case 0x30fb:
            return scalars.contains {
                isScript($0, [0x3041...0x309f, 0x30a1...0x30fa, 0x30fc...0x30ff, 0x3400...0x9fff, 0x20000...0x323af]) || $0.value == 0x3005
                    || $0.value == 0x3007
            }
        case 0x200d: return neighbour(-1)?.properties.canonicalCombiningClass == .virama
        case 0x200c: return neighbour(-1)?.properties.canonicalCombiningClass == .virama || isJoined(scalars, index)
        case 0xdf, 0x3c2, 0x6fd, 0x6fe, 0xf0b, 0x3007: return true
        case 0x640, 0x7fa, 0x302e, 0x302f, 0x3031...0x3035, 0x303b: return false
        default: return isLetterOrDigit(scalar)
        }
    }

    /// Whether a zero-width non-joiner stands between Arabic-like letters that would join.
    private static func isJoined(_ scalars: [Unicode.Scalar], _ index: Int) -> Bool {
        func isJoining(_ scalar: Unicode.Scalar?) -> Bool { scalar.map { (0x620...0x8ff).contains($0.value) && isLetterOrDigit($0) } ?? false }
        return index > 0 && index + 1 < scalars.count && isJoining(scalars[index - 1]) && isJoining(scalars[index + 1])
    }

    private static func isLetterOrDigit(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII { return scalar == "-" || ASCII.isAlphanumeric(UInt8(scalar.value)) }
        if scalar.properties.isDefaultIgnorableCodePoint || (0x1100...0x11ff).contains(scalar.value) { return false }
        // Unstable under case folding and compatibility mapping: upper case and presentation forms.
        if scalar.properties.changesWhenCaseFolded || (0xfb00...0xfdff).contains(scalar.value) || (0xfe70...0xffef).contains(scalar.value) {
            return false
        }
        switch scalar.properties.generalCategory {
        case .lowercaseLetter, .uppercaseLetter, .otherLetter, .modifierLetter, .nonspacingMark, .spacingMark, .decimalNumber: return true
        default: return false
        }
    }

    private static func hasOneDigitFamily(_ scalars: [Unicode.Scalar]) -> Bool {
        let arabic = scalars.contains { (0x660...0x669).contains($0.value) }, extended = scalars.contains { (0x6f0...0x6f9).contains($0.value) }
        return !(arabic && extended)
    }
}

/// RFC 3492.
enum Punycode {
    static func decode(_ input: ArraySlice<UInt8>) -> [Unicode.Scalar]? {
        var output: [UInt32] = []
        var rest = input
        if let dash = input.lastIndex(of: UInt8(ascii: "-")) {
            output = input[..<dash].map { UInt32($0 | (ASCII.isLetter($0) ? 0x20 : 0)) }
            rest = input[(dash + 1)...]
        }
        guard !rest.isEmpty else { return nil }
        var code = 128, index = 0, bias = 72
        while !rest.isEmpty {
            let old = index
            var weight = 1, k = 36
            while true {
                guard let byte = rest.popFirst(), ASCII.isAlphanumeric(byte) else { return nil }
                let digit = ASCII.isDigit(byte) ? Int(byte) - 22 : Int(byte | 0x20) - 97
                index += digit * weight
                let threshold = min(max(k - bias, 1), 26)
                if digit < threshold { break }
                weight *= 36 - threshold
                k += 36
                guard index < 1 << 30, weight < 1 << 30 else { return nil }
            }
            bias = adapt(index - old, output.count + 1, isFirst: old == 0)
            code += index / (output.count + 1)
            index %= output.count + 1
            guard code <= 0x10ffff else { return nil }
            output.insert(UInt32(code), at: index)
            index += 1
        }
        let scalars = output.compactMap { Unicode.Scalar($0) }
        return scalars.count == output.count ? scalars : nil
    }

    /// How many characters the encoded form has, without `xn--`; nil when it is absurdly long.
    static func encodedCount(_ scalars: [Unicode.Scalar]) -> Int? {
        guard scalars.count <= 63 else { return nil }
        let basic = scalars.count { $0.isASCII }
        var count = basic + (basic > 0 ? 1 : 0)
        var handled = basic, code = 128, delta = 0, bias = 72
        while handled < scalars.count {
            guard let next = scalars.lazy.map({ Int($0.value) }).filter({ $0 >= code }).min() else { return nil }
            delta += (next - code) * (handled + 1)
            code = next
            for scalar in scalars {
                if scalar.value < code { delta += 1 }
                guard scalar.value == code else { continue }
                var rest = delta, k = 36
                while true {
                    let threshold = min(max(k - bias, 1), 26)
                    count += 1
                    if rest < threshold { break }
                    rest = (rest - threshold) / (36 - threshold)
                    k += 36
                }
                bias = adapt(delta, handled + 1, isFirst: handled == basic)
                delta = 0
                handled += 1
            }
            delta += 1
            code += 1
        }
        return count
    }

    private static func adapt(_ delta: Int, _ count: Int, isFirst: Bool) -> Int {
        var delta = isFirst ? delta / 700 : delta / 2
        delta += delta / count
        var k = 0
        while delta > 455 {
            delta /= 35
            k += 36
        }
        return k + 36 * delta / (delta + 38)
    }
}
