/// Something that falls due on a loop; it knows its place in the heap, so that removing it is O(log n).
package class TimerEntry {
    fileprivate(set) var due: UInt64 = .max
    fileprivate var index = -1

    /// Whether it waits in a heap.
    final var isArmed: Bool { index >= 0 }

    /// Called once on the loop's thread after `due`; the entry is no longer in the heap then.
    func fire(now: UInt64) {}
}

/// A binary heap of timers, the earliest first.
struct TimerHeap {
    private var entries: [TimerEntry] = []

    var count: Int { entries.count }
    /// When the earliest falls due, in nanoseconds of CLOCK_MONOTONIC.
    var nextDue: UInt64? { entries.first?.due }

    mutating func insert(_ entry: TimerEntry, due: UInt64) {
        precondition(!entry.isArmed, "a timer waits in one place")
        entry.due = due
        entry.index = entries.count
        entries.append(entry)
        siftUp(entry.index)
    }

    mutating func remove(_ entry: TimerEntry) {
        let index = entry.index
        guard index >= 0 else { return }
        entry.index = -1
        let last = entries.removeLast()
        guard index < entries.count else { return }
        place(last, at: index)
        siftUp(index)
        siftDown(last.index)
    }

    /// The earliest timer that is due at `now`, taken out.
    mutating func popDue(now: UInt64) -> TimerEntry? {
        guard let first = entries.first, first.due <= now else { return nil }
        remove(first)
        return first
    }

    /// Any timer, taken out; for a loop that ends.
    mutating func popAny() -> TimerEntry? {
        guard let last = entries.last else { return nil }
        remove(last)
        return last
    }

    private mutating func place(_ entry: TimerEntry, at index: Int) {
        entries[index] = entry
        entry.index = index
    }

    private mutating func siftUp(_ start: Int) {
        var index = start
        let entry = entries[index]
        while index > 0 {
            let parent = (index - 1) / 2
            if entries[parent].due <= entry.due { break }
            place(entries[parent], at: index)
            index = parent
        }
        place(entry, at: index)
    }

    private mutating func siftDown(_ start: Int) {
        var index = start
        let entry = entries[index]
        while true {
            var child = index * 2 + 1
            if child >= entries.count { break }
            if child + 1 < entries.count && entries[child + 1].due < entries[child].due { child += 1 }
            if entry.due <= entries[child].due { break }
            place(entries[child], at: index)
            index = child
        }
        place(entry, at: index)
    }
}
