import CLinux
import Glibc
import IO
import JSON
import JSONSchema
import Supervisor
import WorkerProtocol
import Workers

/// The cases on pools of workers, without registry and store: a failure seen here is the jail's, the worker's or the pool's own.
final class PoolHost: EscapeHost {
    private struct State {
        var pools: [String: PluginPool] = [:]
        var keyValues: [String: [UInt8]] = [:]
    }

    private let libraries: String
    private let bundles: String
    private let service: WorkerService
    private let ends: WorkerEnds
    private let loop: EventLoop
    private let output: CompiledSchema
    private let state = Lock(State())

    init(channel: Int32, libraries: String, data: String, loop: EventLoop) throws {
        self.libraries = libraries
        self.loop = loop
        bundles = data + "/bundles"
        try Files.makeFolder(bundles)
        ends = WorkerEnds()
        output = try CompiledSchema(Self.outputSchema)
        service = WorkerService(spawner: try SpawnerChannel(FileDescriptor(channel), on: loop), observer: ends, loop: loop)
    }

    /// As hostile.c describes itself.
    static let inputSchema = parsed(
        #"{"type":"object","properties":{"case":{"type":"string"},"argument":{"type":"string"}},"required":["case"],"additionalProperties":false}"#)
    static let outputSchema = parsed(
        #"{"type":"object","properties":{"case":{"type":"string"},"saw":{"type":"object","additionalProperties":{"type":"string"}}},"#
            + #""required":["saw"],"additionalProperties":false}"#)

    private static func parsed(_ text: String) -> JSONValue {
        do { return try JSONValue(parsing: text) } catch { preconditionFailure("a schema of the suite is broken: \(error)") }
    }

    func supports(_ escape: EscapeCase) -> Bool { escape.tampering == .none }

    // MARK: Calls

    func perform(_ escape: EscapeCase, _ step: EscapeStep) async throws -> Observation {
        let pool = try pool(escape)
        let key = IsolationKey(pool.spec.pool.mode, tenant: step.caller.tenant, user: step.caller.user, call: .random(in: 1 ... .max))
        let input = JSONValue.object(["case": .string(step.attack), "argument": .string(step.argument)]).serialized()
        let call = WorkerCall(
            tool: "run", requestID: "escape", input: input, key: key, deadline: .after(milliseconds: escape.timeoutMilliseconds))
        let owner = CallOwner(self, scope: "\(escape.id)/\(pool.spec.pool.mode == .user ? step.caller.user : "")/\(step.caller.tenant)")
        let outcome = try await cancelling(step.cancelAfterMilliseconds) { await pool.call(call, host: owner) }
        return observe(outcome.end)
    }

    /// Runs `body` and gives it up after a while.
    private func cancelling(_ milliseconds: Int?, _ body: @escaping @Sendable () async -> WorkerCallOutcome) async throws -> WorkerCallOutcome {
        guard let milliseconds else { return await body() }
        return try await withThrowingTaskGroup(of: WorkerCallOutcome?.self) { group in
            group.addTask { await body() }
            group.addTask { [loop] in
                try await loop.sleep(until: .after(milliseconds: milliseconds))
                return nil
            }
            while let ended = try await group.next() {
                if let ended { return ended }
                group.cancelAll()
            }
            throw EscapeError("the call never ended")
        }
    }

    private func observe(_ end: WorkerCallEnd) -> Observation {
        var seen = Observation(code: "server_error")
        seen.audit = AuditTrace(outcome: "server_error", killReason: nil, systemCall: nil)
        switch end {
        case .result(let result): judge(result.output, &seen)
        case .failure(let failure): seen.message = failure.message
        case .cancelled: seen.code = "cancelled"
        case .deadline: seen.audit?.killReason = "deadline"
        case .refused(.broken(let reason)): seen.brokenReason = reason
        case .refused(let refusal): seen.message = "\(refusal)"
        case .died(let reason):
            seen.message = reason.explanation
            seen.audit?.killReason = reason.name
            if case .violation(let violation) = reason { seen.audit?.systemCall = violation.name }
        }
        return seen
    }

    private func judge(_ bytes: [UInt8], _ seen: inout Observation) {
        do {
            let document = try JSONDocument(parsing: bytes, limits: .default)
            let failures = output.validate(document)
            if let failure = failures.first { return seen.message = "\(failure.instancePath) \(failure.message)" }
            seen.output = document.value()
            seen.code = "ok"
        } catch {
            seen.message = error.message
        }
    }

    // MARK: Plugins

    private func pool(_ escape: EscapeCase) throws -> PluginPool {
        if let pool = state.withLock({ $0.pools[escape.id] }) { return pool }
        let pool = service.add(try spec(escape))
        state.withLock { $0.pools[escape.id] = pool }
        return pool
    }

    private func spec(_ escape: EscapeCase) throws -> PluginSpec {
        let folder = "\(bundles)/\(escape.plugin)-1.0.0"
        let library = "lib/lib\(escape.plugin).so"
        try Files.makeFolder(folder)
        try Files.makeFolder(folder + "/lib")
        try Files.copy("\(libraries)/lib\(escape.library).so", to: folder + "/" + library, mode: 0o755)
        let directory = open(folder, Int32(O_PATH) | O_DIRECTORY | O_CLOEXEC)
        guard directory >= 0 else { throw Files.failure("open", folder) }
        var limits = WorkerLimits()
        if let memory = escape.limits["memory_bytes"] { limits.memoryBytes = UInt64(memory) }
        if let scratch = escape.limits["scratch_bytes"] { limits.scratchBytes = UInt64(scratch) }
        let mode = IsolationMode(rawValue: escape.isolation) ?? .tenant
        let name = escape.plugin
        return PluginSpec(
            name: name, version: "1.0.0", bundlePath: folder, bundleDescriptor: directory, bundleOwner: OwnedDescriptor(directory),
            files: [try verified(folder, library)], library: library, limits: limits,
            pool: WorkerPool.Settings(mode: mode, workersMax: escape.workers, spares: 0), config: Array("{\"name\":\"\(name)\"}".utf8)
        ) { Self.refusal($0, name) }
    }

    private func verified(_ folder: String, _ library: String) throws -> VerifiedFile {
        var information = stat()
        guard stat(folder + "/" + library, &information) == 0 else { throw Files.failure("stat", library) }
        return VerifiedFile(
            path: library, device: UInt64(information.st_dev), inode: UInt64(information.st_ino), size: UInt64(information.st_size),
            changeSeconds: Int64(information.st_ctim.tv_sec), changeNanoseconds: UInt32(information.st_ctim.tv_nsec))
    }

    /// Names and schemas must be the approved ones.
    private static func refusal(_ ready: ReadyPayload, _ name: String) -> String? {
        guard let described = try? JSONValue(parsing: ready.description) else { return "the description is no JSON" }
        guard described["name"]?.stringValue == name else { return "the name is not the manifest's" }
        guard let tools = described["tools"]?.arrayValue, tools.count == 1, tools[0]["name"]?.stringValue == "run" else {
            return "the tools are not the manifest's"
        }
        guard tools[0]["input_schema"] == inputSchema, tools[0]["output_schema"] == outputSchema else { return "a schema of tool run is not the manifest's" }
        return nil
    }

    // MARK: Ends

    func lastEnd(_ escape: EscapeCase) async -> String? {
        let deadline = Deadline.after(milliseconds: 9_000)
        while !deadline.hasPassed {
            if let reason = ends.last(of: escape.plugin) { return reason }
            do { try await loop.sleep(until: .after(milliseconds: 10)) } catch { return nil }
        }
        return nil
    }

    func finish(_ escape: EscapeCase) async {
        guard let pool = state.withLock({ $0.pools.removeValue(forKey: escape.id) }) else { return }
        await service.remove(pool, until: .after(milliseconds: 300))
    }

    func stop() async { await service.stop(until: .after(milliseconds: 1_000)) }

    fileprivate func keyValue(_ request: KeyValuePayload, scope: String) -> KeyValueReplyPayload {
        let prefix = scope + "\0"
        guard request.key.utf8.count <= 512 else { return KeyValueReplyPayload(id: request.id, found: false, errorCode: "too_large") }
        return state.withLock { state in
            switch request.operation {
            case .get:
                let value = state.keyValues[prefix + request.key]
                return KeyValueReplyPayload(id: request.id, found: value != nil, value: value ?? [])
            case .set: state.keyValues[prefix + request.key] = request.value
            case .delete: state.keyValues[prefix + request.key] = nil
            case .list:
                let keys = state.keyValues.keys.filter { $0.hasPrefix(prefix + request.key) }.map { JSONValue.string(String($0.dropFirst(prefix.count))) }
                return KeyValueReplyPayload(id: request.id, found: true, value: JSONValue.array(keys.sorted { $0.text < $1.text }).serialized())
            }
            return KeyValueReplyPayload(id: request.id, found: true)
        }
    }
}

/// Closes a descriptor when nobody holds it any more.
private final class OwnedDescriptor: Sendable {
    private let descriptor: Int32
    init(_ descriptor: Int32) { self.descriptor = descriptor }
    deinit { close(descriptor) }
}

/// One call's owner: no network, a state of its own.
private struct CallOwner: WorkerCallHost {
    private let host: PoolHost
    private let scope: String

    init(_ host: PoolHost, scope: String) {
        self.host = host
        self.scope = scope
    }

    func event(_ kind: EventKind, _ json: [UInt8]) async throws {}
    func log(_ level: UInt8, _ message: String) {}
    func fetch(_ request: FetchPayload, until deadline: Deadline) async -> FetchReplyPayload {
        FetchReplyPayload(id: request.id, status: 0, errorCode: "forbidden", errorMessage: "no network")
    }
    func keyValue(_ request: KeyValuePayload, until deadline: Deadline) async -> KeyValueReplyPayload { host.keyValue(request, scope: scope) }
}

/// Remembers why workers ended, by plugin.
final class WorkerEnds: WorkerObserver {
    private let reasons = Lock<[String: [String]]>([:])

    func last(of plugin: String) -> String? { reasons.withLock { $0[plugin]?.last } }

    func workerStarted(plugin: String, nanoseconds: UInt64) {}
    func workerEnded(plugin: String, version: String, worker: UInt64, reason: KillReason) {
        reasons.withLock { $0[plugin, default: []].append(reason.name) }
    }
    func workerLogged(plugin: String, level: UInt8, message: String) {}
    func pluginBroken(plugin: String, version: String, reason: String) {}
    func pluginReady(plugin: String, version: String) {}
}
