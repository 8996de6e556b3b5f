import IO
import Synchronization
import Telemetry

/// Gives memory that the allocator keeps unused back to the kernel, off the loops, one pass at a time.
///
/// Without it a host that was once above its high-water mark would stay there: freed memory counts as resident until it is returned.
final class MemoryRelief: Sendable {
    private let pool: BlockingPool
    private let loop: EventLoop
    private let scope = TaskScope()
    private let isRunning = Atomic<Bool>(false)

    init(on loop: EventLoop) throws {
        self.loop = loop
        pool = try BlockingPool(name: "memory", threads: 1, queueMax: 1)
    }

    /// Registers its thread's queue.
    func observe(in metrics: Metrics) { RuntimeMetrics.observe(pool, in: metrics) }

    /// Starts a pass unless one is under way; never waits.
    func ask() {
        guard !isRunning.exchange(true, ordering: .relaxed) else { return }
        let isStarted = scope.start(on: loop) {
            // try?: it fails only when the pool stops, and so does the host then.
            try? await self.pool.run { Allocator.trim() }
            self.isRunning.store(false, ordering: .relaxed)
        }
        if !isStarted { isRunning.store(false, ordering: .relaxed) }
    }

    /// Ends the thread; blocks for the pass under way.
    func close() {
        scope.cancel()
        pool.shutdown()
    }
}
