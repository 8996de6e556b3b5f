import Config
import JSON
import Registry

/// Whose bundles a data folder takes.
enum TrustCommands {
    /// `limen plugin verify BUNDLE...`
    static func verify(_ arguments: Arguments) throws -> Int32 {
        _ = try arguments.operand(0, "BUNDLE")
        for bundle in arguments.operands where !Path.isFolder(bundle) { throw CommandError("there is no folder \(bundle)") }
        let trust = try trustSet(arguments)
        for problem in trust.problems { Output.complain("\(problem)\n") }
        var code: Int32 = 0
        for bundle in arguments.operands {
            do throws(ManifestError) {
                let found = try BundleSigning.verify(bundle, trust: trust)
                let manifest = found.manifest
                Output.print("\(bundle): \(manifest.name) \(manifest.version) by \(manifest.publisher) (\(found.signer.key)), every byte as signed\n")
            } catch {
                for problem in error.problems { Output.complain("\(problem)\n") }
                Output.print("\(bundle): REFUSED\n")
                code = 1
            }
        }
        return code
    }

    /// What `--trust` names, or else the data folder's and the operator's publishers, and the author's own.
    private static func trustSet(_ arguments: Arguments) throws -> TrustSet {
        if let file = arguments["trust"] { return TrustSet([try publisher(from: file)]) }
        let settings = try Settings.load(arguments)
        let set = TrustFolders(data: settings.data, manifests: settings.manifests).load()
        guard arguments["data"] == nil, let own = try PublisherKeys.authorIfAny() else { return set }
        return set.adding(own)
    }

    /// `limen plugin trust add FILE`
    static func add(_ arguments: Arguments) throws -> Int32 {
        var publisher = try publisher(from: arguments.operand(0, "FILE"))
        if let plugins = arguments["plugins"] { publisher.plugins = plugins.split(separator: ",").map(String.init) }
        if let until = arguments["until"] {
            guard let moment = Moment(until) else { throw UsageError("--until is a moment such as 2027-01-31T00:00:00Z") }
            for index in publisher.keys.indices { publisher.keys[index].notAfter = moment }
        }
        // What the options made of it is checked as if it had been written so.
        publisher = try TrustedPublisher(parsing: JSONValue.object(publisher.json).serialized(), file: publisher.name + ".json")
        let trust = try folders(arguments)
        if let old = trust.load().publishers[publisher.name], old != publisher, !arguments.has("replace"), publisher.name != LocalPublisher.name {
            Output.complain(table([old, publisher], at: .now()))
            throw CommandError("\(publisher.name) is trusted already, otherwise: compare the two, then --replace")
        }
        try trust.add(publisher)
        Output.print(table([publisher], at: .now()))
        Output.print("\(publisher.name) is trusted; compare the fingerprint with the publisher's own word\n")
        return 0
    }

    /// `limen plugin trust list`
    static func list(_ arguments: Arguments) throws -> Int32 {
        let set = try folders(arguments).load()
        Output.print(table(set.publishers.values.sorted { $0.name < $1.name }, at: set.moment))
        for problem in set.problems { Output.complain("\(problem)\n") }
        return set.problems.isEmpty ? 0 : 1
    }

    /// `limen plugin trust remove NAME`
    static func remove(_ arguments: Arguments) throws -> Int32 {
        let name = try arguments.operand(0, "NAME")
        var none: [String] = []
        let place = try OperatorCommands.Place(arguments, reaching: &none)
        let trust = TrustFolders(data: place.data, manifests: place.manifests)
        if name == LocalPublisher.name {
            throw CommandError("\(name) is the data folder's own: it ends with \(LocalPublisher.keyFile) and trust/\(name).json in that folder")
        }
        guard try trust.remove(name) else { throw CommandError("\(name) is not trusted: `limen plugin trust list` shows who is") }
        Output.print("\(name) is trusted no more; a running server stops its plugins at once\n")
        let outcomes = try OperatorCommands.withRegistry(place, keepsHistory: false) { _, outcomes in outcomes }
        for problem in outcomes.flatMap(\.problems) where problem.reason.contains("\"\(name)\"") { Output.print("\(problem)\n") }
        return 0
    }

    private static func publisher(from file: String) throws -> TrustedPublisher {
        try TrustedPublisher(parsing: File.read(file), file: Path.name(of: file))
    }

    /// The folders, as the service's account reaches them.
    private static func folders(_ arguments: Arguments) throws -> TrustFolders {
        var none: [String] = []
        let place = try OperatorCommands.Place(arguments, reaching: &none)
        return TrustFolders(data: place.data, manifests: place.manifests)
    }

    private static func table(_ publishers: [TrustedPublisher], at now: Moment) -> String {
        let rows = publishers.flatMap { publisher in
            publisher.keys.map { key in
                [
                    publisher.name, key.key.fingerprint, key.refusal(at: now) ?? key.notAfter.map { "valid until \($0)" } ?? "valid",
                    publisher.plugins?.joined(separator: ", ") ?? "any", key.note ?? publisher.description,
                ].map(CapabilityTable.plain)
            }
        }
        return TextTable.titled(["publisher", "key", "state", "plugins", "note"], rows)
    }
}
