/// A hierarchical timing wheel (Varghese and Lauck): eight wheels of 64 slots, the finest of one millisecond each.
///
/// An entry lies in the coarsest wheel in which its millisecond differs from the present one, and moves to finer ones when its slot's time begins.
/// So no wheel ever wraps: whatever is in one is later than all in the finer ones. An entry never fires early, and at most one tick late; those of one
/// tick fire in the order in which they came.
struct TimerWheel: ~Copyable {
    private struct Slot {
        var first: Unmanaged<TimerEntry>?
        var last: Unmanaged<TimerEntry>?
    }

    private static let levels = 8
    private static let tick: UInt64 = 1_000_000

    private let slots: UnsafeMutablePointer<Slot>
    /// Which slots of a level hold something.
    private var occupied = InlineArray<8, UInt64>(repeating: 0)
    /// No tick before this one has entries.
    private var current: UInt64
    /// The slot that is being emptied into finer ones, -1 when none is.
    private var cascading = -1
    /// Entries that may still move before the loop gets a turn.
    private var movesLeft = IOLimits.timerMovesPerTurnMax
    private(set) var count = 0

    /// A wheel whose present is `now`, in nanoseconds of CLOCK_MONOTONIC.
    init(now: UInt64) {
        slots = .allocate(capacity: TimerWheel.levels * 64)
        slots.initialize(repeating: Slot(), count: TimerWheel.levels * 64)
        current = now / TimerWheel.tick
    }

    deinit {
        for index in 0..<(TimerWheel.levels * 64) {
            var link = slots[index].first
            while let entry = link {
                link = entry.takeUnretainedValue().next
                entry.takeUnretainedValue().slot = -1
                entry.release()
            }
        }
        slots.deallocate()
    }

    /// No later than the moment at which the earliest falls due, or at which entries have to move to a finer wheel; nil when there is none.
    var nextDue: UInt64? {
        if count == 0 { return nil }
        if cascading >= 0 { return current &* TimerWheel.tick }
        for level in 0..<TimerWheel.levels where occupied[level] != 0 { return start(of: level) &* TimerWheel.tick }
        return nil
    }

    mutating func insert(_ entry: TimerEntry, due: UInt64) {
        precondition(!entry.isArmed, "a timer waits in one place")
        entry.due = due
        count += 1
        place(Unmanaged.passRetained(entry))
    }

    mutating func remove(_ entry: TimerEntry) {
        guard entry.isArmed else { return }
        unlink(entry)
        count -= 1
        Unmanaged.passUnretained(entry).release()
    }

    /// An entry that is due at `now`, taken out. Nil when there is none, and also when so many entries have moved that the loop should see to its
    /// descriptors first: `nextDue` is in the past then.
    mutating func popDue(now: UInt64) -> TimerEntry? {
        let present = now / TimerWheel.tick
        while count > 0 {
            if cascading >= 0 {
                if !cascade() { return nil }
                continue
            }
            guard let level = finestOccupied() else { break }
            let begin = start(of: level)
            if begin > present { break }
            // What was inserted for a tick that has passed lies in the present one.
            current = max(current, begin)
            if level == 0 { return takeFirst(of: occupied[0].trailingZeroBitCount) }
            cascading = level * 64 + occupied[level].trailingZeroBitCount
        }
        current = max(current, present)
        movesLeft = IOLimits.timerMovesPerTurnMax
        return nil
    }

    /// Any entry, taken out; for a loop that ends.
    mutating func popAny() -> TimerEntry? {
        guard let level = finestOccupied() else { return nil }
        cascading = -1
        return takeFirst(of: level * 64 + occupied[level].trailingZeroBitCount)
    }

    private func finestOccupied() -> Int? {
        for level in 0..<TimerWheel.levels where occupied[level] != 0 { return level }
        return nil
    }

    /// The tick with which the first occupied slot of a level begins.
    private func start(of level: Int) -> UInt64 {
        let shift = UInt64(level * 6)
        return (current >> (shift + 6)) << (shift + 6) | UInt64(occupied[level].trailingZeroBitCount) << shift
    }

    private mutating func place(_ link: Unmanaged<TimerEntry>) {
        let entry = link._withUnsafeGuaranteedRef { $0 }
        // Rounded up, so that nothing fires early.
        let (quotient, rest) = entry.due.quotientAndRemainder(dividingBy: TimerWheel.tick)
        let at = max(current, rest == 0 ? quotient : quotient + 1)
        let difference = at ^ current
        let level = difference == 0 ? 0 : (63 - difference.leadingZeroBitCount) / 6
        let index = level * 64 + Int(at >> UInt64(level * 6) & 63)
        entry.slot = Int16(truncatingIfNeeded: index)
        entry.next = nil
        entry.previous = slots[index].last
        if let last = slots[index].last {
            last._withUnsafeGuaranteedRef { $0.next = link }
        } else {
            slots[index].first = link
            occupied[level] |= 1 << UInt64(index & 63)
        }
        slots[index].last = link
    }

    private mutating func unlink(_ entry: TimerEntry) {
        let index = Int(entry.slot)
        if let previous = entry.previous {
            previous._withUnsafeGuaranteedRef { $0.next = entry.next }
        } else {
            slots[index].first = entry.next
        }
        if let next = entry.next {
            next._withUnsafeGuaranteedRef { $0.previous = entry.previous }
        } else {
            slots[index].last = entry.previous
        }
        entry.next = nil
        entry.previous = nil
        entry.slot = -1
        if slots[index].first == nil { occupied[index >> 6] &= ~(1 << UInt64(index & 63)) }
    }

    private mutating func takeFirst(of index: Int) -> TimerEntry? {
        guard let link = slots[index].first else { return nil }
        let entry = link.takeRetainedValue()
        unlink(entry)
        count -= 1
        return entry
    }

    /// Moves entries out of the slot whose time has begun; false when the loop should have a turn first.
    private mutating func cascade() -> Bool {
        while let link = slots[cascading].first {
            if movesLeft == 0 {
                movesLeft = IOLimits.timerMovesPerTurnMax
                return false
            }
            movesLeft -= 1
            unlink(link._withUnsafeGuaranteedRef { $0 })
            place(link)
        }
        cascading = -1
        return true
    }
}
