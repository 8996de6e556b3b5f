/// Punycode (RFC 3492) and the code points that IDNA2008 lets into a label (RFC 5892).
///
/// Only decoding: a host is compared, looked up and sent as it stands in ASCII, so nothing is ever mapped. What is decoded decides whether a label
/// could have been registered at all; one that could not is some other program's idea of a name.
enum Punycode {
    /// The code points of the part behind `xn--`, in lower case; nil for what no encoder writes.
    static func decode(_ bytes: ArraySlice<UInt8>) -> [Unicode.Scalar]? {
        var output: [UInt32] = []
        var rest = bytes
        if let delimiter = bytes.lastIndex(of: UInt8(ascii: "-")) {
            // A delimiter with nothing before it is a digit to RFC 3492, and there is no such digit.
            guard delimiter > bytes.startIndex else { return nil }
            output = bytes[..<delimiter].map(UInt32.init)
            rest = bytes[(delimiter + 1)...]
        }
        guard !rest.isEmpty else { return nil }
        var (code, index, bias) = (UInt32(128), UInt32(0), UInt32(72))
        while !rest.isEmpty {
            guard let step = variableLength(&rest, bias) else { return nil }
            let (sum, overflow) = index.addingReportingOverflow(step)
            let count = UInt32(output.count) + 1
            guard !overflow else { return nil }
            bias = adapt(sum - index, count, isFirst: index == 0)
            let (next, tooFar) = code.addingReportingOverflow(sum / count)
            guard !tooFar, next <= 0x10ffff else { return nil }
            code = next
            index = sum % count
            output.insert(code, at: Int(index))
            index += 1
        }
        var scalars: [Unicode.Scalar] = []
        for value in output {
            guard let scalar = Unicode.Scalar(value) else { return nil }
            scalars.append(scalar)
        }
        return scalars
    }

    /// A generalized variable-length integer (RFC 3492 section 3.3).
    private static func variableLength(_ rest: inout ArraySlice<UInt8>, _ bias: UInt32) -> UInt32? {
        var (value, weight, position) = (UInt32(0), UInt32(1), UInt32(36))
        while let byte = rest.popFirst() {
            guard let digit = digit(byte) else { return nil }
            let (product, overflow) = digit.multipliedReportingOverflow(by: weight)
            let (sum, tooFar) = value.addingReportingOverflow(product)
            guard !overflow, !tooFar else { return nil }
            value = sum
            let threshold: UInt32 = position <= bias ? 1 : min(position - bias, 26)
            if digit < threshold { return value }
            let (heavier, tooHeavy) = weight.multipliedReportingOverflow(by: 36 - threshold)
            guard !tooHeavy else { return nil }
            weight = heavier
            position += 36
        }
        return nil
    }

    private static func digit(_ byte: UInt8) -> UInt32? {
        switch byte {
        case 0x61...0x7a: UInt32(byte - 0x61)
        case 0x30...0x39: UInt32(byte - 0x30) + 26
        default: nil
        }
    }

    /// Section 3.4; `index == 0` after the first insertion at the very front adapts like the first, as in the reference code `oldi == 0`.
    private static func adapt(_ delta: UInt32, _ count: UInt32, isFirst: Bool) -> UInt32 {
        var delta = isFirst ? delta / 700 : delta / 2
        delta += delta / count
        var position: UInt32 = 0
        while delta > 455 {
            delta /= 35
            position += 36
        }
        return position + 36 * delta / (delta + 38)
    }

    /// Whether the part behind `xn--` is the encoding of a name with at least one character outside ASCII, all of them valid in a label.
    static func isValid(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard let scalars = decode(bytes), scalars.contains(where: { !$0.isASCII }), let first = scalars.first else { return false }
        return scalars.allSatisfy(isProtocolValid) && !isMark(first)
    }

    private static func isMark(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .spacingMark, .enclosingMark: true
        default: false
        }
    }

    /// PVALID of RFC 5892: letters, digits and marks that case folding and compatibility leave as they are. Characters that are valid only in some
    /// contexts (joiners, middle dots) are refused.
    private static func isProtocolValid(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x2d, 0x30...0x39, 0x61...0x7a: return true
        case 0..<0x80, 0x640, 0x7fa, 0x302e, 0x302f, 0x3031...0x3035, 0x303b, 0x1100...0x11ff, 0xa960...0xa97f, 0xd7b0...0xd7ff: return false
        case 0xdf, 0x3c2, 0x6fd, 0x6fe, 0xf0b, 0x3007: return true
        // Arabic-Indic digits of both kinds have a context rule.
        case 0x660...0x669, 0x6f0...0x6f9: return false
        default: break
        }
        // The folding also takes away what is ignorable.
        switch scalar.properties.generalCategory {
        case .lowercaseLetter, .uppercaseLetter, .otherLetter, .decimalNumber, .modifierLetter, .nonspacingMark, .spacingMark:
            return !scalar.properties.changesWhenNFKCCaseFolded
        default: return false
        }
    }
}
