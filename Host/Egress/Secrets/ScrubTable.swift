/// The needles of some secrets, with what makes the search for them fast; made once, shared by many scrubbers.
///
/// An occurrence has at least `stride + 1` bytes, so each covers one of every `stride` neighbouring pairs of bytes. The search looks at that pair alone and goes on when
/// no occurrence can hold it; else it looks at the places between.
final class ScrubTable: Sendable {
    let needles: [ScrubNeedle]
    /// Pairs of bytes within any occurrence.
    let inside: [UInt64]
    /// Pairs that an occurrence may begin with.
    let beginning: [UInt64]
    /// Bytes that an occurrence may begin with.
    let isStart: [Bool]
    /// Needles by the byte, perhaps read from an escape, that an occurrence begins with.
    let starting: [[Int]]
    /// How far apart the pairs are that are looked at.
    let stride: Int

    /// Takes values of at least eight bytes, as the store keeps them.
    init(hiding values: [[UInt8]]) {
        needles = Set(values).flatMap(ScrubNeedle.all(of:))
        stride = (needles.map(\.bytes.count).min() ?? 2) - 1
        precondition(stride > 0, "a value too short to be told from other text")
        var (inside, beginning) = (PairSet(), PairSet())
        var starting = [[Int]](repeating: [], count: 256)
        var isStart = [Bool](repeating: false, count: 256)
        for (index, needle) in needles.enumerated() {
            Self.add(needle, &inside, &beginning)
            for byte in ScrubForms.of(needle.bytes[0], needle.fold).variants { starting[Int(byte)].append(index) }
        }
        for byte in 0..<256 { isStart[byte] = !needles.isEmpty && (ScrubEscape.isStart(UInt8(byte)) || !starting[byte].isEmpty) }
        (self.inside, self.beginning, self.starting, self.isStart) = (inside.words, beginning.words, starting, isStart)
    }

    private static func add(_ needle: ScrubNeedle, _ inside: inout PairSet, _ beginning: inout PairSet) {
        let breaks = needle.fold == .base64 ? ScrubForms.breaks : nil
        if let breaks { inside.formUnion(breaks.inner) }
        var left = ScrubForms.of(needle.bytes[0], needle.fold)
        inside.formUnion(left.inner)
        for (place, byte) in needle.bytes.enumerated().dropFirst() {
            let right = ScrubForms.of(byte, needle.fold)
            inside.formUnion(right.inner)
            let next = breaks.map { right.firsts.union($0.firsts) } ?? right.firsts
            for last in left.lasts { inside.insert(last, next) }
            for last in breaks?.lasts ?? [] { inside.insert(last, right.firsts) }
            if place == 1 {
                beginning.formUnion(left.openings)
                for single in left.variants { beginning.insert(single, next) }
            }
            left = right
        }
    }
}

/// A set of bytes.
struct ByteSet: Sendable {
    private(set) var words = InlineArray<4, UInt64>(repeating: 0)

    init(_ bytes: some Sequence<UInt8>) { for byte in bytes { words[Int(byte >> 6)] |= 1 << UInt64(byte & 63) } }

    func union(_ other: ByteSet) -> ByteSet {
        var both = self
        for place in 0..<4 { both.words[place] |= other.words[place] }
        return both
    }
}

/// A set of pairs of bytes, four words for each left one.
struct PairSet: Sendable {
    private(set) var words = [UInt64](repeating: 0, count: 1024)

    mutating func insert(_ left: UInt8, _ rights: ByteSet) { for place in 0..<4 { words[Int(left) * 4 + place] |= rights.words[place] } }

    mutating func formUnion(_ pairs: [(left: UInt8, right: UInt8)]) {
        for (left, right) in pairs { words[Int(left) * 4 + Int(right >> 6)] |= 1 << UInt64(right & 63) }
    }
}
