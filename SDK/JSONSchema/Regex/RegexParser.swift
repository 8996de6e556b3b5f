/// Parses the patterns of ECMA-262 (with the `u` flag, as JSON Schema asks); lone braces and escaped punctuation are taken literally.
struct RegexParser {
    private static let depthMax = 64
    private static let repeatMax = 65_535

    private let scalars: [UInt32]
    private var at = 0
    private var depth = 0
    private(set) var captureCount = 0
    private var names: [String: Int] = [:]
    private var namedReferences: [String] = []
    private var referenceMax = 0
    /// The names of all groups in order, found before parsing because references may come first.
    private var allNames: [String: Int] = [:]

    private init(_ pattern: String) { scalars = pattern.unicodeScalars.map(\.value) }

    /// The parsed pattern; throws when it is not in the grammar.
    static func parse(_ pattern: String) throws(RegexError) -> RegexNode {
        var parser = RegexParser(pattern)
        parser.findNames()
        let node = try parser.alternation()
        guard parser.at == parser.scalars.count else { throw RegexError(message: "an unmatched ')'") }
        guard parser.referenceMax <= parser.captureCount else { throw RegexError(message: "a reference to a group that does not exist") }
        for name in parser.namedReferences where parser.names[name] == nil { throw RegexError(message: "no group is named \(name)") }
        return node
    }

    private mutating func findNames() {
        var index = 0, group = 0, inClass = false
        while index < scalars.count {
            switch scalars[index] {
            case "\\": index += 1
            case "[": inClass = true
            case "]": inClass = false
            case "(" where !inClass:
                let isSpecial = scalar(index + 1) == "?"
                let isNamed = isSpecial && scalar(index + 2) == "<" && scalar(index + 3) != "=" && scalar(index + 3) != "!"
                if !isSpecial || isNamed { group += 1 }
                if isNamed, let end = scalars[index...].firstIndex(where: { $0 == ">" }) {
                    allNames[RegexParser.text(scalars[(index + 3)..<end])] = group
                }
            default: break
            }
            index += 1
        }
    }

    private static func text(_ scalars: ArraySlice<UInt32>) -> String {
        var text = ""
        for scalar in scalars { if let scalar = Unicode.Scalar(scalar) { text.unicodeScalars.append(scalar) } }
        return text
    }

    private func scalar(_ index: Int) -> UInt32? { index < scalars.count ? scalars[index] : nil }
    private var current: UInt32? { scalar(at) }

    private mutating func take(_ wanted: Unicode.Scalar) -> Bool {
        guard current == wanted.value else { return false }
        at += 1
        return true
    }

    private mutating func take(_ text: StaticString) -> Bool {
        let wanted = (0..<text.utf8CodeUnitCount).map { UInt32(text.utf8Start[$0]) }
        guard scalars[at...].starts(with: wanted) else { return false }
        at += wanted.count
        return true
    }

    private mutating func alternation() throws(RegexError) -> RegexNode {
        depth += 1
        defer { depth -= 1 }
        guard depth <= RegexParser.depthMax else { throw RegexError(message: "groups are nested too deep") }
        var branches = [try concatenation()]
        while take("|" as Unicode.Scalar) { branches.append(try concatenation()) }
        return branches.count == 1 ? branches[0] : .alternation(branches)
    }

    private mutating func concatenation() throws(RegexError) -> RegexNode {
        var terms: [RegexNode] = []
        while let next = current, next != "|", next != ")" { terms.append(try term()) }
        return terms.count == 1 ? terms[0] : terms.isEmpty ? .empty : .concatenation(terms)
    }

    private mutating func term() throws(RegexError) -> RegexNode {
        let atom = try atom()
        guard let (low, high) = try quantifier() else { return atom }
        switch atom {
        case .look, .start, .end, .boundary: throw RegexError(message: "a quantifier follows an assertion")
        default: break
        }
        if let high, high < low { throw RegexError(message: "a quantifier's bounds are out of order") }
        let isLazy = take("?" as Unicode.Scalar)
        if let next = current, next == "*" || next == "+" || next == "?" { throw RegexError(message: "nothing to repeat") }
        return .repetition(atom, min: low, max: high, isLazy: isLazy)
    }

