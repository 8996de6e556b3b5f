import CLinux
import Config
import Glibc
import Registry

/// Which key a command signs with: `--key`, else the data folder's own, else the author's.
enum PublisherKeys {
    /// Finds the key, and makes the one that is missing.
    static func choose(_ arguments: Arguments) throws -> PublisherKey {
        if let file = arguments["key"] { return try PublisherKey(reading: file) }
        let data = try Settings.load(arguments).data
        if arguments["data"] != nil || isOwn("\(data)/\(LocalPublisher.keyFile)") {
            try Account.current().makeFolder(data)
            return try LocalPublisher.key(in: data)
        }
        return try author()
    }

    /// The author's key, made when there is none.
    static func author() throws -> PublisherKey {
        let file = try authorFile()
        if Path.exists(file) { return try PublisherKey(reading: file) }
        let key = try PublisherKey.generate(publisher: userName())
        try write(key, to: file)
        Output.progress("made your publisher key: \(file), \(key)")
        return key
    }

    /// The author's public half, when there is a key already.
    static func authorIfAny() throws -> TrustedPublisher? {
        let file = try authorFile()
        return Path.exists(file) ? try PublisherKey(reading: file).trusted : nil
    }

    /// Writes a key file, and makes its folder.
    static func write(_ key: PublisherKey, to file: String) throws {
        try makeFolder(Path.parent(of: file))
        try key.write(to: file)
    }

    /// `limen/publisher.key` in the caller's configuration folder.
    static func authorFile() throws(CommandError) -> String {
        if let folder = variable("XDG_CONFIG_HOME") { return "\(folder)/limen/\(LocalPublisher.keyFile)" }
        if let home = variable("HOME") { return "\(home)/.config/limen/\(LocalPublisher.keyFile)" }
        throw CommandError("neither XDG_CONFIG_HOME nor HOME is set: name the key's file with --key")
    }

    private static func variable(_ name: String) -> String? {
        guard let value = getenv(name).map({ String(cString: $0) }), value.hasPrefix("/") else { return nil }
        return value
    }

    private static func isOwn(_ file: String) -> Bool {
        var information = stat()
        return stat(file, &information) == 0 && information.st_uid == getuid()
    }

    private static func makeFolder(_ path: String) throws(CommandError) {
        if Path.isFolder(path) { return }
        if path != Path.parent(of: path) { try makeFolder(Path.parent(of: path)) }
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw CommandError("cannot make \(path): \(Path.reason())") }
    }

    /// The account's name as a publisher's, which is never that of a data folder's own.
    private static func userName() -> String {
        let name = getpwuid(getuid()).map { String(cString: $0.pointee.pw_name) } ?? ""
        return PublisherKey.isName(name) && name != LocalPublisher.name ? name : "author"
    }
}
