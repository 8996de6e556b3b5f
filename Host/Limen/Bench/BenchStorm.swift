import IO
import JSON
import Registry
import Supervisor
import Tools
import Workers

/// So many workers started at once: every call is another user's, so that none can share a worker.
extension BenchRun {
    private struct Answer: Sendable {
        var nanoseconds: UInt64
        var failure: String?
    }

    func storm(_ count: Int, _ put: (String, Double?) -> Void) async throws {
        Output.progress("  \(count) workers at once")
        let (service, pool) = try stormService(count)
        let start = Deadline.now().nanoseconds
        let tasks = (0..<count).map { number in
            OwnedTask(on: engine.group.next()) { await Self.stormCall(service, user: "storm-\(number)") }
        }
        var samples = Samples()
        var failures: [String] = []
        for task in tasks {
            let answer = try await task.value
            samples.add(answer.nanoseconds)
            if let failure = answer.failure { failures.append(failure) }
        }
        let whole = Deadline.now().nanoseconds - start
        if let first = failures.first { Output.progress("  \(failures.count) failed, the first: \(first)") }
        put("storm_workers", Double(pool.pids.count))
        put("storm_all_answered_ms", Double(whole) / 1e6)
        put("storm_call_p50_ms", samples.microseconds(0.5).map { $0 / 1_000 })
        put("storm_call_p99_ms", samples.microseconds(0.99).map { $0 / 1_000 })
        put("storm_failures", Double(failures.count))
        let memory = try await privateDirtyKiB(of: pool)
        put("storm_private_dirty_kib", memory.isEmpty ? nil : Double(memory.reduce(0, +)))
        put("storm_host_resident_kib", Double(Self.residentKiB()))
        await service.stop()
        await engine.workers.remove(pool, until: .now())
    }

    private func stormService(_ count: Int) throws -> (service: ToolService, pool: PluginPool) {
        let record = try record("benchc")
        var spec = PluginSpec(record, spares: 0)
        spec.pool = WorkerPool.Settings(mode: .user, workersMax: count, spares: 0, waitersMax: count)
        let pool = engine.workers.add(spec)
        let service = ToolService(workers: engine.workers, observer: engine.observer)
        let tools = record.tools.map { tool in
            var spec = ToolSpec(tool, of: record)
            // A call that fails is counted, not mended.
            (spec.isolation, spec.retries) = (.user, 0)
            return spec
        }
        service.install(tools, plugin: record.name, pool: pool)
        return (service, pool)
    }

    private static func stormCall(_ service: ToolService, user: String) async -> Answer {
        let start = Deadline.now().nanoseconds
        let outcome = await service.call(
            ToolCall(
                tool: "benchc.count", input: input, caller: Caller(tenant: "main", user: user, role: .operator, keyID: "bench"), requestID: user))
        let length = Deadline.now().nanoseconds - start
        guard case .failure(let error) = outcome.result else { return Answer(nanoseconds: length) }
        return Answer(nanoseconds: length, failure: "\(error.message) \(JSONValue.object(error.details).text)")
    }
}
