/// The text of an IPv6 address: read as RFC 4291 section 2.2 allows, written as RFC 5952 section 4 demands.
enum IPv6Text {
    /// The address; nil for a zone, a prefix, brackets, an empty or a fifth digit, a second `::`, or one that stands for nothing.
    static func parse(_ bytes: ArraySlice<UInt8>) -> UInt128? {
        guard (2...45).contains(bytes.count) else { return nil }
        guard let gap = doubleColon(bytes) else {
            guard let groups = groups(bytes, mayEndDotted: true), groups.count == 8 else { return nil }
            return number(groups)
        }
        let (head, tail) = (bytes[..<gap], bytes[(gap + 2)...])
        guard let before = head.isEmpty ? [] : groups(head, mayEndDotted: false), let after = tail.isEmpty ? [] : groups(tail, mayEndDotted: true)
        else { return nil }
        let missing = 8 - before.count - after.count
        guard missing >= 1 else { return nil }
        return number(before + [UInt16](repeating: 0, count: missing) + after)
    }

    private static func doubleColon(_ bytes: ArraySlice<UInt8>) -> Int? {
        var index = bytes.startIndex
        while index + 1 < bytes.endIndex {
            if bytes[index] == UInt8(ascii: ":"), bytes[index + 1] == UInt8(ascii: ":") { return index }
            index += 1
        }
        return nil
    }

    private static func number(_ groups: [UInt16]) -> UInt128 { groups.reduce(0) { $0 << 16 | UInt128($1) } }

    /// Groups between single colons; the last may be an IPv4 address, which is two.
    private static func groups(_ bytes: ArraySlice<UInt8>, mayEndDotted: Bool) -> [UInt16]? {
        let parts = bytes.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        guard parts.count <= 8 else { return nil }
        var groups: [UInt16] = []
        for (index, part) in parts.enumerated() {
            if mayEndDotted, index == parts.count - 1, part.contains(UInt8(ascii: ".")) {
                guard let value = IPAddress.dotted(part) else { return nil }
                groups += [UInt16(value >> 16), UInt16(value & 0xffff)]
            } else {
                guard let group = group(part) else { return nil }
                groups.append(group)
            }
        }
        return groups.count <= 8 ? groups : nil
    }

    private static func group(_ part: ArraySlice<UInt8>) -> UInt16? {
        guard (1...4).contains(part.count) else { return nil }
        var value: UInt16 = 0
        for byte in part {
            guard let digit = Characters.hexValue(byte) else { return nil }
            value = value << 4 | UInt16(digit)
        }
        return value
    }

    /// Lower case, no leading zeros, the first of the longest runs of two or more zero groups as `::`; IPv4-mapped ones with their dotted half.
    static func write(_ value: UInt128) -> String {
        if value >> 32 == 0xffff { return "::ffff:\(IPAddress.v4(UInt32(truncatingIfNeeded: value)))" }
        let groups = (0..<8).map { UInt16(truncatingIfNeeded: value >> UInt128(112 - 16 * $0)) }
        func text(_ part: ArraySlice<UInt16>) -> String { part.map { String($0, radix: 16) }.joined(separator: ":") }
        guard let run = longestRun(groups) else { return text(groups[...]) }
        return text(groups[..<run.lowerBound]) + "::" + text(groups[run.upperBound...])
    }

    private static func longestRun(_ groups: [UInt16]) -> Range<Int>? {
        var best: Range<Int>?
        var start = 0
        while start < groups.count {
            var end = start
            while end < groups.count, groups[end] == 0 { end += 1 }
            if end - start >= max(2, (best?.count ?? 0) + 1) { best = start..<end }
            start = max(end, start + 1)
        }
        return best
    }
}
