/// Finds occurrences in bytes at hand; what it says of a place depends on those bytes alone.
struct ScrubSearch {
    /// What begins at a place.
    struct Finding {
        /// Where the longest occurrence ends; nil without one.
        var end: Int?
        /// Whether the bytes end within what may become one, or a longer one.
        var isOpen = false

        mutating func add(_ other: Finding) {
            end = [end, other.end].compactMap { $0 }.max()
            isOpen = isOpen || other.isOpen
        }
    }

    let table: ScrubTable
    let input: UnsafeBufferPointer<UInt8>
    private let inside: UnsafeBufferPointer<UInt64>
    private let beginning: UnsafeBufferPointer<UInt64>

    /// Ways to read one text that are followed beside each other: more than any value was found to have, so that none can make the search dear.
    private static let branchesMax = 32

    /// Looks through `input` with the table for as long as `body` runs.
    static func run<Value>(_ table: ScrubTable, _ input: UnsafeBufferPointer<UInt8>, _ body: (ScrubSearch) -> Value) -> Value {
        table.inside.withUnsafeBufferPointer { inside in
            table.beginning.withUnsafeBufferPointer { beginning in
                body(ScrubSearch(table: table, input: input, inside: inside, beginning: beginning))
            }
        }
    }

    /// The first place from `start` on at which something begins; nil when there is none.
    func next(from start: Int, isLast: Bool) -> (place: Int, finding: Finding)? {
        var start = start
        let (count, stride) = (input.count, table.stride)
        while start < count {
            var place = start + stride - 1
            while place + 1 < count, !isSet(inside, place) { place += stride }
            start = place - stride + 1
            for candidate in start..<max(start, min(place + 1, count)) where mayBegin(candidate) {
                let finding = finding(at: candidate)
                if finding.end != nil || (finding.isOpen && !isLast) { return (candidate, finding) }
            }
            start = place + 1
        }
        return nil
    }

    private func isSet(_ pairs: UnsafeBufferPointer<UInt64>, _ place: Int) -> Bool {
        let (left, right) = (Int(input[place]), input[place + 1])
        return pairs[left * 4 + Int(right >> 6)] >> UInt64(right & 63) & 1 != 0
    }

    private func mayBegin(_ place: Int) -> Bool { place + 1 < input.count ? isSet(beginning, place) : table.isStart[Int(input[place])] }

    /// What begins at a place, with its byte as it is or as an escape.
    private func finding(at place: Int) -> Finding {
        var finding = Finding()
        add(table.starting[Int(input[place])], place, &finding)
        guard ScrubEscape.isStart(input[place]) else { return finding }
        switch ScrubEscape.read(input, place) {
        case .byte(let value, _) where value != input[place]: add(table.starting[Int(value)], place, &finding)
        case .open: finding.isOpen = true
        default: break
        }
        return finding
    }

    private func add(_ needles: [Int], _ place: Int, _ finding: inout Finding) {
        for index in needles {
            var branches = 0
            finding.add(match(table.needles[index], 0, place, &branches))
        }
    }

    /// Follows a needle from its `index`th byte on.
    private func match(_ needle: ScrubNeedle, _ index: Int, _ start: Int, _ branches: inout Int) -> Finding {
        var (index, place) = (index, start)
        while index < needle.bytes.count {
            if needle.fold == .base64, index > 0 {
                guard let next = afterBreak(place) else { return Finding(isOpen: true) }
                place = next
            }
            guard place < input.count else { return Finding(isOpen: true) }
            let (byte, wanted) = (input[place], needle.bytes[index])
            let isPlain = needle.isSame(byte, wanted)
            guard ScrubEscape.isStart(byte) else {
                guard isPlain else { return Finding() }
                (index, place) = (index + 1, place + 1)
                continue
            }
            switch ScrubEscape.read(input, place) {
            case .byte(let value, let end) where needle.isSame(value, wanted):
                if isPlain, branches < Self.branchesMax {
                    branches += 1
                    var both = match(needle, index + 1, place + 1, &branches)
                    both.add(match(needle, index + 1, end, &branches))
                    return both
                }
                (index, place) = (index + 1, end)
            case .open where !isPlain: return Finding(isOpen: true)
            case .open:
                var finding = match(needle, index + 1, place + 1, &branches)
                finding.isOpen = true
                return finding
            default:
                guard isPlain else { return Finding() }
                (index, place) = (index + 1, place + 1)
            }
        }
        return Finding(end: place)
    }

    /// The place behind a line break, or the same place without one; nil when the bytes end within what may be one.
    private func afterBreak(_ place: Int) -> Int? {
        guard place < input.count, input[place] == 0x0d || input[place] == 0x0a || input[place] == UInt8(ascii: "\\") else { return place }
        var isOpen = false
        for text in ScrubNeedle.breaks {
            let count = min(text.count, input.count - place)
            guard input[place..<(place + count)].elementsEqual(text[..<count]) else { continue }
            if count == text.count { return place + count }
            isOpen = true
        }
        return isOpen ? nil : place
    }
}
