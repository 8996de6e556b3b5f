import Glibc
import IO
import JSON
import Registry
import Supervisor
import Tools
import Workers

/// What workers and the host weigh.
extension BenchRun {
    func growth(_ calls: Int, _ put: (String, Double?) -> Void) async throws {
        Output.progress("  \(calls) calls without growth")
        let bare = try bareService("benchc")
        _ = try await latencies(bare.service, "benchc.count", Self.input, count: 1_000)
        let (host, worker) = (Self.residentKiB(), Self.peak(bare.pool))
        _ = try await latencies(bare.service, "benchc.count", Self.input, count: calls)
        put("host_growth_10000_kib", Double(Self.residentKiB() - host))
        put("worker_growth_10000_kib", Double(Self.peak(bare.pool) - worker) / 1024)
        await engine.workers.remove(bare.pool, until: .after(milliseconds: 1_000))
    }

    private static func peak(_ pool: PluginPool) -> Int { pool.view.workers.map(\.peakMemoryBytes).max() ?? 0 }

    static func residentKiB() -> Int {
        // try?: without a figure there is no growth to show, and the row says 0.
        guard let text = try? File.read("/proc/self/statm") else { return 0 }
        let pages = String(decoding: text, as: UTF8.self).split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        return pages * sysconf(Int32(_SC_PAGESIZE)) / 1024
    }

    /// The Private_Dirty of each worker, sorted, which the outer half reads; empty when it may not.
    func privateDirtyKiB(of pool: PluginPool) async throws -> [Int] {
        sync()
        // Whoever answers looks for a question without an answer.
        for file in ["pids", "memory"] { unlink("\(data)/\(file)") }
        try File.write(Array(pool.pids.map(String.init).joined(separator: "\n").utf8), to: "\(data)/pids")
        let patience = Deadline.after(milliseconds: 10_000)
        while !Path.exists("\(data)/memory"), !patience.hasPassed { try await engine.loop.sleep(until: .after(milliseconds: 20)) }
        return String(decoding: try File.read("\(data)/memory"), as: UTF8.self).split(separator: "\n").compactMap { Int($0) }.sorted()
    }

    /// Starts so many idle workers and has the outer half look at their memory.
    func idle(_ count: Int, _ put: (String, Double?) -> Void) async throws {
        Output.progress("  memory of \(count) idle workers")
        var spec = PluginSpec(try record(station.registry.snapshot().plugins["calc"] == nil ? "benchc" : "calc"), spares: count)
        spec.pool.workersMax = count
        spec.pool.spares = count
        let pool = engine.workers.add(spec)
        let deadline = Deadline.after(milliseconds: 60_000)
        while pool.view.workers.count(where: { $0.state == "ready" }) < count, !deadline.hasPassed, pool.broken == nil {
            try await engine.loop.sleep(until: .after(milliseconds: 50))
        }
        let values = try await privateDirtyKiB(of: pool)
        put("idle_workers", Double(pool.pids.count))
        put("worker_private_dirty_kib", values.isEmpty ? nil : Double(values[values.count / 2]))
        put("idle_workers_private_dirty_kib", values.isEmpty ? nil : Double(values.reduce(0, +)))
        put("host_resident_kib", Double(Self.residentKiB()))
        await engine.workers.remove(pool, until: .now())
    }
}
