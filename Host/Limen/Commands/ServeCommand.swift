import API
import Config
import Crypto
import Glibc
import HTTP
import IO
import Jail
import JSON
import Registry
import Store
import Telemetry
import Tools
import Workers

/// `limen serve`
enum ServeCommand {
    /// As the caller: folders with their owner, then the spawner in this process's place.
    static func outer(_ arguments: Arguments) throws -> LaunchPlan {
        let account = Account.current()
        let settings = try Settings.load(arguments)
        try account.makeFolder(settings.data)
        try account.makeFolder(settings.manifests, mode: 0o755)
        try account.makeFolder("\(settings.data)/bundles", mode: 0o755)
        try account.makeFolder("\(settings.manifests)/\(TrustFolders.name)", mode: 0o755)
        // As the caller: the service never needs the key, and as root cannot read it.
        if !Path.exists("\(settings.data)/\(LocalPublisher.keyFile)") { _ = try LocalPublisher.key(in: settings.data) }
        var reach = Reach(account: account)
        let data = try reach.reachable(settings.data)
        let listen = "\(settings.listen.address):\(settings.listen.port)"
        var words = ["serve", "--listen", listen, "--data", data, "--manifests", try reach.reachable(settings.manifests)]
        words += ["--shown-data", Path.absolute(settings.data) ?? settings.data]
        if let tls = settings.listen.tls {
            words += ["--tls-certificate", try reach.reachable(filesIn: tls.certificates), "--tls-key", try reach.reachable(filesIn: tls.keys)]
            if !tls.staples.isEmpty { words += ["--tls-ocsp", try reach.reachable(filesIn: tls.staples)] }
        }
        if let file = Settings.file(arguments) { words += ["--config", try reach.reachable(file)] }
        var options = arguments.has("accept-groups") ? ["--accept-groups"] : []
        options += ["--lowest-rung", settings.sandbox.lowestRung]
        if let base = settings.sandbox.uidBase { options += ["--uid-base", String(base)] }
        if let slots = settings.sandbox.slots { options += ["--slots", String(slots)] }
        options += try TunnelAuthorities.options(settings.egress, in: settings.data, for: account)
        return LaunchPlan(data: data, words: words, spawnerOptions: options)
    }

    /// Beneath the spawner, as an ordinary user.
    static func run(_ arguments: Arguments) throws -> Int32 {
        guard getuid() != 0 else { throw CommandError("the host never runs as root") }
        let settings = try Settings.load(arguments)
        try Engine.run(level: LogLevel(rawValue: settings.logLevel) ?? .info) { engine in
            try await serve(engine, settings, shownData: arguments["shown-data"] ?? settings.data)
        }
        return 0
    }

    /// All that can fail without the data folder comes before the running host, if there is one, is asked for its place.
    private static func serve(_ engine: Engine, _ settings: Configuration, shownData: String) async throws {
        let certificates = try Certificates(settings, log: engine.log) { engine.atEnd($0) }
        try await SandboxRequirement(layers: settings.sandbox.require).check(engine)
        var listener = try ListeningSocket.inherited()
        if listener == nil { try PlainListening.check(settings.address(), settings) }
        if settings.listen.handOver, listener == nil {
            let patience = settings.limits.drainMilliseconds + Self.endMilliseconds
            listener = try await HandOver.take(from: settings.data, within: patience, on: engine.loop)
        }
        let lock = try await DataFolderLock.take(settings.data, on: engine.loop)
        let service = try await Service(engine, settings, certificates, shownData: shownData)
        try await service.serve(on: listener)
        try lock.close()
    }

    /// What a host may take to end after its calls have.
    private static let endMilliseconds = 15_000
}
