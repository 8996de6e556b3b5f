import Glibc
import IO
import JSON
import Registry
import Store
import Supervisor
import Tools
import Workers

/// The inner half of `limen bench`: runs as the host does, beneath the spawner.
enum BenchMeasure {
    /// How much is measured: a pinned second run repeats only what depends on the CPU.
    private struct Effort {
        var starts = 20
        var calls = 5_000
        var throughputMilliseconds = 2_000
        var idleWorkers = 100
        var growthCalls = 10_000
    }

    static func run(_ arguments: Arguments) throws -> Int32 {
        let workshop = try Workshop(arguments)
        guard let data = arguments["data"] else { throw CommandError("no data folder") }
        var effort = Effort()
        if arguments.has("pinned") { (effort.starts, effort.idleWorkers, effort.growthCalls) = (10, 0, 0) }
        let plan = effort
        var result = try Engine.run { engine in
            try await workshop.pack(engine)
            let station = try Station(
                engine, data: data, manifests: "\(data)/manifests", bundleRoots: ["\(workshop.path)/bundles"], trust: workshop.trust)
            for bundle in workshop.bundles { try await station.take(bundle) }
            let result = try await BenchRun(engine: engine, station: station, data: data).all(
                starts: plan.starts, calls: plan.calls, throughputMilliseconds: plan.throughputMilliseconds, idleWorkers: plan.idleWorkers,
                growthCalls: plan.growthCalls)
            await station.stop()
            return result
        }
        let (parsed, text) = try BenchSchema.measure(milliseconds: 1_000)
        result["schema_validations_per_s"] = JSONValue(parsed.rounded())
        result["schema_validations_text_per_s"] = JSONValue(text.rounded())
        try File.write(JSONValue.object(result).serialized(), to: "\(data)/result.json")
        return 0
    }
}

/// One run over a loaded station.
struct BenchRun: Sendable {
    let engine: Engine
    let station: Station
    let data: String

