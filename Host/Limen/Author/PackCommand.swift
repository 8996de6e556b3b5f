import JSON
import Registry

/// `limen plugin pack`
enum PackCommand {
    static func outer(_ arguments: Arguments) throws -> LaunchPlan {
        _ = try arguments.operand(0, "DIR")
        let output = arguments["output"] ?? "."
        let key = try PublisherKeys.choose(arguments)
        let (workshop, _) = try AuthorCommands.workshop()
        do {
            var bundles: [String] = []
            for folder in arguments.operands {
                bundles.append(try AuthorCommands.stage(folder, arguments, in: workshop, publisher: key.publisher))
            }
            let staged = bundles
            return .inWorkshop(workshop, words: ["plugin", "pack"], arguments) {
                for bundle in staged {
                    // Here and not beneath the spawner: the key is the caller's, and no process that parses strangers' bytes sees it.
                    if !Path.exists("\(bundle)/\(BundleLayout.signatureFile)") { try BundleSigning.sign(bundle, with: key) }
                    let target = "\(output)/\(Path.name(of: bundle))"
                    try Account.current().makeFolder(output, mode: 0o755)
                    Folder.remove(target)
                    try Folder.copy(bundle, to: target, for: Account.current())
                    Output.print("\(target)\n")
                }
            }
        } catch {
            Folder.remove(workshop)
            throw error
        }
    }

    /// Beneath the spawner: every staged bundle gets its final `plugin.json`.
    static func run(_ arguments: Arguments) throws -> Int32 {
        let workshop = try Workshop(arguments)
        try Engine.run { engine in
            for bundle in workshop.bundles { try await engine.pack(bundle, publisher: Workshop.publisher) }
        }
        return 0
    }
}

/// `limen plugin schema`
enum SchemaCommand {
    static func outer(_ arguments: Arguments) throws -> LaunchPlan {
        try AuthorCommands.plan(["plugin", "schema"], folder: arguments.operand(0, "DIR"), arguments)
    }

    static func run(_ arguments: Arguments) throws -> Int32 {
        let workshop = try Workshop(arguments)
        let description = try Engine.run { engine in
            try await engine.describer.description(of: Bundler(workshop.bundles[0]))
        }
        Output.print(String(decoding: description.serialized(.pretty), as: UTF8.self) + "\n")
        return 0
    }
}

/// The temporary folder that the outer half prepared.
struct Workshop {
    let path: String
    /// Staged bundles, at least one.
    let bundles: [String]

    init(_ arguments: Arguments) throws(CommandError) {
        guard let path = arguments["workshop"] else { throw CommandError("this half of the command is started by the other one only") }
        try self.init(path: path)
    }

    /// A folder laid out like a workshop.
    init(path: String) throws(CommandError) {
        self.path = path
        bundles = Folder.names(in: "\(path)/bundles").map { "\(path)/bundles/\($0)" }
        guard !bundles.isEmpty else { throw CommandError("nothing was staged") }
    }
}
