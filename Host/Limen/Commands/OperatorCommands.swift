import Config
import Glibc
import IO
import JSON
import Registry
import Store

/// What an operator does to manifests; no jail is needed, so these run as the service's own user and nothing more.
enum OperatorCommands {
    /// Folders that the commands work on, made when missing.
    struct Place {
        let data: String
        let manifests: String
        /// The account that gave the command, for the history.
        let actor: Requester
        /// Where the database is.
        let database: DatabasePlace

        init(_ arguments: Arguments, reaching paths: inout [String]) throws {
            let account = Account.current()
            actor = Requester("cli:" + Account.callersName())
            let settings = try Settings.load(arguments)
            let (data, manifests) = (settings.data, settings.manifests)
            try account.makeFolder(data)
            try account.makeFolder(manifests, mode: 0o755)
            try account.makeFolder("\(data)/bundles", mode: 0o755)
            var reach = Reach(account: account)
            self.data = try reach.reachable(data)
            self.manifests = try reach.reachable(manifests)
            paths = try paths.map { path throws(CommandError) in try reach.reachable(path) }
            try account.become()
            database = try settings.databasePlace(data: self.data)
        }
    }

    /// Runs `body` with the registry of the place, loaded.
    static func withRegistry<Value: Sendable>(
        _ place: Place, keepsHistory: Bool, _ body: @escaping @Sendable (Registry, [ReloadOutcome]) async throws -> Value
    ) throws -> Value {
        let group = try EventLoopGroup(count: 1)
        defer { group.stop() }
        let database = try group.runBlocking { try await Database.open(place.database, on: group) }
        defer { database.close() }
        let store = BundleStore(
            path: "\(place.data)/store", roots: ["\(place.data)/bundles", place.manifests],
            trust: TrustFolders(data: place.data, manifests: place.manifests))
        let registry = try Registry(
            manifestFolder: place.manifests, bundles: store, states: keepsHistory ? PluginStateStore(database: database) : nil,
            audit: keepsHistory ? AuditLog(database: database) : nil)
        defer { registry.shutdown() }
        return try group.runBlocking { try await body(registry, await registry.reload(notesStates: false)) }
    }

    /// `limen plugin list`
    static func list(_ arguments: Arguments) throws -> Int32 {
        var none: [String] = []
        let place = try Place(arguments, reaching: &none)
        let states = try recordedStates(place)
        let rows = try withRegistry(place, keepsHistory: false) { registry, _ in
            let snapshot = registry.snapshot()
            let known = snapshot.plugins.values.map { record -> [String] in
                let noted = states[record.name]
                let isBroken = record.state.isCallable && noted?.entry.state == "broken"
                let state = isBroken ? "broken" : record.state.rawValue
                return row(record, state: state, reason: isBroken ? noted?.entry.reason : record.reason)
            }
            let trials = snapshot.canaries.values.map { record -> [String] in
                let share = "canary \(record.manifest.canaryPercent ?? 0) %"
                return row(record, state: record.state == .broken ? "broken" : share, reason: record.reason)
            }
            let refused = snapshot.refused.values.map { [$0.name, "-", "broken", "-", "-", "-", $0.reason] }
            return (known + trials + refused).sorted { ($0[0], $0[2]) < ($1[0], $1[2]) }
        }
        Output.print(TextTable.titled(["plugin", "version", "state", "publisher", "key", "tools", "reason"], rows))
        return 0
    }

    private static func row(_ record: PluginRecord, state: String, reason: String?) -> [String] {
        let signer = record.bundle.signer
        let key = String(signer.key.fingerprint.prefix(19))
        return [record.name, record.version, state, signer.publisher, key, String(record.tools.count), reason ?? ""]
    }

    /// What the running service noted last, by plugin: it alone sees a plugin that will not load.
    private static func recordedStates(_ place: Place) throws -> [String: PluginStateRecord] {
        let group = try EventLoopGroup(count: 1)
        defer { group.stop() }
        let database = try group.runBlocking { try await Database.open(place.database, on: group) }
        defer { database.close() }
        let records = try group.runBlocking { try await PluginStateStore(database: database).states() }
        return Dictionary(records.map { ($0.entry.plugin, $0) }, uniquingKeysWith: { _, last in last })
    }

    /// `limen plugin enable NAME`
    static func enable(_ arguments: Arguments) throws -> Int32 { try setEnabled(arguments, true) }

    /// `limen plugin disable NAME`
    static func disable(_ arguments: Arguments) throws -> Int32 { try setEnabled(arguments, false) }

    private static func setEnabled(_ arguments: Arguments, _ isEnabled: Bool) throws -> Int32 {
        let (name, place) = try named(arguments)
        let outcomes = try withRegistry(place, keepsHistory: true) { registry, _ in
            isEnabled ? try await registry.enable(name, by: place.actor) : try await registry.disable(name, by: place.actor)
        }
        try check(outcomes, of: name)
        Output.print("\(name) is \(isEnabled ? "enabled" : "disabled")\n")
        return 0
    }

    /// The plugin that the command names, and the folders.
    static func named(_ arguments: Arguments) throws -> (name: String, place: Place) {
        let name = try arguments.operand(0, "NAME")
        guard PluginNames.isValid(name) else { throw UsageError("\(name) is no plugin's name") }
        var none: [String] = []
        return (name, try Place(arguments, reaching: &none))
    }

    /// - Throws: `CommandError` with the first problem of that plugin, or of the registry itself.
    static func check(_ outcomes: [ReloadOutcome], of name: String) throws(CommandError) {
        let problems = outcomes.filter { $0.plugin == name || $0.file.isEmpty }.flatMap(\.problems)
        if let problem = problems.first { throw CommandError("\(problem)") }
    }
}
