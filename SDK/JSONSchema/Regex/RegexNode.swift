/// A regular expression of ECMA-262 with the `u` flag, parsed.
indirect enum RegexNode {
    /// Matches nothing but the empty string.
    case empty
    /// One scalar out of a set.
    case set(CodePointSet)
    /// One scalar out of a class that names Unicode properties, which only PCRE2 knows: its parts as PCRE2 writes them.
    case propertyClass(ranges: CodePointSet, properties: [String], isNegated: Bool)
    case concatenation([RegexNode])
    case alternation([RegexNode])
    case repetition(RegexNode, min: Int, max: Int?, isLazy: Bool)
    case group(RegexNode)
    case capture(RegexNode)
    case look(RegexNode, isBehind: Bool, isNegated: Bool)
    case backreference(Int)
    case start
    case end
    case boundary(isNegated: Bool)
}

/// Why a pattern is none that we can run.
struct RegexError: Error, Hashable {
    let message: String
}
