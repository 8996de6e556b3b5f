import API
import Config
import Egress
import Glibc
import HTTP
import IO
import Identity
import JSON
import Registry
import Store
import Telemetry
import Tools
import Workers

/// The running server: wiring, start, signals, ordered stop.
struct Service: Sendable {
    private let engine: Engine
    private let station: Station
    private let settings: Configuration
    private let certificates: Certificates?
    private let server: HTTPServer
    private let shownData: String
    private let identity: IdentityWiring
    private let limits: LimitsWiring
    private let chores: Chores
    /// One-time password of the account that this start made.
    private let firstPassword: String?

    /// Opens the data folder and wires everything; nothing listens yet.
    init(_ engine: Engine, _ settings: Configuration, _ certificates: Certificates?, shownData: String) async throws {
        self.engine = engine
        self.settings = settings
        self.certificates = certificates
        self.shownData = shownData
        let door = try EgressDoor(settings.egress, engine)
        station = try await Station(
            engine, data: settings.data, database: settings.databasePlace(data: settings.data), manifests: settings.manifests,
            bundleRoots: ["\(settings.data)/bundles", settings.manifests],
            fetcher: ProxyFetch(door.proxy), options: Self.options(settings, door, engine))
        try await station.secrets.checkKey()
        door.proxy.use(station.secrets)
        try await SandboxRequirement(layers: settings.sandbox.require).check(engine)
        let metrics = Metrics()
        limits = try await LimitsWiring(station.database, settings, log: engine.log)
        identity = try await IdentityWiring(engine, station, door, settings, limits, metrics)
        firstPassword = try await FirstAccount.makeIfNone(identity.service, data: settings.data)
        let artifacts = ArtifactWiring.store(station.database)
        let workflows = WorkflowWiring.service(engine, station, artifacts, metrics)
        chores = Chores(engine, station, identity.service, artifacts, workflows, metrics)
        certificates?.observe(in: metrics)
        RuntimeMetrics.observe(engine.group, in: metrics, log: engine.log)
        RuntimeMetrics.observeProcess(in: metrics)
        RuntimeMetrics.observe(pool: "registry", in: metrics) { [registry = station.registry] in registry.poolMetrics }
        RuntimeMetrics.observe(pool: "store-read", in: metrics) { [database = station.database] in database.readerMetrics }
        HostMetrics.observe(tools: station.tools, database: station.database, in: metrics)
        let chat = try await ChatWiring.service(engine, station, artifacts, settings, limits, metrics)
        let services = APIServices(
            tools: LiveTools(registry: station.registry, service: station.tools),
            plugins: LivePlugins(registry: station.registry, service: station.tools, audit: station.audit, log: engine.log),
            audit: LiveAudit(station.audit, log: engine.log), secrets: LiveSecrets(station.secrets, log: engine.log),
            egress: LiveEgress(door.proxy),
            identity: LiveIdentity(identity.service, providers: identity.providers, settings: limits.settings, log: engine.log),
            jobs: LiveJobs(chores.jobs, log: engine.log),
            chat: LiveChat(chat, limiter: limits.limiter, log: engine.log, outputBytesMax: settings.limits.outputBytes),
            artifacts: LiveArtifacts(artifacts, log: engine.log),
            workflows: LiveWorkflows(workflows, artifacts: artifacts, log: engine.log) { [settings = limits.settings] plan in
                settings.integer("concurrency.workflows", plan: plan)
            },
            settings: limits.settings,
            checks: Self.checks(engine, station, settings),
            metrics: { Array(metrics.exposition().utf8) }, version: Version.current)
        let bounds = try Self.options(settings, limits, engine, metrics)
        let dispatcher = Dispatcher(
            table: try RouteTable(Routes.all(services), bodyBytesMax: bounds.bodyBytesMax), authenticator: Authenticator(identity.service),
            requests: IdempotencyStore(database: station.database), log: engine.log, metrics: metrics, options: bounds)
        var configuration = HTTPServerConfiguration(address: try settings.address())
        configuration.makeRequestID = RequestIdentity.makeRequestID
        configuration.errorResponse = APIHandler.errorResponse
        configuration.connectionsMax = settings.limits.connections
        configuration.connectionsPerAddressMax = settings.limits.connectionsPerAddress
        configuration.headBytesMax = settings.limits.headerBytes
        let accessLog = AccessLog(.init(rawValue: settings.logAccess) ?? .on, to: engine.log)
        configuration.onExchange = accessLog.recorder
        engine.atEnd { accessLog.flush() }
        if let certificates {
            configuration.tls = certificates.context
            configuration.defaultHeaders["Strict-Transport-Security"] = "max-age=31536000"
        }
        server = HTTPServer(configuration: configuration, group: engine.group, handler: APIHandler(dispatcher))
        HostMetrics.observe(server, in: metrics)
        LiveEgress(door.proxy).observe(in: metrics)
        RuntimeMetrics.observe(door.resolver, in: metrics)
    }

