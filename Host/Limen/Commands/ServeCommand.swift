import API
import Config
import Crypto
import Glibc
import HTTP
import IO
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
        let settings = try Settings(arguments)
        try account.makeFolder(settings.data)
        try account.makeFolder(settings.manifests, mode: 0o755)
        try account.makeFolder("\(settings.data)/bundles", mode: 0o755)
        var reach = Reach(account: account)
        let data = try reach.reachable(settings.data)
        var words = ["serve", "--listen", settings.listen, "--data", data, "--manifests", try reach.reachable(settings.manifests)]
        words += ["--shown-data", Path.absolute(settings.data) ?? settings.data]
        if let file = settings.configFile { words += ["--config", try reach.reachable(file)] }
        var options = arguments.has("accept-groups") ? ["--accept-groups"] : []
        options += settings.spawnerOptions
        return LaunchPlan(data: data, words: words, spawnerOptions: options)
    }

    /// Beneath the spawner, as an ordinary user.
    static func run(_ arguments: Arguments) throws -> Int32 {
        guard getuid() != 0 else { throw CommandError("the host never runs as root") }
        let settings = try Settings(arguments)
        try Engine.run(level: .info) { engine in
            let service = try await Service(engine, settings, shownData: arguments["shown-data"] ?? settings.data)
            try await service.serve()
        }
        return 0
    }
}

/// Where to listen and where things lie: the command line over `LIMEN_*` variables over the file over the defaults.
struct Settings: Sendable {
    let listen: String
    let data: String
    let manifests: String
    let configFile: String?
    /// Options that the spawner gets from the configuration.
    let spawnerOptions: [String]

    init(_ arguments: Arguments) throws {
        listen = arguments["listen"] ?? Self.variable("LIMEN_LISTEN") ?? "127.0.0.1:8080"
        data = arguments["data"] ?? Self.variable("LIMEN_DATA") ?? "var"
        manifests = arguments["manifests"] ?? Self.variable("LIMEN_MANIFESTS") ?? "\(data)/manifests"
        configFile = arguments["config"]
        spawnerOptions = []
    }

    private static func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

    /// `listen` as an address.
    /// - Throws: `CommandError` when it is none.
    func address() throws -> SocketAddress {
        guard let colon = listen.lastIndex(of: ":"), let port = UInt16(listen[listen.index(after: colon)...]) else {
            throw CommandError("--listen is ADDRESS:PORT, such as 127.0.0.1:8080")
        }
        let host = listen[..<colon].filter { $0 != "[" && $0 != "]" }
        guard let address = SocketAddress(String(host), port: port) else { throw CommandError("--listen: \(host) is no IP address") }
        return address
    }
}
