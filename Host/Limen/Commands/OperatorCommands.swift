import Config
import Glibc
import IO
import JSON
import Registry
import Store

/// What an operator does to manifests; no jail is needed, so these run as the service's own user and nothing more.
enum OperatorCommands {
    /// Folders that the commands work on, made when missing.
    private struct Place {
        let data: String
        let manifests: String

        init(_ arguments: Arguments, reaching paths: inout [String]) throws {
            let account = Account.current()
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
        }
    }

    /// Runs `body` with the registry of the place, loaded.
    private static func withRegistry<Value: Sendable>(
        _ place: Place, keepsHistory: Bool, _ body: @escaping @Sendable (Registry, [ReloadOutcome]) async throws -> Value
    ) throws -> Value {
        let group = try EventLoopGroup(count: 1)
        defer { group.stop() }
        let database = try Database(path: "\(place.data)/limen.db")
        defer { database.close() }
        let store = BundleStore(path: "\(place.data)/store", roots: ["\(place.data)/bundles", place.manifests])
        let registry = try Registry(
            manifestFolder: place.manifests, bundles: store, states: keepsHistory ? PluginStateStore(database: database) : nil)
        defer { registry.shutdown() }
        return try group.runBlocking { try await body(registry, await registry.reload(by: "cli")) }
    }

    /// `limen plugin install BUNDLE...`
    static func install(_ arguments: Arguments) throws -> Int32 {
        var bundles = arguments.operands
        if bundles.isEmpty { throw UsageError("BUNDLE is missing") }
        for bundle in bundles where !Path.isFolder(bundle) { throw CommandError("there is no folder \(bundle)") }
        let place = try Place(arguments, reaching: &bundles)
        let wantsEnabled = arguments.has("enable")
        var code: Int32 = 0
        for bundle in bundles {
            let manifest = try withRegistry(place, keepsHistory: true) { registry, _ in try await registry.inspect(bundleAt: bundle) }
            Output.print(CapabilityTable.text(manifest))
            let target = "\(place.data)/bundles/\(manifest.name)-\(manifest.version)"
            if Path.absolute(bundle) != Path.absolute(target) {
                Folder.remove(target)
                try Folder.copy(bundle, to: target, for: Account.current())
            }
            let enables = wantsEnabled || confirms(manifest.name)
            let outcomes = try withRegistry(place, keepsHistory: true) { registry, _ in
                let written = try await registry.install(bundleAt: bundle, by: "cli")
                guard enables, written.allSatisfy({ $0.plugin != manifest.name || $0.problems.isEmpty }) else { return written }
                return try await registry.enable(manifest.name, by: "cli")
            }
            let problems = outcomes.filter { $0.plugin == manifest.name }.flatMap(\.problems)
            for problem in problems { Output.complain("\(problem)\n") }
            if !problems.isEmpty { code = 1 }
            Output.print("\(manifest.name) \(manifest.version) is installed and \(enables && problems.isEmpty ? "enabled" : "disabled")\n")
        }
        return code
    }

    /// Asks a person; nobody there to ask means no.
    private static func confirms(_ name: String) -> Bool {
        guard isatty(STDIN_FILENO) == 1 else { return false }
        Output.complain("enable \(name)? [y/N] ")
        let answer = readLine(strippingNewline: true)?.lowercased() ?? ""
        return answer == "y" || answer == "yes"
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
                return [record.name, record.version, state, String(record.tools.count), (isBroken ? noted?.entry.reason : record.reason) ?? ""]
            }
            let refused = snapshot.refused.values.map { [$0.name, "-", "broken", "-", $0.reason] }
            return (known + refused).sorted { $0[0] < $1[0] }
        }
        Output.print(TextTable.titled(["plugin", "version", "state", "tools", "reason"], rows))
        return 0
    }

    /// What the running service noted last, by plugin: it alone sees a plugin that will not load.
    private static func recordedStates(_ place: Place) throws -> [String: PluginStateRecord] {
        let group = try EventLoopGroup(count: 1)
        defer { group.stop() }
        let database = try Database(path: "\(place.data)/limen.db")
        defer { database.close() }
        let records = try group.runBlocking { try await PluginStateStore(database: database).states() }
        return Dictionary(records.map { ($0.entry.plugin, $0) }, uniquingKeysWith: { _, last in last })
    }

    /// `limen plugin enable NAME`
    static func enable(_ arguments: Arguments) throws -> Int32 { try setEnabled(arguments, true) }

    /// `limen plugin disable NAME`
    static func disable(_ arguments: Arguments) throws -> Int32 { try setEnabled(arguments, false) }

    private static func setEnabled(_ arguments: Arguments, _ isEnabled: Bool) throws -> Int32 {
        let name = try arguments.operand(0, "NAME")
        guard PluginNames.isValid(name) else { throw UsageError("\(name) is no plugin's name") }
        var none: [String] = []
        let place = try Place(arguments, reaching: &none)
        let outcomes = try withRegistry(place, keepsHistory: true) { registry, _ in
            isEnabled ? try await registry.enable(name, by: "cli") : try await registry.disable(name, by: "cli")
        }
        let problems = outcomes.filter { $0.plugin == name }.flatMap(\.problems)
        if let problem = problems.first { throw CommandError("\(problem)") }
        Output.print("\(name) is \(isEnabled ? "enabled" : "disabled")\n")
        return 0
    }
}
