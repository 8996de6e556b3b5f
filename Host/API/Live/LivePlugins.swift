import Crypto
package import JSON
package import Registry
package import Store
package import Telemetry
package import Tools
import Workers

/// The registry and the workers, as the operator's routes see them.
package struct LivePlugins: PluginAdministration {
    private let registry: Registry
    private let service: ToolService
    private let audit: AuditLog
    private let log: Log

    /// Joins registry, workers and audit.
    package init(registry: Registry, service: ToolService, audit: AuditLog, log: Log) {
        self.registry = registry
        self.service = service
        self.audit = audit
        self.log = log
    }

    package func plugins() -> [(name: String, json: JSONValue)] {
        let snapshot = registry.snapshot()
        let known = snapshot.plugins.values.map { ($0.name, Self.json($0, service.versions(of: $0.name))) }
        let refused = snapshot.refused.values.filter { snapshot.plugins[$0.name] == nil }.map { ($0.name, Self.json($0)) }
        return (known + refused).sorted { $0.0 < $1.0 }
    }

    private static func json(_ record: PluginRecord, _ versions: [VersionView]) -> JSONValue {
        [
            "versions": .array(versions.map(json)),
            "name": .string(record.name), "version": .string(record.version), "state": .string(record.state.rawValue),
            "reason": record.reason.map { .string($0) } ?? .null, "enabled": .bool(record.manifest.isEnabled),
            "isolation": .string(record.manifest.isolation.rawValue), "tools": .array(record.tools.map { .string($0.id) }),
            "limits": .object(record.manifest.limits.json), "sha256": .string(record.manifest.librarySHA256.hex),
            "publisher": .string(record.bundle.signer.publisher), "key_fingerprint": .string(record.bundle.signer.key.fingerprint),
        ]
    }

    private static func json(_ view: VersionView) -> JSONValue {
        var object: JSONObject = [
            "version": .string(view.version), "state": .string(view.state.rawValue), "canary": .bool(view.isCanary), "share": JSONValue(view.share),
            "reason": view.reason.map { .string($0) } ?? .null,
        ]
        if let digest = view.bundleDigest { object["bundle_sha256"] = .string(digest) }
        if let tally = view.tally { (object["calls"], object["failures"]) = (JSONValue(tally.calls), JSONValue(tally.failures)) }
        return .object(object)
    }

    private static func json(_ refused: RefusedPlugin) -> JSONValue {
        [
            "name": .string(refused.name), "version": "", "state": "broken", "reason": .string(refused.reason), "enabled": false, "tools": [],
            "sha256": .null, "publisher": .null, "key_fingerprint": .null,
        ]
    }

    package func setEnabled(_ name: String, _ enabled: Bool, by principal: Principal, requestID: String) async throws(APIError) -> JSONValue {
        try await change(name, principal, requestID) { registry, requester throws(ManifestError) in
            enabled ? try await registry.enable(name, by: requester) : try await registry.disable(name, by: requester)
        }
    }

    package func rollback(_ name: String, by principal: Principal, requestID: String) async throws(APIError) -> JSONValue {
        try await change(name, principal, requestID) { registry, requester throws(ManifestError) in
            try await registry.rollback(name, by: requester).outcomes
        }
    }

    package func promote(_ name: String, by principal: Principal, requestID: String) async throws(APIError) -> JSONValue {
        try await change(name, principal, requestID) { registry, requester throws(ManifestError) in
            try await registry.promote(name, by: requester).outcomes
        }
    }

    package func resetBreaker(_ tool: String, by principal: Principal, requestID: String) async throws(APIError) {
        guard let entry = service.entry(tool), entry.spec.id == tool else { throw .missing("tool") }
        let record = AuditEntry(
            actor: principal.id, tenant: principal.tenant, action: "breaker.reset", tool: tool, callID: requestID, outcome: "ok")
        do throws(StoreError) {
            try await audit.record(record)
        } catch {
            log.error("a reset of a breaker could not be recorded", [("cause", .string("\(error)"))])
            throw APIError(storing: error)
        }
        entry.resetBreaker()
    }

    /// Changes a plugin and takes the change over; the registry writes it to history and audit log.
    private func change(
        _ name: String, _ principal: Principal, _ requestID: String,
        _ act: (Registry, Requester) async throws(ManifestError) -> [ReloadOutcome]
    ) async throws(APIError) -> JSONValue {
        let before = registry.snapshot()
        guard before.plugins[name] != nil || before.refused.values.contains(where: { $0.name == name }) else { throw .missing("plugin") }
        let problems: [ManifestProblem]
        do {
            problems = try await act(registry, Requester(principal.id, tenant: principal.tenant, requestID: requestID))
                .filter { $0.plugin == name || $0.file.isEmpty }.flatMap(\.problems)
        } catch {
            throw Self.refusal(error.problems)
        }
        service.synchronise()
        guard problems.isEmpty else { throw Self.refusal(problems) }
        guard let plugin = plugins().first(where: { $0.name == name }) else { throw .missing("plugin") }
        return plugin.json
    }

    private static func refusal(_ problems: [ManifestProblem]) -> APIError {
        APIError(
            .conflict, "The plugin could not be changed.", details: ["problems": .array(problems.map { .string($0.description) })])
    }

    package func history(_ name: String, cursor: String?, limit: Int) async throws(APIError) -> (items: [JSONValue], next: String?) {
        do {
            let page = try await registry.history(name, cursor: cursor, limit: limit)
            if cursor == nil, page.items.isEmpty, !plugins().contains(where: { $0.name == name }) { throw APIError.missing("plugin") }
            return (page.items.map(Self.json), page.nextCursor)
        } catch let error as APIError {
            throw error
        } catch let error as StoreError where error.code == .invalid {
            throw .invalid("The cursor is none that this list gave out.", reason: "cursor")
        } catch {
            log.error("history could not be read", [("plugin", .string(name)), ("cause", .string("\(error)"))])
            throw .unexpected
        }
    }

    private static func json(_ record: PluginGrantRecord) -> JSONValue {
        let entry = record.entry
        return [
            "id": JSONValue(record.id), "at": .string(Timestamp.text(milliseconds: record.atMilliseconds)), "actor": .string(entry.actor),
            "action": .string(entry.action), "track": .string(entry.track.rawValue), "version": .string(entry.version),
            "bundle_sha256": entry.bundleDigest.map { .string($0) } ?? .null, "reason": entry.reason.map { .string($0) } ?? .null,
            "changes": entry.changes,
        ]
    }

    package func reload(by principal: Principal, requestID: String) async throws(APIError) -> [JSONValue] {
        let outcomes = await registry.reload(by: Requester(principal.id, tenant: principal.tenant, requestID: requestID))
        service.synchronise()
        try await record("plugin.reload", nil, principal, requestID)
        return outcomes.map(Self.json)
    }

    private static func json(_ outcome: ReloadOutcome) -> JSONValue {
        [
            "file": .string(outcome.file), "plugin": .string(outcome.plugin), "outcome": .string(outcome.action.rawValue),
            "reason": outcome.problems.first.map { .string($0.reason) } ?? .null,
            "pointer": outcome.problems.first.map { .string($0.pointer) } ?? .null,
        ]
    }

    private func record(_ action: String, _ plugin: String?, _ principal: Principal, _ requestID: String) async throws(APIError) {
        do {
            try await audit.record(
                AuditEntry(
                    actor: principal.id, tenant: principal.tenant, action: action, plugin: plugin, callID: requestID, outcome: "ok"))
        } catch {
            log.error("audit failed", [("action", .string(action)), ("cause", .string("\(error)")), ("request_id", .string(requestID))])
            throw .unexpected
        }
    }

    package func sandbox() async -> JSONValue {
        var posture: JSONValue = [:]
        do {
            posture = try JSONValue(parsing: service.workers.posture)
        } catch {
            posture = ["rung": "unknown", "reason": .string("the spawner has not spoken: \(error.message)")]
        }
        let workers = service.workers.pools.flatMap { $0.view.workers }.map { worker -> JSONValue in
            [
                "id": JSONValue(worker.id), "pid": JSONValue(Int64(worker.pid)), "plugin": .string(worker.plugin),
                "version": .string(worker.version), "state": .string(worker.state), "calls": JSONValue(worker.calls),
                "peak_memory_bytes": JSONValue(worker.peakMemoryBytes), "age_ms": JSONValue(worker.ageMilliseconds),
            ]
        }
        return ["posture": posture, "workers": .array(workers)]
    }
}
