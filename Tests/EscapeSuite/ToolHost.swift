import Egress
import Glibc
import IO
import JSON
import Registry
import Store
import Tools
import Workers

/// The host's own parts, whole: registry, store, audit log, worker pools and the one call path; only HTTP is left out.
final class ToolHost: EscapeHost {
    private let libraries: String
    private let data: String
    let loop: EventLoop
    private let database: Database
    let audit: AuditLog
    private let registry: Registry
    let workers: WorkerService
    let tools: ToolService
    /// What the tunnels of the cases lead to.
    private let upstream: EchoServer
    /// The same for those that speak TLS; nil where there is no openssl.
    private let web: TLSServer?
    private let tunnels: TunnelDoors
    private let ends: WorkerEnds
    private let key: PublisherKey
    private let counter = Lock(0)
    private let patience: Int

    init(channel: Int32, libraries: String, data: String, loop: EventLoop, patience: Int = 1, way: EgressWay? = nil) throws {
        self.patience = patience
        self.libraries = libraries
        self.data = data
        self.loop = loop
        for folder in ["/bundles", "/manifests", "/store"] { try Files.makeFolder(data + folder) }
        database = try Database(path: data + "/limen.db")
        audit = AuditLog(database: database)
        let trust = TrustFolders(data: data, manifests: data + "/manifests")
        key = try PublisherKey.generate(publisher: "escape")
        try TrustFolders.write(key.trusted, in: trust.manifests)
        registry = try Registry(
            manifestFolder: data + "/manifests", bundles: BundleStore(path: data + "/store", roots: [data + "/bundles"], trust: trust),
            states: PluginStateStore(database: database))
        upstream = try EchoServer(on: loop)
        web = try TLSServer(libraries + "/../tls")
        let ends = WorkerEnds()
        self.ends = ends
        let observer = SandboxObserver { ends.note($1, $2) }
        workers = WorkerService(spawner: try SpawnerChannel(FileDescriptor(channel), on: loop), observer: observer, loop: loop)
        var options = ToolService.Options()
        options.spares = 0
        if let way {
            tunnels = TunnelDoors(dialer: way.dialer, privateNetworks: way.privateNetworks, observer: observer)
            options.privateNetworks = way.privateNetworks
        } else {
            tunnels = try Self.tunnels(observer, upstream, patience)
        }
        options.tunnels = tunnels
        tools = ToolService(
            workers: workers, observer: observer, registry: registry, audit: audit, usage: UsageStore(database: database),
            keyValues: KeyValueStore(database: database), fetcher: way.map { ProxyFetch($0.proxy) } ?? ForbiddenFetch(), options: options)
    }

    func prepare(_ cases: [EscapeCase]) async throws {
        for escape in cases { try bundle(escape).write() }
        _ = await registry.reload()
        tools.synchronise()
        let plugins = registry.snapshot().plugins
        for escape in cases where escape.tampering != .none {
            guard let record = plugins[escape.plugin] else { continue }
            try bundle(escape).spoilAfterVerification(installed: record.bundle.path)
        }
    }

    private func bundle(_ escape: EscapeCase) -> HostileBundle {
        HostileBundle(
            escape: escape, libraries: libraries, bundles: data + "/bundles", manifests: data + "/manifests", key: key, patience: patience,
            egressPorts: [Int(upstream.port)] + (web.map { [$0.port] } ?? []))
    }

    /// Tunnels to the echo server alone; times are short, so that cases about them are.
    private static func tunnels(_ observer: SandboxObserver, _ upstream: EchoServer, _ patience: Int) throws -> TunnelDoors {
        var networks = PrivateNetworks()
        for host in ["allowed.test", "neighbour.test", "alias.test"] { try networks.open(["127.0.0.0/8"], for: host) }
        return TunnelDoors(dialer: NameTable(), privateNetworks: networks, observer: observer) { quota in
            (quota.headMilliseconds, quota.idleMilliseconds) = (1_000 * patience, 2_000 * patience)
        }
    }

    // MARK: Calls

    func perform(_ escape: EscapeCase, _ step: EscapeStep) async throws -> Observation {
        let call = toolCall(escape, step)
        let outcome = try await cancelling(step.cancelAfterMilliseconds.map { $0 * patience }) { [tools] in await tools.call(call) }
        var seen = try observe(outcome)
        seen.audit = try await trace(escape.plugin, call.requestID)
        seen.brokenReason = brokenReason(escape.plugin)
        if seen.code == "server_error", let cause = ends.cause(of: escape.plugin) { seen.message += ": " + cause }
        return seen
    }

    func toolCall(_ escape: EscapeCase, _ step: EscapeStep) -> ToolCall {
        let number = counter.withLock { count in
            count += 1
            return count
        }
        let caller = Tools.Caller(tenant: step.caller.tenant, user: step.caller.user, role: .user, keyID: "key-\(step.caller.user)")
        let port = escape.library == HostileBundle.curl ? web?.port ?? 0 : Int(upstream.port)
        let argument = step.argument.isEmpty && escape.hasSocket ? "\(port)" : step.argument
        let input = JSONValue.object(["case": .string(step.attack), "argument": .string(argument)]).serialized()
        return ToolCall(tool: escape.plugin + ".run", input: input, caller: caller, requestID: "escape-\(number)")
    }

    private func observe(_ outcome: ToolOutcome) throws -> Observation {
        var seen = Observation(code: outcome.name)
        switch outcome.result {
        case .success(let reply): seen.output = try JSONValue(parsing: reply.output)
        case .failure(let error):
            seen.message = error.message
            seen.reason = error.details["reason"]?.stringValue
        }
        return seen
    }

