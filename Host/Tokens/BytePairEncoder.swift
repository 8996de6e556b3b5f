/// Byte-pair encoding (Sennrich, Haddow, Birch 2016) with the ranks of a published vocabulary: of all neighbours the pair of the lowest rank is merged first,
/// the leftmost of equals, until none is left.
struct BytePairEncoder: Sendable {
    struct Pair: Hashable, Sendable {
        let left: Int32
        let right: Int32
    }

    /// What two neighbours become, and how early.
    struct Merge: Sendable {
        let rank: Int32
        let token: Int32
    }

    let merges: [Pair: Merge]

    /// Merges a piece in place. A heap of candidates beside a linked list: a piece of n symbols costs n log n, so that a text without blanks is no trap.
    func encode(_ symbols: [Int32]) -> [Int32] {
        guard symbols.count > 1 else { return symbols }
        var (tokens, previous, next) = (symbols, Array(-1..<symbols.count - 1), Array(1...symbols.count))
        next[symbols.count - 1] = -1
        var heap = Heap()
        func candidate(_ left: Int) {
            guard left >= 0, next[left] >= 0, let merge = merges[Pair(left: tokens[left], right: tokens[next[left]])] else { return }
            heap.push(Candidate(rank: merge.rank, place: Int32(left), left: tokens[left], right: tokens[next[left]], token: merge.token))
        }
        for place in 0..<symbols.count - 1 { candidate(place) }
        while let best = heap.pop() {
            let left = Int(best.place)
            // One of the two may have been merged with another meanwhile.
            guard tokens[left] == best.left, next[left] >= 0, tokens[next[left]] == best.right else { continue }
            let right = next[left]
            tokens[left] = best.token
            tokens[right] = -1
            next[left] = next[right]
            if next[left] >= 0 { previous[next[left]] = left }
            candidate(previous[left])
            candidate(left)
        }
        return tokens.filter { $0 >= 0 }
    }

    private struct Candidate {
        let rank: Int32
        let place: Int32
        let left: Int32
        let right: Int32
        let token: Int32

        func comesBefore(_ other: Candidate) -> Bool { rank < other.rank || rank == other.rank && place < other.place }
    }

    /// A binary heap, the lowest rank on top.
    private struct Heap {
        private var items: [Candidate] = []

        mutating func push(_ item: Candidate) {
            items.append(item)
            var child = items.count - 1
            while child > 0 {
                let parent = (child - 1) / 2
                guard items[child].comesBefore(items[parent]) else { return }
                items.swapAt(child, parent)
                child = parent
            }
        }

        mutating func pop() -> Candidate? {
            guard let top = items.first, let last = items.popLast() else { return nil }
            if items.isEmpty { return top }
            items[0] = last
            var parent = 0
            while true {
                let (left, right) = (2 * parent + 1, 2 * parent + 2)
                var first = parent
                if left < items.count, items[left].comesBefore(items[first]) { first = left }
                if right < items.count, items[right].comesBefore(items[first]) { first = right }
                if first == parent { return top }
                items.swapAt(parent, first)
                parent = first
            }
        }
    }
}
