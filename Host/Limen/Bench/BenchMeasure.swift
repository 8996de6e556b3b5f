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
    static func run(_ arguments: Arguments) throws -> Int32 {
        let workshop = try Workshop(arguments)
        guard let data = arguments["data"], let part = arguments["part"].flatMap(BenchPart.init) else {
            throw CommandError("no data folder, or no part")
        }
        let effort = BenchEffort(part, isPinned: arguments.has("pinned"), isBrief: arguments.has("brief"))
        var result = try Engine.run { engine in
            let rung = try await Posture.await(engine).rung
            try await workshop.pack(engine)
            let station = try await Station(
                engine, data: data, manifests: "\(data)/manifests", bundleRoots: ["\(workshop.path)/bundles"], trust: workshop.trust)
            for bundle in workshop.bundles { try await station.take(bundle) }
            var result = try await BenchRun(engine: engine, station: station, data: data).measure(part, effort)
            result["rung"] = .string(rung)
            await station.stop()
            return result
        }
        if effort.schemaMilliseconds > 0 {
            let (parsed, text) = try BenchSchema.measure(milliseconds: effort.schemaMilliseconds)
            result["schema_validations_per_s"] = JSONValue(parsed.rounded())
            result["schema_validations_text_per_s"] = JSONValue(text.rounded())
        }
        try File.write(JSONValue.object(result).serialized(), to: "\(data)/result.json")
        return 0
    }
}

/// One run over a loaded station.
struct BenchRun: Sendable {
    let engine: Engine
    let station: Station
    let data: String

    static let caller = Caller(tenant: "main", user: "bench", role: .operator, keyID: "bench")
    /// 256 bytes of input.
    static let input: [UInt8] = Array(#"{"text":""#.utf8) + [UInt8](repeating: 0x61, count: 245) + Array(#""}"#.utf8)

    func measure(_ part: BenchPart, _ effort: BenchEffort) async throws -> JSONObject {
        var result: JSONObject = [:]
        func put(_ key: String, _ value: Double?) { result[key] = value.map { JSONValue(($0 * 100).rounded() / 100) } ?? .null }
        switch part {
        case .calls: try await calls(effort, put)
        case .rootless:
            try await calls(effort, put)
            try await storm(effort.stormWorkers, put)
        case .storm: try await storm(effort.stormWorkers, put)
        case .reload: try await reload(milliseconds: effort.reloadMilliseconds, rounds: effort.reloadRounds, put)
        }
        return result
    }

    private func calls(_ effort: BenchEffort, _ put: (String, Double?) -> Void) async throws {
        let calls = effort.calls
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
        for clients in effort.throughputMilliseconds > 0 ? [1, 8, 64] : [] {
            Output.progress("  throughput, \(clients) clients")
            put("calls_per_s_\(clients)", try await throughput(bare.service, clients: clients, milliseconds: effort.throughputMilliseconds))
        }
        await bare.service.stop()
        await engine.workers.remove(bare.pool, until: .after(milliseconds: 1_000))
        try await starts(effort.starts, put)
        if effort.growthCalls > 0 { try await growth(effort.growthCalls, put) }
        if effort.idleWorkers > 0 { try await idle(effort.idleWorkers, put) }
    }

    private func starts(_ count: Int, _ put: (String, Double?) -> Void) async throws {
        Output.progress("  cold starts, at least 300 ms apart")
        let cold = try await coldStarts("benchc", Self.input, tool: "count", count: count)
        put("jail_start_cold_p50_us", cold.microseconds(0.5))
        put("jail_start_cold_p99_us", cold.microseconds(0.99))
        if station.registry.snapshot().plugins["calc"] != nil {
            let swift = try await coldStarts("calc", Array(#"{"expression":"1+1"}"#.utf8), tool: "evaluate", count: count)
            put("swift_jail_start_cold_p50_us", swift.microseconds(0.5))
            put("swift_jail_start_cold_p99_us", swift.microseconds(0.99))
            put("swift_jail_first_start_us", try await firstStarts("calc", count: min(count, 5)).microseconds(0.5))
        }
        put("jail_start_warm_p50_us", try await warmStarts(count: count).microseconds(0.5))
    }

    // MARK: Calls

    /// The call path without store, so that a call is compared with a ping-pong and not with a disk.
    func bareService(_ plugin: String, mode: IsolationMode? = nil, spares: Int = 2) throws -> (service: ToolService, pool: PluginPool) {
        let record = try record(plugin)
        var spec = PluginSpec(record, spares: 1)
        if let mode { spec.pool = WorkerPool.Settings(mode: mode, workersMax: 4, spares: spares) }
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

    func record(_ plugin: String) throws(CommandError) -> PluginRecord {
        guard let record = station.registry.snapshot().plugins[plugin] else { throw CommandError("\(plugin) is not loaded") }
        return record
    }

    private func call(_ service: ToolService, _ tool: String, _ input: [UInt8]) async throws {
        let outcome = await service.call(ToolCall(tool: tool, input: input, caller: Self.caller, requestID: "bench"))
        if case .failure(let error) = outcome.result { throw CommandError("\(tool): \(error.message) \(JSONValue.object(error.details).text)") }
    }

    func latencies(_ service: ToolService, _ tool: String, _ input: [UInt8], count: Int) async throws -> Samples {
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

    /// Workers that a call has to wait for, from the decision to the loaded plugin. The first of a version describes itself as well and is not among them.
    private func coldStarts(_ plugin: String, _ input: [UInt8], tool: String, count: Int) async throws -> Samples {
        var samples = Samples()
        let bare = try bareService(plugin, mode: .call, spares: 0)
        for round in 0...count {
            try await engine.loop.sleep(until: .after(milliseconds: 320))
            let before = engine.observer.counts
            let outcome = await bare.service.call(
                ToolCall(tool: "\(plugin).\(tool)", input: input, caller: Self.caller, requestID: "bench"))
            guard case .success = outcome.result else { throw CommandError("a call of \(plugin) on a cold start failed") }
            if round > 0 { samples.add(engine.observer.counts.startNanoseconds - before.startNanoseconds) }
        }
        await engine.workers.remove(bare.pool, until: .after(milliseconds: 1_000))
        return samples
    }

    /// The first worker of a version, which is asked to describe itself.
    private func firstStarts(_ plugin: String, count: Int) async throws -> Samples {
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
}
