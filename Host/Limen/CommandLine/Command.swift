/// One row of the command table: the parser, the help and the dispatch are made from it.
struct Command: Sendable {
    /// Such as `plugin new`.
    let words: String
    /// Such as `NAME`; empty when it takes none.
    let operands: String
    let summary: String
    let options: [Option]
    let operandsMax: Int
    /// The outer half of a command that makes jails: prepares as the caller and says how to start again beneath the spawner.
    let outer: (@Sendable (Arguments) throws -> LaunchPlan)?
    /// Only another command of ours starts it, beneath the spawner.
    let isInner: Bool
    let run: @Sendable (Arguments) throws -> Int32

    init(
        _ words: String, _ operands: String = "", summary: String, options: [Option] = [], operandsMax: Int = 0, isInner: Bool = false,
        outer: (@Sendable (Arguments) throws -> LaunchPlan)? = nil, run: @escaping @Sendable (Arguments) throws -> Int32
    ) {
        self.words = words
        self.operands = operands
        self.summary = summary
        self.options = options
        self.operandsMax = operandsMax
        self.outer = outer
        self.isInner = isInner
        self.run = run
    }

    var usage: String { "limen \(words)\(operands.isEmpty ? "" : " " + operands)\(options.isEmpty ? "" : " [options]")" }

    var help: String {
        var text = "\(summary)\n\nusage: \(usage)\n"
        let rows = options.map { option in
            ["--\(option.name)\(option.value.map { " " + $0 } ?? "")", option.summary]
        }
        text += "\n" + TextTable.plain(rows + [["--help", "this text"]])
        return text + "\nexit codes: 0 done, 1 failed, 2 wrong usage\n"
    }
}

/// Finds and runs a command.
struct CommandTable: Sendable {
    let commands: [Command]

    var help: String {
        let rows = commands.filter { !$0.isInner }.map { ["\($0.words)\($0.operands.isEmpty ? "" : " " + $0.operands)", $0.summary] }
        return "limen: tools as native libraries, each in its own jail\n\nusage: limen COMMAND [options]\n\n" + TextTable.plain(rows)
            + "\n`limen COMMAND --help` tells more; exit codes: 0 done, 1 failed, 2 wrong usage\n"
    }

    /// The command that the words name, and the words after it; the longest name wins.
    func find(_ words: [String]) -> (command: Command, rest: [String])? {
        let found = commands.filter { command in
            let name = command.words.split(separator: " ").map(String.init)
            return words.starts(with: name)
        }
        guard let command = found.max(by: { $0.words.count < $1.words.count }) else { return nil }
        return (command, Array(words.dropFirst(command.words.split(separator: " ").count)))
    }

    /// Runs what the words say.
    /// - Returns: The exit code.
    func run(_ words: [String]) -> Int32 {
        if words.isEmpty || ["--help", "-h", "help"].contains(words[0]) {
            Output.print(help)
            return words.isEmpty ? 2 : 0
        }
        if words[0] == "--version" {
            Output.print("limen \(Version.current)\n")
            return 0
        }
        guard let (command, rest) = find(words) else { return unknown(words) }
        if rest.contains("--help") || rest.contains("-h") {
            Output.print(command.help)
            return 0
        }
        do {
            let isInner = Launcher.channel != nil && (command.outer != nil || command.isInner)
            let options = command.options + (isInner ? LaunchPlan.innerOptions : [])
            guard isInner || !command.isInner else { return unknown(words) }
            let arguments = try Arguments(rest, options: options, operandsMax: command.operandsMax)
            if !isInner, let outer = command.outer { return try Launcher.run(outer(arguments)) }
            return try command.run(arguments)
        } catch let error as UsageError {
            Output.complain("limen \(command.words): \(error)\nusage: \(command.usage)\n")
            return 2
        } catch {
            Output.complain("limen \(command.words): \(error)\n")
            return 1
        }
    }

    private func unknown(_ words: [String]) -> Int32 {
        let family = commands.filter { $0.words.hasPrefix(words[0] + " ") }
        if family.isEmpty {
            Output.complain("limen: there is no command \(words[0]); see limen --help\n")
            return 2
        }
        let text = CommandTable(commands: family).help
        if words.dropFirst().contains("--help") || words.dropFirst().contains("-h") {
            Output.print(text)
            return 0
        }
        Output.complain(text)
        return 2
    }
}

/// The version that `--version`, the OpenAPI document and the log tell.
enum Version {
    static let current = "0.1.0"
}