    private static func options(_ settings: Configuration, _ door: EgressDoor, _ engine: Engine) -> ToolService.Options {
        var options = ToolService.Options()
        options.tunnels = TunnelDoors(
            dialer: SystemDialer(door.resolver), privateNetworks: door.privateNetworks, observer: engine.observer,
            report: { [proxy = door.proxy] in proxy.report($0) })
        options.callsPerCallerMax = settings.tools.concurrencyPerUser
        options.spares = settings.sandbox.spares
        options.timeoutMillisecondsDefault = settings.tools.timeoutMilliseconds
        options.callMillisecondsMax = settings.tools.timeoutCapMilliseconds
        options.queueMax = settings.tools.queue
        options.privateNetworks = door.privateNetworks
        options.sanitizer = "sanitizer.html"
        return options
    }

    private static func options(_ settings: Configuration, _ limits: LimitsWiring, _ engine: Engine, _ metrics: Metrics) throws -> APIOptions {
        let relief = try MemoryRelief(on: engine.loop)
        relief.observe(in: metrics)
        engine.atEnd { relief.close() }
        let gauge = MemoryGauge(
            bytesMax: settings.limits.memoryHighWaterBytes, resident: { RuntimeMetrics.residentBytes() }, relieve: { relief.ask() })
        var options = APIOptions()
        options.bodyBytesMax = settings.limits.bodyBytes
        options.outputBytesMax = settings.limits.outputBytes
        options.isShortOfMemory = { gauge.isShort }
        (options.limiter, options.leases) = (limits.limiter, limits.leases)
        options.corsOrigins = settings.corsOrigins
        return options
    }

    /// Serves until a signal or a successor says stop: accepting ends, calls drain for `limits.drain_ms`, workers end, the audit log is flushed.
    /// - Parameter inherited: a socket that listens already.
    func serve(on inherited: consuming FileDescriptor?) async throws {
        let signals = try SignalSource([SIGTERM, SIGINT, SIGHUP])
        report(await station.begin())
        let bound = try listen(on: inherited)
        let heir = settings.listen.handOver ? try Heir(data: settings.data) : nil
        announce(bound)
        ServiceManager.tell("READY=1")
        let watch = ManifestWatch(
            folders: [settings.manifests] + ["\(settings.manifests)/", "\(settings.data)/"].map { $0 + TrustFolders.name }, log: engine.log)
        let watcher = OwnedTask(on: engine.loop) { try await watch.forEachChange { await reload("manifests changed") } }
        let certificateWatcher = OwnedTask(on: engine.loop) { try await certificates?.watch(on: engine.loop) }
        let keeper = OwnedTask(on: engine.loop) { [identity] in try await identity.keep(on: engine.loop) }
        let follower = OwnedTask(on: engine.loop) { [limits] in try await limits.keep(on: engine.loop) }
        let worker = OwnedTask(on: engine.loop) { [chores] in await chores.run() }
        await waitForStop(signals, heir)
        heir?.close()
        chores.stop()
        watcher.cancel()
        certificateWatcher.cancel()
        keeper.cancel()
        follower.cancel()
        ServiceManager.tell("STOPPING=1")
        let drained = Deadline.after(milliseconds: settings.limits.drainMilliseconds)
        engine.log.notice("stopping", [("connections", JSONValue(server.connectionCount))])
        await server.drain(within: settings.limits.drainMilliseconds)
        await watcher.finish()
        await certificateWatcher.finish()
        await keeper.finish()
        await follower.finish()
        // Jobs have as long as requests have; what runs then is given back to the queue.
        let end = OwnedTask(on: engine.loop) { [loop = engine.loop] in
            try await loop.sleep(until: drained)
            worker.cancel()
        }
        await worker.finish()
        end.cancel()
        await end.finish()
        await identity.close()
        await station.stop()
        engine.log.notice("stopped")
    }

