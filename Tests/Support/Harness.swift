package import IO
package import Supervisor
package import Workers
package import WorkerProtocol

/// Remembers what a worker service reports.
package final class Recorder: WorkerObserver {
    package struct Seen: Sendable {
        package var started = 0
        package var ended: [KillReason] = []
        package var broken: [String] = []
        package var ready = 0
        package var logged: [String] = []
    }
    private let state = Lock(Seen())
    package init() {}
    package var seen: Seen { state.withLock { $0 } }

    package func workerStarted(plugin: String, nanoseconds: UInt64) { state.withLock { $0.started += 1 } }
    package func workerEnded(plugin: String, version: String, worker: UInt64, reason: KillReason, isReported: Bool) {
        state.withLock { $0.ended.append(reason) }
    }
    package func workerLogged(plugin: String, level: UInt8, message: String) { state.withLock { $0.logged.append(message) } }
    package func pluginBroken(plugin: String, version: String, generation: UInt64, reason: String) { state.withLock { $0.broken.append(reason) } }
    package func pluginReady(plugin: String, version: String, generation: UInt64) { state.withLock { $0.ready += 1 } }
}

/// A call's owner that remembers events and logs and refuses fetches.
package final class RecordingHost: WorkerCallHost {
    private let state = Lock<(events: [String], logs: [String])>(([], []))
    package init() {}
    package var events: [String] { state.withLock { $0.events } }
    package var logs: [String] { state.withLock { $0.logs } }

    package func event(_ kind: EventKind, _ json: [UInt8]) async throws {
        state.withLock { $0.events.append(String(decoding: json, as: UTF8.self)) }
    }
    package func log(_ level: UInt8, _ message: String) { state.withLock { $0.logs.append(message) } }
    package func fetch(_ request: FetchPayload, until deadline: Deadline) async -> FetchReplyPayload {
        FetchReplyPayload(id: request.id, status: 0, errorCode: "forbidden", errorMessage: "no network")
    }
    package func keyValue(_ request: KeyValuePayload, until deadline: Deadline) async -> KeyValueReplyPayload {
        KeyValueReplyPayload(id: request.id, found: false)
    }
}

/// Loops, a spawner of fake workers, a service, one plugin; everything is ended by `run`.
package struct WorkerHarness: Sendable {
    package let group: EventLoopGroup
    package let spawner: FakeSpawner
    package let service: WorkerService
    package let recorder: Recorder
    package let pool: PluginPool

    /// Runs `body` on a loop with a plugin whose workers follow `script`; whatever happens, nothing is left behind.
    package static func run<T: Sendable>(
        _ settings: WorkerPool.Settings = .init(), loops: Int = 2, script: @escaping FakeSpawner.Script,
        _ body: @escaping @Sendable (WorkerHarness) async throws -> T
    ) async throws -> T {
        let group = try EventLoopGroup(count: loops)
        let spawner = FakeSpawner(script)
        let recorder = Recorder()
        let service = WorkerService(spawner: spawner, observer: recorder, loop: group.loops[0])
        let spec = PluginSpec(name: "fake", version: "1.0.0", bundlePath: "/nowhere", bundleDescriptor: -1, library: "lib/fake.so", pool: settings)
        let harness = WorkerHarness(group: group, spawner: spawner, service: service, recorder: recorder, pool: service.add(spec))
        let outcome: Result<T, any Error>
        do {
            outcome = .success(try await OwnedTask(on: group.loops[loops - 1]) { try await body(harness) }.value)
        } catch { outcome = .failure(error) }
        await service.stop(until: .after(milliseconds: 3_000))
        await group.shutdown()
        return try outcome.get()
    }

    /// A call with a key of its own tenant.
    package func call(
        _ input: String = "{}", tenant: String = "t", milliseconds: Int = 5_000, host: RecordingHost = RecordingHost()
    ) async -> WorkerCallOutcome {
        let key = IsolationKey(pool.spec.pool.mode, tenant: tenant, user: "u", call: .random(in: 1 ... .max))
        return await pool.call(
            WorkerCall(tool: "echo", requestID: "r", input: Array(input.utf8), key: key, deadline: .after(milliseconds: milliseconds)), host: host)
    }

    /// Waits until `condition` holds, at most that long.
    package func eventually(milliseconds: Int = 3_000, _ condition: @Sendable () -> Bool) async throws -> Bool {
        let deadline = Deadline.after(milliseconds: milliseconds)
        while !condition() {
            if deadline.hasPassed { return false }
            try await (EventLoop.current ?? group.loops[0]).sleep(until: .after(milliseconds: 2))
        }
        return true
    }
}
