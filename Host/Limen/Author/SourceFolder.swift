import Glibc
import JSON

/// A plugin's source folder: `plugin.json` with what the author asks for, the sources, and how they are built.
struct SourceFolder {
    let path: String
    let manifest: JSONObject
    let name: String
    let version: String

    /// Reads the folder's `plugin.json`.
    /// - Throws: `CommandError` naming the file and the reason.
    init(_ path: String) throws(CommandError) {
        guard Path.isFolder(path) else { throw CommandError("there is no folder \(path)") }
        let file = "\(path)/plugin.json"
        let bytes = try File.read(file)
        do {
            guard let object = try JSONValue(parsing: bytes).objectValue else { throw CommandError("\(file): must be an object") }
            manifest = object
        } catch let error as JSONError {
            let line = 1 + bytes.prefix(error.offset).count { $0 == UInt8(ascii: "\n") }
            throw CommandError("\(file):\(line): \(error.message)")
        } catch {
            throw CommandError("\(error)")
        }
        guard let name = manifest["name"]?.stringValue, PluginNames.isValid(name) else {
            throw CommandError("\(file): /name must be lower-case letters, digits, `-` and `_`, at most 63, starting with a letter")
        }
        guard let version = manifest["version"]?.stringValue, !version.isEmpty, !version.contains("/") else {
            throw CommandError("\(file): /version must be a semantic version")
        }
        self.path = path
        self.name = name
        self.version = version
    }

    /// Refuses a publisher whose name plugin.json does not have, if it has any.
    func check(publisher: String) throws(CommandError) {
        guard let asked = manifest["publisher"]?.stringValue, asked != publisher else { return }
        throw CommandError(
            "\(path)/plugin.json: /publisher is \"\(asked)\", the key is that of \"\(publisher)\": leave the member out, or name the right key with --key"
        )
    }

    /// Builds the library as the folder says: a Swift package, a Rust crate, or a Makefile.
    ///
    /// For development a Swift package is built without optimisation, index and debug information (the link strips it anyway): that is what makes a
    /// save answer within two seconds. It has a build folder of its own, because other flags in the same one would rebuild everything each time.
    /// - Returns: The library's path.
    func build(forDevelopment isQuick: Bool = false) throws(CommandError) -> String {
        if Path.exists("\(path)/Package.swift") {
            let (folder, kind) = isQuick ? ("\(path)/.build/dev", "debug") : ("\(path)/.build", "release")
            let words = ["build", "-c", kind, "--package-path", path, "--scratch-path", folder, "--product", name]
            try Builder.swift.run(words + (isQuick ? ["--disable-index-store", "-debug-info-format", "none"] : []), for: name)
            return try library(["\(folder)/\(kind)"])
        }
        if Path.exists("\(path)/Cargo.toml") {
            try Builder.cargo.run(["build", "--quiet", "--release", "--manifest-path", "\(path)/Cargo.toml"], for: name)
            return try library(["\(path)/target/release"])
        }
        guard Path.exists("\(path)/Makefile") else { throw CommandError("\(path) has no Package.swift, no Cargo.toml and no Makefile") }
        guard let home = Path.home() else { throw CommandError("limen_plugin.h is not where this program was built; pass --library instead") }
        try Builder.make.run(["--no-print-directory", "-C", path], for: name, environment: ["LIMEN_INCLUDE": "\(home)/SDK/PluginABI/include"])
        return try library(["\(path)/lib", "\(path)/build", path])
    }

    private func library(_ folders: [String]) throws(CommandError) -> String {
        // Cargo writes `_` where a name has `-`.
        for file in ["lib\(name).so", "lib\(name.replacing("-", with: "_")).so"] {
            for folder in folders where Path.exists("\(folder)/\(file)") { return "\(folder)/\(file)" }
        }
        throw CommandError("the build made no lib\(name).so in \(folders.joined(separator: ", "))")
    }

    /// Puts everything a bundle is made of, but the final `plugin.json`, into a new folder that `account` owns.
    ///
    /// `publisher` is whose key will sign it; nil leaves plugin.json as it is.
    func stage(library: String, at target: String, for account: Account, publisher: String?) throws(CommandError) {
        try account.makeFolder(target, mode: 0o755)
        try account.makeFolder("\(target)/lib", mode: 0o755)
        try File.copy(library, to: "\(target)/lib/lib\(name).so", for: account)
        // What a Makefile puts beside it comes along: libraries of others that the jail does not show.
        if Path.parent(of: library) == "\(path)/lib" {
            for other in Folder.names(in: "\(path)/lib") where other.contains(".so") && "\(path)/lib/\(other)" != library {
                try File.copy("\(path)/lib/\(other)", to: "\(target)/lib/\(other)", for: account)
            }
        }
        var manifest = manifest
        if let publisher { manifest["publisher"] = .string(publisher) }
        try File.write(JSONValue.object(manifest).serialized(), to: "\(target)/plugin.json", for: account)
        if Path.exists("\(path)/README.md") { try File.copy("\(path)/README.md", to: "\(target)/README.md", for: account) }
        if Path.isFolder("\(path)/data") { try Folder.copy("\(path)/data", to: "\(target)/data", for: account) }
    }
}

/// What a plugin may be called.
enum PluginNames {
    static func isValid(_ name: String) -> Bool {
        guard let first = name.utf8.first, (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(first), name.utf8.count <= 63 else { return false }
        return name.utf8.allSatisfy { byte in
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
        }
    }

    /// `my-tool_kit` becomes `MyToolKit`.
    static func typeName(_ name: String) -> String {
        name.split(whereSeparator: { $0 == "-" || $0 == "_" }).map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
    }
}