    private func listen(on inherited: consuming FileDescriptor?) throws -> SocketAddress {
        if let socket = inherited {
            try PlainListening.check(Sockets.localAddress(socket.raw), settings)
            return try server.start(on: socket)
        }
        return try server.start()
    }

    private func waitForStop(_ signals: SignalSource, _ heir: Heir?) async {
        let (stream, continuation) = AsyncStream<Void>.makeStream()
        let successor = OwnedTask(on: engine.loop) {
            guard let heir else { return }
            try await heir.wait(on: engine.loop, log: engine.log) { try server.copyListener() }
            continuation.finish()
        }
        defer { successor.cancel() }
        let listener = OwnedTask(on: engine.loop) {
            try await signals.receive { number in
                guard number == SIGHUP else { return continuation.finish() }
                await certificates?.reload("SIGHUP")
                await reload("SIGHUP")
            }
        }
        for await _ in stream { continue }
        listener.cancel()
        await listener.finish()
    }

    private func reload(_ cause: String) async {
        engine.log.info("reloading", [("cause", .string(cause))])
        report(await station.reload())
    }

    private func report(_ outcomes: [ReloadOutcome]) {
        for outcome in outcomes where outcome.action != .unchanged {
            var fields: [(String, JSONValue)] = [("plugin", .string(outcome.plugin)), ("outcome", .string(outcome.action.rawValue))]
            if let version = outcome.version { fields.append(("version", .string(version))) }
            guard let problem = outcome.problems.first else {
                engine.log.info("plugin", fields)
                continue
            }
            fields += [("file", .string(problem.file)), ("pointer", .string(problem.pointer)), ("reason", .string(problem.reason))]
            engine.log.error("manifest refused", fields)
        }
    }

    private func announce(_ bound: SocketAddress) {
        var text = "limen \(Version.current) serves on \(certificates == nil ? "http" : "https")://\(bound)\n"
        if let firstPassword {
            text += "sign in as \(FirstAccount.email) with the one-time password \(firstPassword), shown this once; the first sign-in sets another\n"
        }
        // It is the first host's of its database.
        if Path.exists("\(settings.data)/admin.key") {
            text += "an API key of \(FirstAccount.email) for scripts: \(shownData)/admin.key\n"
        }
        Output.print(text)
    }

    /// What `/readyz` looks at.
    private static func checks(_ engine: Engine, _ station: Station, _ settings: Configuration) -> [ReadinessCheck] {
        [
            ReadinessCheck("database") {
                do {
                    try await station.database.flush(deadline: .after(milliseconds: 900))
                    return nil
                } catch {
                    engine.log.error("the database does not answer", [("cause", .string("\(error)"))])
                    return "does not take writes"
                }
            },
            ReadinessCheck("plugins") {
                let snapshot = station.registry.snapshot()
                let broken = snapshot.plugins.values.filter { $0.state == .broken }.map(\.name) + snapshot.refused.values.map(\.name)
                return broken.isEmpty ? nil : "broken: \(broken.sorted().joined(separator: ", "))"
            },
            ReadinessCheck("disk") { Disk.complaint(settings.data) },
            ReadinessCheck("sandbox") {
                if engine.workers.isLost { return "the spawner is gone" }
                do {
                    return try await Posture.await(engine).refusal == nil ? nil : "plugins are refused here; `limen doctor` says why"
                } catch {
                    return "the spawner has not reported its posture"
                }
            },
        ]
    }
}

/// Room on the data folder's file system.
enum Disk {
    static let freeBytesMin: UInt64 = 64 << 20

    /// nil when there is room, else why not.
    static func complaint(_ folder: String) -> String? {
        var information = statvfs()
        guard statvfs(folder, &information) == 0 else { return "cannot be examined" }
        return UInt64(information.f_bavail) * UInt64(information.f_frsize) < freeBytesMin ? "less than 64 MiB free" : nil
    }
}
