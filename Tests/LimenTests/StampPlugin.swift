import Glibc
import JSON

/// Tests/Fixtures/Stamp as a bundle of a name and version: a plugin that says which version and which process answered.
struct StampPlugin {
    var name = "stamp"
    var version = "1.0.0"
    var description = "Says who answered."
    /// Calls of a hundred that fail.
    var failsPercent = 0
    var memoryBytes = 67_108_864

    /// Builds and packs it, signed by the key of that data folder or else the tests' own; answers the bundle's folder.
    func pack(into folder: String, data: String? = nil) throws -> String {
        let source = "\(Command.temporary())/\(name)"
        mkdir(source, 0o755)
        for file in ["stamp.c", "Makefile", "plugin.json"] {
            var text = Command.text("\(Command.root)/Tests/Fixtures/Stamp/\(file)")
            for (word, value) in [
                ("@NAME@", name), ("@VERSION@", version), ("@DESCRIPTION@", description), ("@FAILS@", String(failsPercent)),
                ("@MEMORY@", String(memoryBytes)),
            ] { text = text.replacing(word, with: value) }
            try Command.write(text, to: "\(source)/\(file)")
        }
        let signing = try data.map { ["--data", $0] } ?? ["--key", LiveServer.publisher().key]
        let outcome = try Command.limen(["plugin", "pack", source, "--output", folder] + signing)
        guard outcome.code == 0 else { throw Command.Failure("pack: \(outcome.complaints)") }
        return "\(folder)/\(name)-\(version)"
    }
}

/// One answer of a stamp plugin.
struct Stamp: Sendable, Hashable {
    let version: String
    let instance: String
    let turn: Int
    let nonce: Int

    init?(_ output: JSONValue?) {
        guard let version = output?["version"]?.stringValue, let instance = output?["instance"]?.stringValue,
            let turn = output?["turn"]?.intValue, let nonce = output?["nonce"]?.intValue
        else { return nil }
        (self.version, self.instance, self.turn, self.nonce) = (version, instance, turn, nonce)
    }

    /// What shows that a call ran twice, or ran and was lost: a process whose turns, from the first that was heard of, do not follow each other.
    static func gaps(_ stamps: [Stamp]) -> [String] {
        Dictionary(grouping: stamps, by: \.instance).compactMap { instance, stamps in
            let turns = stamps.map(\.turn).sorted()
            guard let first = turns.first, let last = turns.last else { return nil }
            return turns == Array(first...last) ? nil : "\(instance): \(turns.count) answers, turns \(first) to \(last)"
        }
    }
}