    private mutating func quantifier() throws(RegexError) -> (Int, Int?)? {
        if take("*" as Unicode.Scalar) { return (0, nil) }
        if take("+" as Unicode.Scalar) { return (1, nil) }
        if take("?" as Unicode.Scalar) { return (0, 1) }
        let start = at
        guard take("{" as Unicode.Scalar), let low = try number() else {
            at = start
            return nil
        }
        if take("}" as Unicode.Scalar) { return (low, low) }
        if take("," as Unicode.Scalar) {
            if take("}" as Unicode.Scalar) { return (low, nil) }
            if let high = try number(), take("}" as Unicode.Scalar) { return (low, high) }
        }
        at = start
        return nil
    }

    private mutating func number() throws(RegexError) -> Int? {
        var value: Int?
        while let digit = current, digit >= 0x30, digit <= 0x39 {
            value = (value ?? 0) * 10 + Int(digit - 0x30)
            at += 1
            guard value ?? 0 <= RegexParser.repeatMax else { throw RegexError(message: "a number is larger than \(RegexParser.repeatMax)") }
        }
        return value
    }

    private mutating func atom() throws(RegexError) -> RegexNode {
        guard let next = current else { return .empty }
        at += 1
        switch next {
        case "^": return .start
        case "$": return .end
        case ".": return .set(CodePointSet.lineTerminator.complement)
        case "(": return try group()
        case "[": return try characterClass()
        case "\\": return try escape()
        case "*", "+", "?": throw RegexError(message: "nothing to repeat")
        default: return .set(CodePointSet([next...next]))
        }
    }

    private mutating func group() throws(RegexError) -> RegexNode {
        let wrap: (RegexNode) -> RegexNode
        if take("?:") {
            wrap = { .group($0) }
        } else if take("?=") {
            wrap = { .look($0, isBehind: false, isNegated: false) }
        } else if take("?!") {
            wrap = { .look($0, isBehind: false, isNegated: true) }
        } else if take("?<=") {
            wrap = { .look($0, isBehind: true, isNegated: false) }
        } else if take("?<!") {
            wrap = { .look($0, isBehind: true, isNegated: true) }
        } else {
            captureCount += 1
            if take("?<") {
                let name = try groupName()
                guard names.updateValue(captureCount, forKey: name) == nil else { throw RegexError(message: "two groups are named \(name)") }
            } else if current == "?" {
                throw RegexError(message: "a group of unknown kind")
            }
            wrap = { .capture($0) }
        }
        let body = try alternation()
        guard take(")" as Unicode.Scalar) else { throw RegexError(message: "an unclosed group") }
        return wrap(body)
    }

    private mutating func groupName() throws(RegexError) -> String {
        let start = at
        while let next = current, next != ">" {
            let isWord = next == "_" || next == "$" || next >= 0x80 || CodePointSet.word.ranges.contains { $0.contains(next) }
            guard isWord, at > start || next < 0x30 || next > 0x39 else { throw RegexError(message: "a malformed group name") }
            at += 1
        }
        guard at > start, take(">" as Unicode.Scalar) else { throw RegexError(message: "a malformed group name") }
        return RegexParser.text(scalars[start..<(at - 1)])
    }

    private mutating func escape() throws(RegexError) -> RegexNode {
        guard let next = current else { throw RegexError(message: "a trailing backslash") }
        switch next {
        case "b", "B":
            at += 1
            return .boundary(isNegated: next == "B")
        case "k":
            at += 1
            guard take("<" as Unicode.Scalar) else { throw RegexError(message: "a malformed reference") }
            let name = try groupName()
            namedReferences.append(name)
            return .backreference(allNames[name] ?? 0)
        case 0x31...0x39:
            guard let reference = try number() else { return .empty }
            referenceMax = max(referenceMax, reference)
            return .backreference(reference)
        default: return try classEscape().node
        }
    }

    /// What one escape or scalar stands for, inside a class or outside.
    private enum Item {
        case scalar(UInt32)
        case set(CodePointSet)
        case property(String)

        var node: RegexNode {
            switch self {
            case .scalar(let scalar): .set(CodePointSet([scalar...scalar]))
            case .set(let set): .set(set)
            case .property(let name): .propertyClass(ranges: CodePointSet(), properties: [name], isNegated: false)
            }
        }
    }

