/// A set of Unicode scalars as sorted ranges that do not touch.
struct CodePointSet: Hashable {
    private(set) var ranges: [ClosedRange<UInt32>]

    init(_ ranges: [ClosedRange<UInt32>] = []) { self.ranges = CodePointSet.normal(ranges) }

    private static func normal(_ ranges: [ClosedRange<UInt32>]) -> [ClosedRange<UInt32>] {
        var result: [ClosedRange<UInt32>] = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = result.last, range.lowerBound <= last.upperBound &+ 1 {
                result[result.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
            } else {
                result.append(range)
            }
        }
        return result
    }

    mutating func formUnion(_ other: CodePointSet) { ranges = CodePointSet.normal(ranges + other.ranges) }

    /// All scalars that are not in the set; surrogates are in neither.
    var complement: CodePointSet {
        var gaps: [ClosedRange<UInt32>] = []
        var next: UInt32 = 0
        for range in ranges {
            if range.lowerBound > next { gaps.append(next...range.lowerBound - 1) }
            next = range.upperBound + 1
        }
        if next <= 0x10ffff { gaps.append(next...0x10ffff) }
        return CodePointSet(gaps).withoutSurrogates
    }

    /// The set without the surrogates' range, which no UTF-8 text holds.
    var withoutSurrogates: CodePointSet {
        var kept: [ClosedRange<UInt32>] = []
        for range in ranges {
            if range.lowerBound < 0xd800 { kept.append(range.lowerBound...min(range.upperBound, 0xd7ff)) }
            if range.upperBound > 0xdfff { kept.append(max(range.lowerBound, 0xe000)...range.upperBound) }
        }
        var result = CodePointSet()
        result.ranges = kept
        return result
    }

    static let digit = CodePointSet([0x30...0x39])
    static let word = CodePointSet([0x30...0x39, 0x41...0x5a, 0x5f...0x5f, 0x61...0x7a])
    /// ECMAScript's WhiteSpace and LineTerminator.
    static let space = CodePointSet([
        0x09...0x0d, 0x20...0x20, 0xa0...0xa0, 0x1680...0x1680, 0x2000...0x200a, 0x2028...0x2029, 0x202f...0x202f, 0x205f...0x205f,
        0x3000...0x3000, 0xfeff...0xfeff,
    ])
    static let lineTerminator = CodePointSet([0x0a...0x0a, 0x0d...0x0d, 0x2028...0x2029])
    static let all = CodePointSet().complement
}