    private static let caller = Caller(tenant: "main", user: "bench", role: .operator, keyID: "bench")
    /// 256 bytes of input.
    private static let input: [UInt8] = Array(#"{"text":""#.utf8) + [UInt8](repeating: 0x61, count: 245) + Array(#""}"#.utf8)

    func all(starts: Int, calls: Int, throughputMilliseconds: Int, idleWorkers: Int, growthCalls: Int) async throws -> JSONObject {
        var result: JSONObject = [:]
        func put(_ key: String, _ value: Double?) { result[key] = value.map { JSONValue(($0 * 100).rounded() / 100) } ?? .null }
        let bare = try bareService("benchc")
        Output.progress("  ping-pong and calls")
        let warmUp = try await latencies(bare.service, "benchc.count", Self.input, count: calls / 10)
        _ = warmUp
        let pingpong = try PingPong.run(rounds: calls)
        let direct = try await latencies(bare.service, "benchc.count", Self.input, count: calls)
        put("pingpong_p50_us", pingpong.microseconds(0.5))
        put("call_p50_us", direct.microseconds(0.5))
        put("call_p99_us", direct.microseconds(0.99))
        if let call = direct.microseconds(0.5), let raw = pingpong.microseconds(0.5) { put("call_to_pingpong", call / raw) }
        let audited = try await latencies(station.tools, "benchc.count", Self.input, count: calls / 2)
        put("audited_call_p50_us", audited.microseconds(0.5))
        if station.tools.entry("calc.evaluate") != nil {
            let swift = try await latencies(station.tools, "calc.evaluate", Array(#"{"expression":"1+1"}"#.utf8), count: calls / 4)
            put("swift_call_p50_us", swift.microseconds(0.5))
        }
        for clients in [1, 8, 64] {
            Output.progress("  throughput, \(clients) clients")
            put("calls_per_s_\(clients)", try await throughput(bare.service, clients: clients, milliseconds: throughputMilliseconds))
        }
        await bare.service.stop()
        await engine.workers.remove(bare.pool, until: .after(milliseconds: 1_000))
        Output.progress("  cold starts, at least 300 ms apart")
        let cold = try await coldStarts("benchc", count: starts)
        put("jail_start_cold_p50_us", cold.microseconds(0.5))
        put("jail_start_cold_p99_us", cold.microseconds(0.99))
        if station.registry.snapshot().plugins["calc"] != nil {
            let swift = try await coldStarts("calc", count: starts)
            put("swift_jail_start_cold_p50_us", swift.microseconds(0.5))
            put("swift_jail_start_cold_p99_us", swift.microseconds(0.99))
        }
        put("jail_start_warm_p50_us", try await warmStarts(count: starts).microseconds(0.5))
        if growthCalls > 0 { try await growth(growthCalls, put) }
        if idleWorkers > 0 { try await idle(idleWorkers, put) }
        return result
    }

    // MARK: Calls

    /// The call path without store, so that a call is compared with a ping-pong and not with a disk.
    private func bareService(_ plugin: String, mode: IsolationMode? = nil) throws -> (service: ToolService, pool: PluginPool) {
        let record = try record(plugin)
        var spec = PluginSpec(record, spares: 1)
        if let mode { spec.pool = WorkerPool.Settings(mode: mode, workersMax: 4, spares: 2) }
        spec.pool.workersMax = max(spec.pool.workersMax, 4)
        let pool = engine.workers.add(spec)
        let service = ToolService(workers: engine.workers, observer: engine.observer)
        service.install(
            record.tools.map { tool in
                var spec = ToolSpec(tool, of: record)
                if let mode { spec.isolation = mode }
                return spec
            }, plugin: plugin, pool: pool)
        return (service, pool)
    }

    private func record(_ plugin: String) throws(CommandError) -> PluginRecord {
        guard let record = station.registry.snapshot().plugins[plugin] else { throw CommandError("\(plugin) is not loaded") }
        return record
    }

    private func call(_ service: ToolService, _ tool: String, _ input: [UInt8]) async throws {
        let outcome = await service.call(ToolCall(tool: tool, input: input, caller: Self.caller, requestID: "bench"))
        if case .failure(let error) = outcome.result { throw CommandError("\(tool): \(error.message) \(JSONValue.object(error.details).text)") }
    }

    private func latencies(_ service: ToolService, _ tool: String, _ input: [UInt8], count: Int) async throws -> Samples {
        var samples = Samples()
        for _ in 0..<max(count, 1) { samples.add(try await Samples.time { try await call(service, tool, input) }) }
        return samples
    }

    /// Calls a second of so many clients, each on a loop of its own turn.
    private func throughput(_ service: ToolService, clients: Int, milliseconds: Int) async throws -> Double {
        let end = Deadline.after(milliseconds: milliseconds)
        let start = Deadline.now().nanoseconds
        var tasks: [OwnedTask<Int>] = []
        for _ in 0..<clients {
            tasks.append(
                OwnedTask(on: engine.group.next()) {
                    var count = 0
                    while !end.hasPassed {
                        try await call(service, "benchc.count", Self.input)
                        count += 1
                    }
                    return count
                })
        }
        var total = 0
        for task in tasks { total += try await task.value }
        return Double(total) * 1e9 / Double(Deadline.now().nanoseconds - start)
    }

    // MARK: Starts

    private func coldStarts(_ plugin: String, count: Int) async throws -> Samples {
        var samples = Samples()
        let record = try record(plugin)
        for _ in 0..<count {
            try await engine.loop.sleep(until: .after(milliseconds: 320))
            let before = engine.observer.counts
            let pool = engine.workers.add(PluginSpec(record, spares: 1))
            let deadline = Deadline.after(milliseconds: 10_000)
            while engine.observer.counts.started == before.started {
                if let reason = pool.broken { throw CommandError("\(plugin): \(reason)") }
                if deadline.hasPassed { throw CommandError("\(plugin) did not start in time") }
                try await engine.loop.sleep(until: .after(milliseconds: 1))
            }
            samples.add(engine.observer.counts.startNanoseconds - before.startNanoseconds)
            await engine.workers.remove(pool, until: .now())
        }
        return samples
    }

    /// The whole of a call that uses up a spare: checkout, call, answer.
    private func warmStarts(count: Int) async throws -> Samples {
        var samples = Samples()
        let bare = try bareService("benchc", mode: .call)
        for _ in 0..<count {
            try await engine.loop.sleep(until: .after(milliseconds: 320))
            let outcome = await bare.service.call(ToolCall(tool: "benchc.count", input: Self.input, caller: Self.caller, requestID: "bench"))
            guard case .success = outcome.result else { throw CommandError("a call on a warm spare failed") }
            // A spare that was not ready in time is no warm start; the cold rows tell what that costs.
            if outcome.usage.workerStartNanoseconds == 0 { samples.add(outcome.usage.wallNanoseconds) }
        }
        await engine.workers.remove(bare.pool, until: .after(milliseconds: 1_000))
        return samples
    }

    // MARK: Memory

    private func growth(_ calls: Int, _ put: (String, Double?) -> Void) async throws {
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

    private static func residentKiB() -> Int {
        // try?: without a figure there is no growth to show, and the row says 0.
        guard let text = try? File.read("/proc/self/statm") else { return 0 }
        let pages = String(decoding: text, as: UTF8.self).split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        return pages * sysconf(Int32(_SC_PAGESIZE)) / 1024
    }

    /// Starts so many idle workers and has the outer half look at their memory.
    private func idle(_ count: Int, _ put: (String, Double?) -> Void) async throws {
        Output.progress("  memory of \(count) idle workers")
        var spec = PluginSpec(try record(station.registry.snapshot().plugins["calc"] == nil ? "benchc" : "calc"), spares: count)
        spec.pool.workersMax = count
        spec.pool.spares = count
        let pool = engine.workers.add(spec)
        let deadline = Deadline.after(milliseconds: 60_000)
        while pool.view.workers.count(where: { $0.state == "ready" }) < count, !deadline.hasPassed, pool.broken == nil {
            try await engine.loop.sleep(until: .after(milliseconds: 50))
        }
        sync()
        try File.write(Array(pool.pids.map(String.init).joined(separator: "\n").utf8), to: "\(data)/pids")
        let patience = Deadline.after(milliseconds: 10_000)
        while !Path.exists("\(data)/memory"), !patience.hasPassed { try await engine.loop.sleep(until: .after(milliseconds: 20)) }
        let values = String(decoding: try File.read("\(data)/memory"), as: UTF8.self).split(separator: "\n").compactMap { Int($0) }
        put("idle_workers", Double(pool.pids.count))
        put("worker_private_dirty_kib", values.isEmpty ? nil : Double(values.sorted()[values.count / 2]))
        put("idle_workers_private_dirty_kib", values.isEmpty ? nil : Double(values.reduce(0, +)))
        put("host_resident_kib", Double(Self.residentKiB()))
        await engine.workers.remove(pool, until: .now())
    }
}
