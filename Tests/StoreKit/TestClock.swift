import Synchronization

/// Milliseconds that only a test moves.
package final class TestClock: Sendable {
    private let time = Mutex<Int64>(1_763_800_000_000)

    package init() {}

    package var now: Int64 {
        // Each look is a moment later, as in life.
        time.withLock { time in
            time += 1
            return time
        }
    }

    package func advance(milliseconds: Int64) { time.withLock { $0 += milliseconds } }
}
