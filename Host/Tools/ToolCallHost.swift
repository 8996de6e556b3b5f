import Egress
import IO
import JSON
import Registry
import Store
import Supervisor
import WorkerProtocol
import Workers

/// Serves one call's events, log lines, fetches and key-value requests. Identity comes from the call, never from a frame.
struct ToolCallHost: WorkerCallHost {
    let entry: ToolEntry
    let caller: Caller
    let requestID: String
    let traceparent: String
    let sink: any ToolEventSink
    let service: ToolService
    let egress: EgressCount
    let deadline: Deadline
    let tape: CallTape?
    /// Listens to an adapter; nil for a tool.
    let watch: AdapterWatch?
    let streams = CallStreams()

    /// What the call used of the network.
    final class EgressCount: Sendable {
        private let state = Lock((begun: 0, requests: 0, bytes: 0))

        /// Counts a request that is asked for; the answer is how many were before it.
        func begin() -> Int {
            state.withLock { state in
                state.begun += 1
                return state.begun - 1
            }
        }

        /// Counts a request that was made.
        func add(bytes: Int) {
            state.withLock { state in
                state.requests += 1
                state.bytes += bytes
            }
        }
        /// Counts bytes of a request that was made.
        func count(bytes: Int) { state.withLock { $0.bytes += bytes } }
        var value: (requests: Int, bytes: Int) { state.withLock { ($0.requests, $0.bytes) } }
    }

    func event(_ kind: EventKind, _ json: [UInt8]) async throws {
        do {
            _ = try JSONDocument(parsing: json, limits: JSONLimits(bytesMax: ToolLimits.eventBytesMax, depthMax: ToolLimits.depthMax))
        } catch {
            throw MalformedPayload("event json")
        }
        watch?.heard()
        defer { watch?.taken() }
        try await sink.send(ToolEvent(kind: kind, json: json), until: deadline)
    }

    func log(_ level: UInt8, _ message: String) {
        service.observer.log(level, "plugin", ["plugin": entry.spec.plugin, "tool": entry.spec.name, "request_id": requestID, "text": message])
    }

    func fetch(_ request: FetchPayload, until deadline: Deadline) async -> FetchReplyPayload {
        guard let tape else { return await liveFetch(request, until: deadline) }
        return await tape.fetch(request) { await liveFetch(request, until: deadline) }
    }

    private var fetchContext: FetchContext {
        FetchContext(
            caller: EgressCaller(
                plugin: entry.spec.plugin, tenant: caller.tenant, requestID: requestID, traceparent: traceparent.isEmpty ? nil : traceparent,
                user: caller.user, version: entry.spec.version, tool: entry.spec.name),
            access: entry.spec.egress, before: egress.begin())
    }

    func fetchOpen(_ request: FetchPayload, until deadline: Deadline) async -> FetchReplyPayload {
        let reply = await streams.open(request.id) { [self] in
            guard let tape else { return await service.fetcher.open(request, for: fetchContext, until: deadline) }
            return await tape.open(request) { await service.fetcher.open(request, for: fetchContext, until: deadline) }
        }
        if reply.status != 0 { egress.add(bytes: request.body.count) }
        return reply
    }

    func fetchExpect(_ request: FetchBeginPayload) {
        streams.expect(request) { [egress, tape] piece in
            egress.count(bytes: piece.count)
            tape?.hear(piece, of: request.id)
        }
    }

    func fetchBegin(_ request: FetchBeginPayload, until deadline: Deadline) async -> FetchReplyPayload {
        let reply = await streams.begin(request.id) { [self] body in
            guard let tape else { return await service.fetcher.begin(request, body, for: fetchContext, until: deadline) }
            return await tape.begin(request, body) { await service.fetcher.begin(request, body, for: fetchContext, until: deadline) }
        }
        if reply.status != 0 { egress.add(bytes: 0) }
        return reply
    }

    func fetchWrite(_ id: UInt32, _ data: [UInt8]) async -> FetchWrittenPayload {
        let stop = await streams.write(id, data)
        return FetchWrittenPayload(id: id, errorCode: stop?.code ?? "", errorMessage: stop?.message ?? "")
    }

    func fetchFinish(_ id: UInt32) { streams.finish(id) }

    func fetchRead(_ id: UInt32) async -> FetchPiecePayload {
        let piece = await streams.read(id)
        egress.count(bytes: piece.data.count)
        return piece
    }

    func fetchClose(_ id: UInt32) { streams.close(id) }

    func callEnded() { streams.end() }

    private func liveFetch(_ request: FetchPayload, until deadline: Deadline) async -> FetchReplyPayload {
        let context = fetchContext
        let reply = await service.fetcher.fetch(request, for: context, until: deadline)
        if reply.status != 0 { egress.add(bytes: request.body.count + reply.body.count) }
        return reply
    }

    // MARK: Key-value state

    private var scope: KeyValueScope? {
        guard entry.spec.keepsState else { return nil }
        switch entry.spec.isolation {
        case .user: return .user(caller.user, tenant: caller.tenant, plugin: entry.spec.plugin)
        case .tenant: return .tenant(caller.tenant, plugin: entry.spec.plugin)
        case .call, .shared: return nil
        }
    }

    func keyValue(_ request: KeyValuePayload, until deadline: Deadline) async -> KeyValueReplyPayload {
        guard let tape else { return await liveKeyValue(request, until: deadline) }
        return await tape.keyValue(request) { await liveKeyValue(request, until: deadline) }
    }

    private func liveKeyValue(_ request: KeyValuePayload, until deadline: Deadline) async -> KeyValueReplyPayload {
        guard let scope, let store = service.keyValues else {
            return KeyValueReplyPayload(
                id: request.id, found: false, errorCode: "forbidden", errorMessage: "the plugin keeps no state, or its isolation allows none")
        }
        do {
            return try await answer(request, store, scope)
        } catch {
            service.observer.log(3, "key-value request failed", ["plugin": entry.spec.plugin, "request_id": requestID, "cause": error.description])
            return KeyValueReplyPayload(id: request.id, found: false, errorCode: Self.code(error), errorMessage: "the state was not changed")
        }
    }

    private func answer(_ request: KeyValuePayload, _ store: KeyValueStore, _ scope: KeyValueScope) async throws(StoreError) -> KeyValueReplyPayload {
        switch request.operation {
        case .get:
            switch try await store.get(request.key, in: scope) {
            case .bytes(let bytes)?: return KeyValueReplyPayload(id: request.id, found: true, value: bytes)
            case .null?: return KeyValueReplyPayload(id: request.id, found: true)
            case nil: return KeyValueReplyPayload(id: request.id, found: false)
            }
        case .set:
            try await store.set(request.key, to: .bytes(request.value), in: scope)
            return KeyValueReplyPayload(id: request.id, found: true)
        case .delete: return KeyValueReplyPayload(id: request.id, found: try await store.delete(request.key, in: scope))
        case .list:
            let page = try await store.list(prefix: request.key, in: scope, limit: ToolLimits.keysListedMax)
            return KeyValueReplyPayload(id: request.id, found: true, value: JSONValue.array(page.items.map { .string($0) }).serialized())
        }
    }

    private static func code(_ error: StoreError) -> String {
        switch error.code {
        case .limit: "too_large"
        case .invalid, .constraint: "invalid"
        case .timedOut, .overloaded: "timed_out"
        case .corrupt, .unavailable, .closed, .migration, .statement: "unavailable"
        }
    }
}
