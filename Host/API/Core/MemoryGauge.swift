import IO
import Synchronization

/// Tells whether the process holds more memory than it should (LIM-4); safe from any thread, and cheap enough for every request.
package final class MemoryGauge: Sendable {
    private let bytesMax: Int
    private let resident: @Sendable () -> Int?
    private let relieve: @Sendable () -> Void
    private let nextLook = Atomic<UInt64>(0)
    private let isOver = Atomic<Bool>(false)

    /// - Parameters:
    ///   - bytesMax: `limits.memory_high_water_bytes`.
    ///   - resident: Resident memory in bytes; nil when it cannot be read, which holds nobody up.
    ///   - relieve: Called at every look above the mark: gives unused memory back, and must not wait.
    package init(bytesMax: Int, resident: @escaping @Sendable () -> Int?, relieve: @escaping @Sendable () -> Void = {}) {
        self.bytesMax = bytesMax
        self.resident = resident
        self.relieve = relieve
    }

    /// Whether the mark is passed, as of the last look; looks again when that is too long ago.
    package var isShort: Bool {
        let now = Deadline.now().nanoseconds
        let due = nextLook.load(ordering: .relaxed)
        guard now >= due else { return isOver.load(ordering: .relaxed) }
        let next = now &+ UInt64(Limits.memorySampleMilliseconds) &* 1_000_000
        guard nextLook.compareExchange(expected: due, desired: next, ordering: .relaxed).exchanged else { return isOver.load(ordering: .relaxed) }
        let isShort = (resident() ?? 0) > bytesMax
        isOver.store(isShort, ordering: .relaxed)
        if isShort { relieve() }
        return isShort
    }
}
