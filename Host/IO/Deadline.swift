import Glibc

/// A moment on the monotonic clock by which something must have happened.
///
/// Deadlines travel as values, so that every layer below waits for what is left and not for a period of its own.
package struct Deadline: Sendable, Hashable, Comparable {
    /// Nanoseconds of CLOCK_MONOTONIC.
    package let nanoseconds: UInt64

    package init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

    /// A deadline that never passes.
    package static let distantFuture = Deadline(nanoseconds: .max)

    /// The present moment.
    package static func now() -> Deadline {
        var time = timespec()
        // clock_gettime fails only for a clock that does not exist.
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Deadline(nanoseconds: UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec))
    }

    /// The moment `milliseconds` from now; a negative number means now.
    package static func after(milliseconds: Int) -> Deadline { now().adding(milliseconds: milliseconds) }

    /// This moment moved by `milliseconds`, never past `distantFuture` and never back.
    package func adding(milliseconds: Int) -> Deadline {
        let (span, spanOverflow) = UInt64(max(0, milliseconds)).multipliedReportingOverflow(by: 1_000_000)
        let (sum, sumOverflow) = nanoseconds.addingReportingOverflow(span)
        return spanOverflow || sumOverflow ? .distantFuture : Deadline(nanoseconds: sum)
    }

    /// Nanoseconds left, 0 when it has passed.
    package var remainingNanoseconds: UInt64 {
        if self == .distantFuture { return .max }
        let now = Deadline.now().nanoseconds
        return nanoseconds > now ? nanoseconds - now : 0
    }

    /// Milliseconds left, rounded up, 0 when it has passed.
    package var remainingMilliseconds: Int {
        let left = remainingNanoseconds
        return left == .max ? .max : Int((left + 999_999) / 1_000_000)
    }

    /// Whether the moment has come.
    package var hasPassed: Bool { self != .distantFuture && Deadline.now() >= self }

    package static func < (left: Deadline, right: Deadline) -> Bool { left.nanoseconds < right.nanoseconds }
}
