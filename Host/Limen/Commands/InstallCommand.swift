import Glibc
import JSON
import Registry
import Store

/// `limen plugin install BUNDLE...`: a new plugin, a newer version, or one on trial.
enum InstallCommand {
    /// How the operator decides.
    private struct Choices: Sendable {
        let isEnabled: Bool
        let agrees: Bool
        let canaryPercent: Int?
        let mounts: [String: String]
        let hosts: [NamedHost]
        let config: JSONObject

        init(_ arguments: Arguments) throws(UsageError) {
            isEnabled = arguments.has("enable")
            agrees = arguments.has("yes")
            canaryPercent = try arguments.integer("canary", in: 1...99)
            var mounts: [String: String] = [:]
            for pair in (arguments["mounts"] ?? "").split(separator: ",") {
                let parts = pair.split(separator: "=", maxSplits: 1).map(String.init)
                guard parts.count == 2, parts[1].hasPrefix("/") else { throw UsageError("--mounts is /mnt/NAME=/a/folder,...") }
                mounts[parts[0]] = parts[1]
            }
            self.mounts = mounts
            config =
                try arguments["with-config"].map { text throws(UsageError) in
                    // try?: what is no object of JSON is wrong usage, whatever else it is.
                    guard case .object(let object)? = try? JSONValue(parsing: Array(text.utf8)) else {
                        throw UsageError("--with-config is a JSON object")
                    }
                    return object
                } ?? [:]
            hosts = try (arguments["hosts"] ?? "").split(separator: ",").map { text throws(UsageError) in
                let scheme = [EgressRule.Scheme.https, .http].first { text.hasPrefix("\($0.rawValue)://") }
                let text = scheme.map { text.dropFirst($0.rawValue.utf8.count + 3) } ?? text
                // An address in brackets has colons of its own.
                let colon = text.last == "]" ? nil : text.lastIndex(of: ":")
                guard let colon else { return NamedHost(scheme: scheme, host: String(text)) }
                guard let port = UInt16(text[text.index(after: colon)...]), port > 0 else { throw UsageError("--hosts is [http://]HOST[:PORT],...") }
                return NamedHost(scheme: scheme, host: String(text[..<colon]), port: Int(port))
            }
        }
    }

    static func run(_ arguments: Arguments) throws -> Int32 {
        var bundles = arguments.operands
        if bundles.isEmpty { throw UsageError("BUNDLE is missing") }
        for bundle in bundles where !Path.isFolder(bundle) { throw CommandError("there is no folder \(bundle)") }
        let choices = try Choices(arguments)
        let place = try OperatorCommands.Place(arguments, reaching: &bundles)
        var code: Int32 = 0
        for bundle in bundles {
            do {
                Output.print(
                    try OperatorCommands.withRegistry(place, keepsHistory: true) { registry, _ in
                        try await install(bundle, choices, registry, place)
                    })
            } catch {
                // One bundle that is refused does not keep the others out.
                Output.complain("limen plugin install \(bundle): \(error)\n")
                code = 1
            }
        }
        return code
    }

    /// - Returns: What to tell the operator.
    private static func install(
        _ bundle: String, _ choices: Choices, _ registry: Registry, _ place: OperatorCommands.Place
    ) async throws -> String {
        let proposal = try await registry.propose(
            bundleAt: bundle, mounts: choices.mounts, hosts: choices.hosts, config: choices.config,
            canaryPercent: choices.canaryPercent)
        let name = proposal.after.name
        guard let before = proposal.before else { return try await installNew(bundle, proposal, choices, registry, place) }
        Output.print(CapabilityTable.text(proposal))
        try agree(to: proposal, instead: before, choices)
        try keep(bundle, proposal, place)
        let isTrial = proposal.track == .canary
        let outcomes = try await registry.accept(proposal, enabled: isTrial || choices.isEnabled ? true : nil, by: place.actor)
        try OperatorCommands.check(outcomes, of: name)
        let (old, new) = (before.version, proposal.after.version)
        if isTrial {
            return "\(name) \(new) is tried with \(choices.canaryPercent ?? 0) % of the calls beside \(old): "
                + "limen plugin promote \(name) gives it all of them, limen plugin rollback \(name) none\n"
        }
        let state = choices.isEnabled || before.isEnabled ? "enabled" : "disabled"
        if proposal.diff.differences.isEmpty { return "\(name) \(new) is installed and \(state); nothing changed\n" }
        return "\(name) \(new) is installed and \(state) in the place of \(old); limen plugin rollback \(name) puts \(old) back\n"
    }

    private static func installNew(
        _ bundle: String, _ proposal: GrantProposal, _ choices: Choices, _ registry: Registry, _ place: OperatorCommands.Place
    ) async throws -> String {
        let name = proposal.after.name
        Output.print(CapabilityTable.text(proposal.asked))
        try keep(bundle, proposal, place)
        let isEnabled = choices.isEnabled || choices.agrees || confirms("enable \(name)?")
        try OperatorCommands.check(try await registry.accept(proposal, enabled: isEnabled, by: place.actor), of: name)
        let open = hint(proposal, bundle)
        return "\(name) \(proposal.after.version) is installed and \(isEnabled ? "enabled" : "disabled")\(open)\n"
    }

    /// What is left to do for a plugin whose hosts nobody has named.
    private static func hint(_ proposal: GrantProposal, _ bundle: String) -> String {
        guard proposal.asked.egress.allow.contains(where: \.isOpen), proposal.after.egress.allow.isEmpty else { return "" }
        return "; it reaches no host before you name some: limen plugin install \(bundle) --hosts example.org,*.example.com"
    }

    /// A wider grant needs a person, or `--yes`; a narrower one does not.
    private static func agree(to proposal: GrantProposal, instead before: Manifest, _ choices: Choices) throws(CommandError) {
        let wider = proposal.diff.wider
        if wider.isEmpty || choices.agrees { return }
        let (name, version) = (proposal.after.name, proposal.after.version)
        let list = wider.map { "  " + CapabilityTable.plain($0.text) + "\n" }.joined()
        Output.complain("\(name) \(version) asks for more than \(name) \(before.version) was granted:\n\(list)")
        if confirms("grant this?") { return }
        throw CommandError("nothing was changed; --yes grants what is wider")
    }

    /// The bundle's own folder in DATA/bundles, for whoever wants to look at what is installed.
    private static func keep(_ bundle: String, _ proposal: GrantProposal, _ place: OperatorCommands.Place) throws {
        let target = "\(place.data)/bundles/\(proposal.asked.name)-\(proposal.asked.version)"
        if Path.absolute(bundle) == Path.absolute(target) { return }
        Folder.remove(target)
        try Folder.copy(bundle, to: target, for: Account.current())
    }

    /// Asks a person; nobody there to ask means no.
    private static func confirms(_ question: String) -> Bool {
        guard isatty(STDIN_FILENO) == 1 else { return false }
        Output.complain("\(question) [y/N] ")
        let answer = readLine(strippingNewline: true)?.lowercased() ?? ""
        return answer == "y" || answer == "yes"
    }
}
