/// Counts crashes on load: three within a minute break a plugin (SPEC 2.2). Pure; the caller brings the clock.
package struct CrashLoopDetector: Sendable, Hashable {
    private var crashes: [UInt64] = []
    private let crashesMax: Int
    private let windowNanoseconds: UInt64

    /// Limits default to SPEC's.
    package init(crashesMax: Int = Limits.crashesOnLoadMax, windowMilliseconds: Int = Limits.crashWindowMilliseconds) {
        self.crashesMax = crashesMax
        windowNanoseconds = UInt64(windowMilliseconds) * 1_000_000
    }

    /// Records a crash at a moment of a monotonic clock, in nanoseconds; true when the plugin is now to be broken.
    package mutating func recordCrash(atNanoseconds now: UInt64) -> Bool {
        crashes.removeAll { now >= $0 && now - $0 >= windowNanoseconds }
        crashes.append(now)
        if crashes.count > crashesMax { crashes.removeFirst() }
        return crashes.count >= crashesMax
    }

    /// Forgets all crashes; after a successful load or a new version.
    package mutating func reset() { crashes.removeAll() }
}
