/// The differences between two lists of lines, as lines kept on both sides.
///
/// Lines that occur once on each side anchor the comparison (patience); Myers' algorithm compares the stretches between them, within a
/// bound on its edits. A stretch past the bound is reported as replaced as a whole and ``isMinimal`` is false.
struct LineDiff {
    /// Index pairs of equal lines, ascending on both sides.
    private(set) var matches: [(old: Int, new: Int)] = []
    private(set) var isMinimal = true

    private let old: [Int]
    private let new: [Int]

    init<Line: Hashable>(_ old: [Line], _ new: [Line]) {
        var numbers: [Line: Int] = [:]
        func number(_ line: Line) -> Int {
            if let known = numbers[line] { return known }
            numbers[line] = numbers.count
            return numbers.count - 1
        }
        self.old = old.map { number($0) }
        self.new = new.map { number($0) }
        compare(0..<old.count, 0..<new.count)
    }

    private mutating func compare(_ oldRange: Range<Int>, _ newRange: Range<Int>) {
        var (oldRange, newRange) = (oldRange, newRange)
        while !oldRange.isEmpty, !newRange.isEmpty, old[oldRange.lowerBound] == new[newRange.lowerBound] {
            matches.append((oldRange.lowerBound, newRange.lowerBound))
            oldRange = oldRange.dropFirst()
            newRange = newRange.dropFirst()
        }
        var tail: [(old: Int, new: Int)] = []
        while !oldRange.isEmpty, !newRange.isEmpty, old[oldRange.upperBound - 1] == new[newRange.upperBound - 1] {
            tail.append((oldRange.upperBound - 1, newRange.upperBound - 1))
            oldRange = oldRange.dropLast()
            newRange = newRange.dropLast()
        }
        if !oldRange.isEmpty, !newRange.isEmpty { between(oldRange, newRange) }
        matches.append(contentsOf: tail.reversed())
    }

    private mutating func between(_ oldRange: Range<Int>, _ newRange: Range<Int>) {
        if let edits = MyersDiff(old, oldRange, new, newRange, editsMax: Limits.editsMax).matches() {
            matches.append(contentsOf: edits)
            return
        }
        isMinimal = false
        let anchors = anchors(oldRange, newRange)
        guard !anchors.isEmpty else { return }
        var (oldStart, newStart) = (oldRange.lowerBound, newRange.lowerBound)
        for anchor in anchors {
            compare(oldStart..<anchor.old, newStart..<anchor.new)
            matches.append(anchor)
            (oldStart, newStart) = (anchor.old + 1, anchor.new + 1)
        }
        compare(oldStart..<oldRange.upperBound, newStart..<newRange.upperBound)
    }

    /// The longest run of lines that occur exactly once on each side, in the same order on both.
    private func anchors(_ oldRange: Range<Int>, _ newRange: Range<Int>) -> [(old: Int, new: Int)] {
        let oldPlaces = places(old, oldRange)
        let newPlaces = places(new, newRange)
        let unique = oldRange.compactMap { place -> (old: Int, new: Int)? in
            guard oldPlaces[old[place]] == .some(place), case .some(.some(let other)) = newPlaces[old[place]] else { return nil }
            return (place, other)
        }
        return longestIncreasing(unique)
    }

    /// The place of each line that occurs once, nil for those that repeat.
    private func places(_ lines: [Int], _ range: Range<Int>) -> [Int: Int?] {
        var places: [Int: Int?] = [:]
        for place in range { places[lines[place]] = places[lines[place]] == nil ? .some(place) : .some(nil) }
        return places
    }

    private func longestIncreasing(_ pairs: [(old: Int, new: Int)]) -> [(old: Int, new: Int)] {
        var tops: [Int] = []
        var before = [Int](repeating: -1, count: pairs.count)
        for (index, pair) in pairs.enumerated() {
            var (low, high) = (0, tops.count)
            while low < high {
                let middle = (low + high) / 2
                if pairs[tops[middle]].new < pair.new { low = middle + 1 } else { high = middle }
            }
            if low > 0 { before[index] = tops[low - 1] }
            if low == tops.count { tops.append(index) } else { tops[low] = index }
        }
        var result: [(old: Int, new: Int)] = []
        var index = tops.last ?? -1
        while index >= 0 {
            result.append(pairs[index])
            index = before[index]
        }
        return result.reversed()
    }
}

/// Myers' greedy algorithm (An O(ND) Difference Algorithm, 1986) with a bound on the edits.
struct MyersDiff {
    private let old: [Int], new: [Int]
    private let oldRange: Range<Int>, newRange: Range<Int>
    private let editsMax: Int

    init(_ old: [Int], _ oldRange: Range<Int>, _ new: [Int], _ newRange: Range<Int>, editsMax: Int) {
        (self.old, self.oldRange, self.new, self.newRange) = (old, oldRange, new, newRange)
        self.editsMax = min(editsMax, oldRange.count + newRange.count)
    }

    /// Pairs of equal lines; nil when more edits would be needed.
    func matches() -> [(old: Int, new: Int)]? {
        let offset = editsMax + 1
        var furthest = [Int32](repeating: 0, count: 2 * offset + 1)
        var trace: [[Int32]] = []
        for edits in 0...editsMax {
            trace.append(Array(furthest[(offset - edits)...(offset + edits)]))
            for diagonal in stride(from: -edits, through: edits, by: 2) {
                let isDown = diagonal == -edits || (diagonal != edits && furthest[offset + diagonal - 1] < furthest[offset + diagonal + 1])
                var x = Int(isDown ? furthest[offset + diagonal + 1] : furthest[offset + diagonal - 1] + 1)
                var y = x - diagonal
                while x < oldRange.count, y >= 0, y < newRange.count, line(x) == other(y) {
                    x += 1
                    y += 1
                }
                furthest[offset + diagonal] = Int32(x)
                if x >= oldRange.count, y >= newRange.count { return path(trace, edits) }
            }
        }
        return nil
    }

    private func line(_ x: Int) -> Int { old[oldRange.lowerBound + x] }
    private func other(_ y: Int) -> Int { new[newRange.lowerBound + y] }

    /// Walks the trace backwards from the end.
    private func path(_ trace: [[Int32]], _ edits: Int) -> [(old: Int, new: Int)] {
        var (x, y) = (oldRange.count, newRange.count)
        var result: [(old: Int, new: Int)] = []
        for edit in stride(from: edits, through: 0, by: -1) {
            let reached = trace[edit]
            func at(_ diagonal: Int) -> Int32 { abs(diagonal) <= edit ? reached[diagonal + edit] : 0 }
            let diagonal = x - y
            let isDown = diagonal == -edit || (diagonal != edit && at(diagonal - 1) < at(diagonal + 1))
            let fromDiagonal = isDown ? diagonal + 1 : diagonal - 1
            let fromX = edit == 0 ? 0 : Int(at(fromDiagonal))
            let fromY = edit == 0 ? 0 : fromX - fromDiagonal
            while x > fromX, y > fromY {
                if edit > 0, x == fromX + (isDown ? 0 : 1), y == fromY + (isDown ? 1 : 0) { break }
                x -= 1
                y -= 1
                result.append((oldRange.lowerBound + x, newRange.lowerBound + y))
            }
            (x, y) = (fromX, fromY)
        }
        return result.reversed()
    }
}
