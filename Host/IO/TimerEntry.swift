/// Something that falls due on a loop; it is a link of its slot's list, so that adding and removing it cost the same however many there are.
package class TimerEntry {
    // Only `TimerWheel` changes these, on the loop's thread.
    var due: UInt64 = .max
    /// Where it waits in the wheel, -1 when it does not.
    var slot: Int16 = -1
    var next: Unmanaged<TimerEntry>?
    var previous: Unmanaged<TimerEntry>?

    /// Whether it waits in a wheel.
    final var isArmed: Bool { slot >= 0 }

    /// Called once on the loop's thread after `due`; the entry is no longer in the wheel then.
    func fire(now: UInt64) {}
}
