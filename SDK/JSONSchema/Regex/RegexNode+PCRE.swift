extension RegexNode {
    /// The pattern in PCRE2's syntax; classes are spelled out as ranges, so that no option or locale changes what they mean.
    func writePCRE(into text: inout String) {
        switch self {
        case .empty: break
        case .set(let set): RegexNode.write(set, [], isNegated: false, into: &text)
        case .propertyClass(let ranges, let properties, let isNegated): RegexNode.write(ranges, properties, isNegated: isNegated, into: &text)
        case .concatenation(let terms): for term in terms { term.writePCRE(into: &text) }
        case .alternation(let branches): RegexNode.group("(?:", branches, into: &text)
        case .repetition(let body, let low, let high, let isLazy):
            RegexNode.group("(?:", [body], into: &text)
            text += "{\(low),\(high.map(String.init) ?? "")}" + (isLazy ? "?" : "")
        case .group(let body): RegexNode.group("(?:", [body], into: &text)
        case .capture(let body): RegexNode.group("(", [body], into: &text)
        case .look(let body, let isBehind, let isNegated):
            RegexNode.group("(?" + (isBehind ? "<" : "") + (isNegated ? "!" : "="), [body], into: &text)
        case .backreference(let number): text += "\\g{\(number)}"
        case .start: text += "\\A"
        case .end: text += "\\z"
        case .boundary(let isNegated): text += isNegated ? "\\B" : "\\b"
        }
    }

    private static func group(_ open: String, _ branches: [RegexNode], into text: inout String) {
        text += open
        for (index, branch) in branches.enumerated() {
            if index > 0 { text += "|" }
            branch.writePCRE(into: &text)
        }
        text += ")"
    }

    private static func write(_ set: CodePointSet, _ properties: [String], isNegated: Bool, into text: inout String) {
        guard !set.ranges.isEmpty || !properties.isEmpty else {
            text += "(?!)"
            return
        }
        text += isNegated ? "[^" : "["
        for range in set.withoutSurrogates.ranges {
            text += "\\x{" + String(range.lowerBound, radix: 16) + "}"
            if range.count > 1 { text += "-\\x{" + String(range.upperBound, radix: 16) + "}" }
        }
        text += properties.joined() + "]"
    }
}
