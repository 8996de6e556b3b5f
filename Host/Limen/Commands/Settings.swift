import Config
import Glibc
import IO
import JSON

/// The configuration of a command: the command line over `LIMEN_*` variables over the file over the defaults.
enum Settings {
    /// Variables of ours that are no settings: they pass between our own processes and scripts.
    private static let internalVariables: Set<String> = ["LIMEN_SPAWNER_FD", "LIMEN_INCLUDE", "LIMEN_ESCAPE"]

    /// The file named by `--config`, or `limen.json` when there is one.
    static func file(_ arguments: Arguments) -> String? {
        arguments["config"] ?? (Path.exists("limen.json") ? "limen.json" : nil)
    }

    /// Reads and checks everything.
    /// - Throws: `ConfigurationError` with every problem, or `UsageError` for the command line's own.
    static func load(_ arguments: Arguments) throws -> Configuration {
        var given: [String: JSONValue] = [:]
        if let listen = arguments["listen"] {
            guard let colon = listen.lastIndex(of: ":"), let port = Int(listen[listen.index(after: colon)...]) else {
                throw UsageError("--listen is ADDRESS:PORT, such as 127.0.0.1:8080")
            }
            given["/listen/address"] = .string(String(listen[..<colon].filter { $0 != "[" && $0 != "]" }))
            given["/listen/port"] = JSONValue(port)
        }
        for (option, pointer) in [("tls-certificate", "certificate"), ("tls-key", "key"), ("tls-ocsp", "ocsp")] {
            guard let files = arguments[option] else { continue }
            given["/listen/tls/\(pointer)"] = .array(files.split(separator: ",", omittingEmptySubsequences: false).map { .string(String($0)) })
        }
        if let data = arguments["data"] { given["/data"] = .string(data) }
        if let manifests = arguments["manifests"] { given["/manifests"] = .string(manifests) }
        return try Configuration.load(file: file(arguments), environment: variables(), arguments: given)
    }

    /// What an author's command takes from the environment: it has no server's file.
    static func author() throws -> Configuration { try Configuration.load(file: nil, environment: variables(), arguments: [:]) }

    private static func variables() -> [String: String] {
        var found: [String: String] = [:]
        var entry = environ
        while let text = entry.pointee {
            let parts = String(cString: text).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2, parts[0].hasPrefix("LIMEN_"), !internalVariables.contains(String(parts[0])) {
                found[String(parts[0])] = String(parts[1])
            }
            entry = entry.advanced(by: 1)
        }
        return found
    }
}

extension Configuration {
    /// `listen` as a socket's address.
    /// - Throws: `CommandError` when it is no IP address.
    func address() throws(CommandError) -> SocketAddress {
        guard let address = SocketAddress(listen.address, port: UInt16(listen.port)) else {
            throw CommandError("listen.address: \(listen.address) is no IP address")
        }
        return address
    }
}
