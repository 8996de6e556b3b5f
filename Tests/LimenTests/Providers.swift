import Glibc
import IO
import JSON
import TestKit

/// Tests/Fixtures/Providers/server.py as a process of its own: what the providers speak, and what they do wrong.
final class Providers: Sendable {
    static let key = "sk-a-key-of-the-tests-0123456789"
    let folder = Command.temporary()
    let port: Int
    /// Where any account may read the authority that vouches for it.
    var authority: String { "\(folder)/ca.pem" }
    private let child: pid_t

    init(isTLS: Bool = true) throws {
        var words = ["/usr/bin/env", "python3", "\(Command.root)/Tests/Fixtures/Providers/server.py", folder]
        if isTLS {
            let issuer = try TestAuthority()
            let issued = try issuer.issue("providers", names: ["DNS:localhost", "IP:127.0.0.1"])
            try Command.write(Command.text(issuer.root), to: "\(folder)/ca.pem")
            chmod("\(folder)/ca.pem", 0o644)
            // The authority's own folder goes with it.
            for (from, name) in [(issued.certificate, "cert.pem"), (issued.key, "key.pem")] {
                try Command.write(Command.text(from), to: "\(folder)/\(name)")
                words.append("\(folder)/\(name)")
            }
        }
        child = try Command.start(words, output: "\(folder)/out", complaints: "\(folder)/log")
        // One that a static keeps has no other end than the process's.
        _ = Command.servers.withLock { [child] in $0.insert(child) }
        for _ in 0..<200 where Int(Command.text("\(folder)/port")) == nil { usleep(25_000) }
        port = Int(Command.text("\(folder)/port")) ?? 0
        guard port > 0 else { throw Command.Failure("the providers did not start: \(Command.text("\(folder)/log"))") }
    }

    deinit {
        _ = Command.servers.withLock { $0.remove(child) }
        kill(child, SIGTERM)
        _ = Command.wait(child)
    }

    /// What was asked for, oldest first: path, headers in lower case, body.
    var requests: [JSONValue] {
        Command.text("\(folder)/requests").split(separator: "\n").compactMap { line in
            // try?: a line that is being written is not there yet.
            try? JSONValue(parsing: Array(line.utf8), limits: JSONLimits(bytesMax: 16 << 20))
        }
    }
}

/// The adapter plugins, installed as an operator would, and asked by `limen plugin ask`.
final class AdapterSite: Sendable {
    let data: String
    private let environment: [String: String]

    /// Packs the plugins once for all tests.
    static let bundles: Result<String, any Error> = Result {
        let folder = Command.temporary()
        let babble = "\(Command.temporary())/babble"
        try Command.copy("\(Command.root)/Tests/Fixtures/Babble", to: babble)
        let (key, _) = try LiveServer.publisher()
        let sources = ["OpenAI", "Anthropic", "Zhipu", "Moonshot"].map { "\(Command.root)/Plugins/\($0)" }
        for words in [sources + ["--libraries", Command.bin], [babble]] {
            let outcome = try Command.limen(["plugin", "pack"] + words + ["--output", folder, "--key", key])
            guard outcome.code == 0 else { throw Command.Failure("pack: \(outcome.complaints)") }
        }
        return folder
    }

    init(_ providers: Providers? = nil) throws {
        data = "\(Command.temporary())/data"
        let networks = ["LIMEN_EGRESS_PRIVATE_NETWORKS": "localhost=127.0.0.0/8"]
        environment = networks.merging(providers.map { ["LIMEN_EGRESS_CA_FILE": $0.authority] } ?? [:]) { $1 }
        try must(["plugin", "trust", "add", LiveServer.publisher().trust, "--data", data])
    }

    @discardableResult
    func must(_ words: [String]) throws -> String {
        let outcome = try Command.limen(words, environment: environment)
        guard outcome.code == 0 else { throw Command.Failure("\(words): \(outcome.complaints)") }
        return outcome.output
    }

    /// Installs an adapter; `hosts` and `config` as the command takes them.
    func install(_ plugin: String, hosts: String = "", config: String = "{}") throws {
        let named = hosts.isEmpty ? [] : ["--hosts", hosts]
        try must(
            ["plugin", "install", "\(try Self.bundles.get())/\(plugin)-1.0.0", "--enable", "--yes", "--with-config", config, "--data", data] + named)
    }

    func set(secret name: String, to value: String = Providers.key) throws {
        let file = "\(data)/../\(name)"
        try Command.write(value, to: file)
        try must(["secret", "set", name, "--file", file, "--data", data])
    }

    func manifest(_ plugin: String) throws -> JSONValue { try JSONValue(parsing: Array(Command.text("\(data)/manifests/\(plugin).json").utf8)) }

    /// What `limen plugin ask --json` printed.
    struct Answer {
        var events: [JSONValue] = []
        var output: JSONValue?
        var error: JSONValue?
        var usage: JSONValue?
        var text: String
        /// Every text that was passed on before the end, in order.
        var tokens: [String] { events.filter { $0["event"] == "token" }.compactMap { $0["data"]?["text"]?.stringValue } }
        /// When they came, in milliseconds.
        var times: [Int] { events.filter { $0["event"] == "token" }.compactMap { $0["at_ms"]?.intValue } }
        /// The plugin's own word for what went wrong, or the host's reason.
        var fault: String? { (error?["details"]?["plugin_code"] ?? error?["details"]?["reason"])?.stringValue }
        /// What the plugin says of it.
        var details: JSONValue? { error?["details"]?["plugin_details"] }
    }

    func ask(_ model: String, _ input: String = "hello", kind: String? = nil, patience: Int? = nil) throws -> Answer {
        var words = ["plugin", "ask", model, input, "--json", "--data", data]
        if let kind { words += ["--kind", kind] }
        if let patience { words += ["--patience", "\(patience)"] }
        let outcome = try Command.limen(words, environment: environment)
        var answer = Answer(text: outcome.output + outcome.complaints)
        for line in outcome.output.split(separator: "\n") {
            let value = try JSONValue(parsing: Array(line.utf8), limits: JSONLimits(bytesMax: 8 << 20))
            if value["event"] != nil { answer.events.append(value) }
            (answer.output, answer.error) = (value["output"] ?? answer.output, value["error"] ?? answer.error)
            answer.usage = value["usage"] ?? answer.usage
        }
        return answer
    }
}