    private mutating func classEscape() throws(RegexError) -> Item {
        guard let next = current else { throw RegexError(message: "a trailing backslash") }
        at += 1
        switch next {
        case "d": return .set(.digit)
        case "D": return .set(CodePointSet.digit.complement)
        case "w": return .set(.word)
        case "W": return .set(CodePointSet.word.complement)
        case "s": return .set(.space)
        case "S": return .set(CodePointSet.space.complement)
        case "p", "P": return .property(try property(isNegated: next == "P"))
        case "t": return .scalar(0x09)
        case "n": return .scalar(0x0a)
        case "v": return .scalar(0x0b)
        case "f": return .scalar(0x0c)
        case "r": return .scalar(0x0d)
        case "0":
            if let digit = current, digit >= 0x30, digit <= 0x39 { throw RegexError(message: "an octal escape") }
            return .scalar(0)
        case "c":
            guard let letter = current, (0x41...0x5a).contains(letter) || (0x61...0x7a).contains(letter) else {
                throw RegexError(message: "\\c is not followed by a letter")
            }
            at += 1
            return .scalar(letter & 31)
        case "x":
            guard let value = hexadecimal(digits: 2) else { throw RegexError(message: "\\x is not followed by two hexadecimal digits") }
            return .scalar(value)
        case "u": return .scalar(try unicodeEscape())
        default:
            let isLetter = next < 0x80 && CodePointSet.word.ranges.contains { $0.contains(next) } && next != "_"
            guard !isLetter else { throw RegexError(message: "\\\(RegexParser.text([next][...])) is no escape of ECMA-262") }
            return .scalar(next)
        }
    }

    private mutating func hexadecimal(digits: Int) -> UInt32? {
        guard at + digits <= scalars.count else { return nil }
        var value: UInt32 = 0
        for scalar in scalars[at..<(at + digits)] {
            guard let digit = UInt8(exactly: scalar).flatMap(hexValue) else { return nil }
            value = value << 4 | UInt32(digit)
        }
        at += digits
        return value
    }

    private mutating func unicodeEscape() throws(RegexError) -> UInt32 {
        let malformed = RegexError(message: "a malformed \\u escape")
        if take("{" as Unicode.Scalar) {
            var value: UInt32 = 0, count = 0
            while let digit = current.flatMap({ UInt8(exactly: $0) }).flatMap(hexValue) {
                value = value << 4 | UInt32(digit)
                count += 1
                at += 1
                guard value <= 0x10ffff else { throw malformed }
            }
            guard count > 0, take("}" as Unicode.Scalar) else { throw malformed }
            return value
        }
        guard let high = hexadecimal(digits: 4) else { throw malformed }
        let start = at
        if (0xd800...0xdbff).contains(high), take("\\u"), let low = hexadecimal(digits: 4), (0xdc00...0xdfff).contains(low) {
            return 0x10000 + (high - 0xd800) << 10 + (low - 0xdc00)
        }
        at = start
        return high
    }

    private mutating func property(isNegated: Bool) throws(RegexError) -> String {
        guard take("{" as Unicode.Scalar), let end = scalars[at...].firstIndex(where: { $0 == "}" }) else {
            throw RegexError(message: "a malformed property")
        }
        let name = RegexParser.text(scalars[at..<end])
        at = end + 1
        guard let translated = RegexProperties.pcre(name) else { throw RegexError(message: "the property \(name) is not known") }
        return (isNegated ? "\\P{" : "\\p{") + translated + "}"
    }

    private mutating func characterClass() throws(RegexError) -> RegexNode {
        let isNegated = take("^" as Unicode.Scalar)
        var ranges: [ClosedRange<UInt32>] = []
        var properties: [String] = []
        while !take("]" as Unicode.Scalar) {
            let low = try classItem()
            switch low {
            case .set(let set): ranges += set.ranges
            case .property(let name): properties.append(name)
            case .scalar(let first):
                guard current == "-", let after = scalar(at + 1), after != "]" else {
                    ranges.append(first...first)
                    continue
                }
                at += 1
                guard case .scalar(let last) = try classItem() else { throw RegexError(message: "a range ends in a class") }
                guard first <= last else { throw RegexError(message: "a range is out of order") }
                ranges.append(first...last)
            }
        }
        let set = CodePointSet(ranges).withoutSurrogates
        if properties.isEmpty { return .set(isNegated ? set.complement : set) }
        return .propertyClass(ranges: set, properties: properties, isNegated: isNegated)
    }

    private mutating func classItem() throws(RegexError) -> Item {
        guard let next = current else { throw RegexError(message: "an unclosed class") }
        at += 1
        guard next == "\\" else { return .scalar(next) }
        if take("b" as Unicode.Scalar) { return .scalar(0x08) }
        return try classEscape()
    }
}

/// Lets scalars be written as literals in the patterns of this file.
private func ~= (pattern: Unicode.Scalar, value: UInt32) -> Bool { pattern.value == value }
private func == (left: UInt32?, right: Unicode.Scalar) -> Bool { left == right.value }
private func != (left: UInt32?, right: Unicode.Scalar) -> Bool { left != right.value }
