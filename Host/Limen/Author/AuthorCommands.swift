import Glibc
import JSON

/// The outer halves of the author's commands: building and staging, as the person who typed them.
enum AuthorCommands {
    /// `limen plugin new NAME [--language swift|c|rust]`
    static func new(_ arguments: Arguments) throws -> Int32 {
        let target = try arguments.operand(0, "NAME")
        let name = Path.name(of: target)
        guard PluginNames.isValid(name) else {
            throw UsageError("NAME is lower-case letters, digits, `-` and `_`, at most 63, starting with a letter")
        }
        let language = arguments["language"] ?? "swift"
        guard Template.languages.contains(language) else { throw UsageError("--language is \(Template.languages.joined(separator: ", "))") }
        if language == "rust" { _ = try Builder.cargo.find() }
        try Template(language: language, name: name).write(to: target)
        Output.print("wrote \(target); now: limen plugin test \(target)\n")
        return 0
    }

    /// `limen plugin build DIR`
    static func build(_ arguments: Arguments) throws -> Int32 {
        let library = try SourceFolder(arguments.operand(0, "DIR")).build()
        Output.print("\(library)\n")
        return 0
    }

    /// A bundle folder made ready for the inner process: built and staged from sources, or copied when it is packed already.
    ///
    /// `publisher` is whose key will sign it when it is packed to be kept; nil for a command that packs for itself alone.
    static func stage(_ path: String, _ arguments: Arguments, in temporary: String, publisher: String? = nil) throws -> String {
        let account = Account.current()
        let source = try SourceFolder(path)
        if let publisher { try source.check(publisher: publisher) }
        let target = "\(temporary)/bundles/\(source.name)-\(source.version)"
        if source.manifest["files"] != nil {
            try account.makeFolder(Path.parent(of: target), mode: 0o755)
            try Folder.copy(path, to: target, for: account)
            try WorkshopTrust.copy(arguments, to: temporary)
            return target
        }
        let library = try arguments["libraries"].map { "\($0)/lib\(source.name).so" } ?? source.build()
        guard Path.exists(library) else { throw CommandError("there is no \(library)") }
        try source.stage(library: library, at: target, for: account, publisher: publisher)
        return target
    }

    /// A temporary folder that the inner process may use, with an empty data folder in it.
    static func workshop() throws -> (path: String, data: String) {
        let account = Account.current()
        let path = try Folder.temporary()
        guard chmod(path, 0o711) == 0 else { throw CommandError("cannot open \(path) to the service: \(Path.reason())") }
        try account.makeFolder("\(path)/bundles", mode: 0o755)
        try account.makeFolder("\(path)/data")
        try account.makeFolder("\(path)/manifests")
        return (path, "\(path)/data")
    }
}

extension AuthorCommands {
    /// The plan of a command on one source folder or bundle.
    static func plan(_ words: [String], folder: String, _ arguments: Arguments) throws -> LaunchPlan {
        let (workshop, _) = try workshop()
        do {
            _ = try stage(folder, arguments, in: workshop)
            return try LaunchPlan.inWorkshop(workshop, words: words, arguments).showingAuthorities()
        } catch {
            Folder.remove(workshop)
            throw error
        }
    }
}
