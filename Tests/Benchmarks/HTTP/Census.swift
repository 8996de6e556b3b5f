import Glibc
import IO
import Synchronization
import Telemetry

/// What is there now: the load tests ask for it over HTTP, because the server is a process of its own.
final class Census: @unchecked Sendable {
    // SAFETY: `connections` is set once, before the server starts; the rest is constant or atomic.
    private let group: EventLoopGroup
    private let handlers = Atomic<Int>(0)
    private let cancelled = Atomic<Int>(0)
    /// Connections that the server counts.
    var connections: @Sendable () -> Int = { 0 }

    init(_ group: EventLoopGroup) { self.group = group }

    /// Counts a handler while `body` runs.
    func counting<T>(_ body: () async throws -> T) async rethrows -> T {
        handlers.add(1, ordering: .relaxed)
        defer { handlers.subtract(1, ordering: .relaxed) }
        return try await body()
    }

    /// Notes that a handler learned of its client's end.
    func noteCancelled() { cancelled.add(1, ordering: .relaxed) }

    /// `name=value` pairs in one line; whoever asks is counted too.
    var text: String {
        // First, because a connection is counted until its registration is gone: what is read later is no older.
        let connections = connections()
        let descriptors = group.loops.reduce(0) { $0 + $1.statistics.registrations }
        let worst = group.loops.map { $0.statistics.takeWorstTurnNanoseconds() }.max() ?? 0
        // What was freed but kept would count as the connections'.
        Allocator.trim()
        return "connections=\(connections) handlers=\(handlers.load(ordering: .relaxed)) cancelled=\(cancelled.load(ordering: .relaxed)) "
            + "registrations=\(descriptors) descriptors=\(Census.openDescriptors()) "
            + "resident=\(RuntimeMetrics.residentBytes() ?? 0) worst_turn_us=\(worst / 1000)\n"
    }

    private static func openDescriptors() -> Int {
        guard let directory = opendir("/proc/self/fd") else { return -1 }
        defer { closedir(directory) }
        var count = 0
        while readdir(directory) != nil { count += 1 }
        // Not counted: `.`, `..` and the directory's own descriptor.
        return count - 3
    }
}