    /// Why the registry refused the plugin, or gave it up.
    private func brokenReason(_ plugin: String) -> String? {
        let snapshot = registry.snapshot()
        if let refused = snapshot.refused["\(plugin).json"] ?? snapshot.refused[plugin] { return refused.reason }
        guard let record = snapshot.plugins[plugin], record.state == .broken else { return nil }
        return record.reason
    }

    /// What the audit log has of one call: its record, and the tripwire's if there was one.
    private func trace(_ plugin: String, _ requestID: String) async throws -> AuditTrace? {
        try await audit.flush()
        let entries = try await audit.list(plugin: plugin, limit: 100).items.map(\.entry).filter { $0.callID == requestID }
        guard let call = entries.first(where: { $0.action == "tool.call" }) else { return nil }
        let violation = entries.first { $0.action == "sandbox.violation" }
        return AuditTrace(outcome: call.outcome, killReason: call.reason, systemCall: violation?.details?["syscall"]?.stringValue)
    }

    /// Runs `body` and gives it up after a while.
    func cancelling(_ milliseconds: Int?, _ body: @escaping @Sendable () async -> ToolOutcome) async throws -> ToolOutcome {
        guard let milliseconds else { return await body() }
        return try await withThrowingTaskGroup(of: ToolOutcome?.self) { group in
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

    // MARK: Ends

    func rung() async -> String {
        let deadline = Deadline.after(milliseconds: 20_000 * patience)
        while workers.posture.isEmpty, !deadline.hasPassed {
            do { try await loop.sleep(until: .after(milliseconds: 5)) } catch { break }
        }
        do { return try JSONValue(parsing: workers.posture)["rung"]?.stringValue ?? "none" } catch { return "unknown: \(error.message)" }
    }

    func lastEnd(_ escape: EscapeCase) async -> String? {
        let deadline = Deadline.after(milliseconds: 9_000 * patience)
        while !deadline.hasPassed {
            if let reason = ends.last(of: escape.plugin) { return reason }
            do { try await loop.sleep(until: .after(milliseconds: 10)) } catch { return nil }
        }
        return nil
    }

    func finish(_ escape: EscapeCase) async {
        guard let pool = tools.uninstall(escape.plugin) else { return }
        await workers.remove(pool, until: .after(milliseconds: 300))
    }

    func reloadUnderLoad(_ neighbour: EscapeCase, calling call: @escaping @Sendable () async -> [String]) async -> [String] {
        await withTaskGroup(of: [String].self) { group in
            // A slow machine gets longer to change the manifests often enough.
            let until = Deadline.after(milliseconds: 1_500), patience = Deadline.after(milliseconds: 60_000)
            let enough = Flag()
            for _ in 0..<3 {
                group.addTask {
                    var wrong: [String] = []
                    while !(until.hasPassed && enough.isSet) && !patience.hasPassed { wrong += await call() }
                    return wrong
                }
            }
            group.addTask {
                defer { enough.set() }
                return await self.reload(neighbour, until: until, patience: patience)
            }
            var wrong: [String] = []
            for await found in group { wrong += found }
            return wrong
        }
    }

    private func reload(_ neighbour: EscapeCase, until: Deadline, patience: Deadline) async -> [String] {
        var changed = neighbour
        var updates = 0
        var problems: [String] = []
        while !until.hasPassed || (updates <= 2 && !patience.hasPassed) {
            changed.limits["idle_ms"] = 50_000 + updates % 2
            do {
                try bundle(changed).writeManifest()
                let outcomes = await registry.reload()
                updates += outcomes.count { $0.plugin == neighbour.plugin && $0.action == .updated }
                problems += outcomes.filter { $0.plugin == neighbour.plugin }.flatMap { $0.problems.map(\.description) }
                tools.synchronise()
                try await loop.sleep(until: .after(milliseconds: 100))
            } catch {
                return ["reload: \(error)"]
            }
        }
        return updates > 2 ? [] : ["only \(updates) reloads took the changed manifest"] + problems.prefix(3)
    }

    /// The chain of the audit log, after everything that was tried.
    func verify() async -> [String] {
        do {
            let open = tunnels.open.filter { $0.value > 0 }
            if !open.isEmpty { return ["tunnels are open after their workers: \(open)"] }
            let found = try await audit.verify()
            return found.isIntact && found.entriesChecked > 0
                ? [] : ["the audit chain is broken at \(found.brokenAt ?? 0): \(found.reason ?? "empty")"]
        } catch {
            return ["the audit log cannot be read: \(error)"]
        }
    }

    func stop() async {
        await tools.stop()
        await workers.stop(until: .after(milliseconds: 1_000))
        await upstream.stop()
        web?.stop()
        registry.shutdown()
        database.close()
    }
}

/// Remembers why workers ended, by plugin.
final class WorkerEnds: Sendable {
    private let reasons = Lock<[String: String]>([:])
    private let causes = Lock<[String: String]>([:])

    func last(of plugin: String) -> String? { reasons.withLock { $0[plugin] } }

    /// The same in the log's words.
    func cause(of plugin: String) -> String? { causes.withLock { $0[plugin] } }

    func note(_ message: StaticString, _ fields: [String: String]) {
        guard message.description == "worker ended", let plugin = fields["plugin"], let reason = fields["reason"] else { return }
        reasons.withLock { $0[plugin] = reason }
        causes.withLock { $0[plugin] = fields["cause"] }
    }
}

/// Said once, seen by all.
private final class Flag: Sendable {
    private let state = Lock(false)
    var isSet: Bool { state.withLock { $0 } }
    func set() { state.withLock { $0 = true } }
}
