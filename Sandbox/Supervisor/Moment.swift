/// A point on the monotonic clock, in nanoseconds; the supervisor never reads a clock, it is told.
package struct Moment: Sendable, Hashable, Comparable {
    /// Nanoseconds on CLOCK_MONOTONIC.
    package var nanoseconds: UInt64

    package init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

    /// The moment that many milliseconds later; saturates at the end of time.
    package func adding(milliseconds: Int) -> Moment {
        let (sum, overflow) = nanoseconds.addingReportingOverflow(UInt64(max(0, milliseconds)) &* 1_000_000)
        return Moment(nanoseconds: overflow ? .max : sum)
    }

    /// Whole milliseconds since `earlier`, 0 if that lies ahead.
    package func milliseconds(since earlier: Moment) -> Int {
        nanoseconds <= earlier.nanoseconds ? 0 : Int((nanoseconds - earlier.nanoseconds) / 1_000_000)
    }

    package static let zero = Moment(nanoseconds: 0)
    package static let distantFuture = Moment(nanoseconds: .max)

    package static func < (a: Moment, b: Moment) -> Bool { a.nanoseconds < b.nanoseconds }
}
