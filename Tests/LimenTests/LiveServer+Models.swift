import Glibc
import HTTP
import JSON

extension LiveServer {
    /// What a server needs to reach the tests' providers.
    static func reaching(_ providers: Providers) -> [String: String] {
        ["LIMEN_EGRESS_PRIVATE_NETWORKS": "localhost=127.0.0.0/8", "LIMEN_EGRESS_CA_FILE": providers.authority]
    }

    /// Installs the plugin `openai` for the tests' providers, with its key, and waits until it serves.
    func enableOpenAI(_ providers: Providers) async throws {
        try Command.write(Providers.key, to: "\(folder)/key")
        let config = #"{"base_url":"https://localhost:\#(providers.port)/v1"}"#
        let bundle = "\(try AdapterSite.bundles.get())/openai-1.0.0"
        for words in [
            ["secret", "set", "openai", "--file", "\(folder)/key"],
            ["plugin", "install", bundle, "--enable", "--yes", "--with-config", config, "--hosts", "localhost:\(providers.port)"],
        ] {
            let outcome = try limen(words + ["--data", data])
            guard outcome.code == 0 else { throw Command.Failure("\(words): \(outcome.complaints)") }
        }
        for _ in 0..<200 {
            let names = try await send(.get, "/v1/models").json["data"]?["items"]?.arrayValue?.compactMap { $0["name"]?.stringValue } ?? []
            if names.contains("openai/*") { return }
            usleep(50_000)
        }
        throw Command.Failure("the plugin openai did not come into service: \(log)")
    }
}
