import CLinux
import Glibc
import HTTP
import JSON
import Testing

@Suite("Limen: signatures and trust, from the command line", .serialized)
struct PublishingTests {
    /// A packed C plugin of a publisher of its own, and that publisher's trust file.
    private func published(_ folder: String) throws -> (bundle: String, trust: String) {
        #expect(try Command.limen("plugin", "key", "new", "--name", "Acme Ltd.", "--output", "\(folder)/acme.key").code == 0)
        #expect(try Command.limen("plugin", "key", "new", "--name", "Acme Ltd.", "--output", "\(folder)/acme.key").code == 1, "never overwritten")
        let shown = try Command.limen("plugin", "key", "show", "--key", "\(folder)/acme.key")
        #expect(shown.code == 0 && !shown.output.contains("private") && shown.complaints.hasPrefix("SHA256:"))
        try Command.write(shown.output, to: "\(folder)/acme.json")
        #expect(try Command.limen("plugin", "new", "\(folder)/hello", "--language", "c").code == 0)
        let packed = try Command.limen("plugin", "pack", "\(folder)/hello", "--output", folder, "--key", "\(folder)/acme.key")
        #expect(packed.code == 0, "\(packed.complaints)")
        return ("\(folder)/hello-0.1.0", "\(folder)/acme.json")
    }

    @Test("a bundle is taken once its publisher is trusted, and not before; verify says which and why")
    func trust() throws {
        let folder = Command.temporary()
        let data = "\(folder)/data"
        let (bundle, trust) = try published(folder)
        let unknown = try Command.limen("plugin", "install", bundle, "--enable", "--data", data)
        #expect(unknown.code == 1 && unknown.complaints.contains("\"Acme Ltd.\" (SHA256:") && unknown.complaints.contains("is not trusted here"))
        #expect(try Command.limen("plugin", "verify", bundle, "--data", data).code == 1)
        let verified = try Command.limen("plugin", "verify", bundle, "--trust", trust)
        #expect(verified.code == 0 && verified.output.contains("hello 0.1.0 by Acme Ltd. (SHA256:"), "\(verified)")
        let narrow = try Command.limen("plugin", "trust", "add", trust, "--plugins", "acme-*", "--data", data)
        #expect(narrow.code == 0, "\(narrow)")
        #expect(try Command.limen("plugin", "verify", bundle, "--data", data).complaints.contains("trusted for acme-*, not for \"hello\""))
        #expect(try Command.limen("plugin", "trust", "add", trust, "--data", data).code == 1, "another trust needs --replace")
        #expect(try Command.limen("plugin", "trust", "add", trust, "--until", "2020-01-01T00:00:00Z", "--replace", "--data", data).code == 0)
        #expect(try Command.limen("plugin", "verify", bundle, "--data", data).complaints.contains("expired at 2020-01-01T00:00:00Z"))
        #expect(try Command.limen("plugin", "trust", "add", trust, "--replace", "--data", data).code == 0)
        #expect(try Command.limen("plugin", "install", bundle, "--enable", "--data", data).code == 0)
        let list = try Command.limen("plugin", "list", "--data", data).output
        #expect(list.contains("enabled") && list.contains("Acme Ltd.") && list.contains("SHA256:"))
        #expect(try Command.limen("plugin", "trust", "list", "--data", data).output.contains("valid"))
        let removed = try Command.limen("plugin", "trust", "remove", "Acme Ltd.", "--data", data)
        #expect(removed.code == 0 && removed.output.contains("SIGNATURE"), "\(removed)")
        let broken = try Command.limen("plugin", "list", "--data", data).output
        #expect(broken.contains("broken") && broken.contains("is not trusted here"))
        #expect(try Command.limen("plugin", "trust", "remove", "Acme Ltd.", "--data", data).code == 1)
    }

    @Test("a spoiled trust file is named with pointer and reason, and everything else goes on")
    func spoiled() throws {
        let folder = Command.temporary()
        let (_, trust) = try published(folder)
        #expect(try Command.limen("plugin", "trust", "add", trust, "--data", "\(folder)/data").code == 0)
        try Command.write(#"{"name":"other","keys":[{"public_key":"short"}]}"#, to: "\(folder)/data/manifests/trust/other.json")
        let list = try Command.limen("plugin", "trust", "list", "--data", "\(folder)/data")
        #expect(list.code == 1 && list.output.contains("Acme Ltd.") && list.complaints.contains("trust/other.json#/keys/0/public_key"), "\(list)")
        try Command.write(#"{"name":"bad"}"#, to: "\(folder)/bad.json")
        #expect(try Command.limen("plugin", "trust", "add", "\(folder)/bad.json", "--data", "\(folder)/data").complaints.contains("bad.json#"))
    }

    @Test("a changed bundle is not signed again by itself: sign refuses it, and verify names the file")
    func changed() throws {
        let folder = Command.temporary()
        let (bundle, trust) = try published(folder)
        try Command.write("# Other\n", to: "\(bundle)/README.md")
        let verified = try Command.limen("plugin", "verify", bundle, "--trust", trust)
        #expect(verified.code == 1 && verified.output.contains("REFUSED") && verified.complaints.contains("README.md"))
        let signed = try Command.limen("plugin", "sign", bundle, "--key", "\(folder)/acme.key")
        #expect(signed.code == 1 && signed.complaints.contains("README.md"))
        chmod("\(folder)/acme.key", 0o644)
        #expect(try Command.limen("plugin", "sign", bundle, "--key", "\(folder)/acme.key").complaints.contains("chmod 600"))
    }

    @Test("an author needs no key to begin with: the first pack makes one, and what it signed runs for its author at once")
    func firstKey() throws {
        let folder = Command.temporary()
        let environment = ["XDG_CONFIG_HOME": "\(folder)/config"]
        #expect(try Command.limen("plugin", "new", "\(folder)/hello", "--language", "c").code == 0)
        let packed = try Command.limen(["plugin", "pack", "\(folder)/hello", "--output", folder], environment: environment)
        #expect(packed.code == 0 && packed.complaints.contains("made your publisher key"))
        var information = stat()
        #expect(stat("\(folder)/config/limen/publisher.key", &information) == 0 && information.st_mode & 0o777 == 0o600)
        #expect(try Command.limen(["plugin", "test", "\(folder)/hello-0.1.0"], environment: environment).code == 0)
        // Somebody else does not run it, jail or not, before they said whom they trust.
        let other = try Command.limen(["plugin", "test", "\(folder)/hello-0.1.0"], environment: ["XDG_CONFIG_HOME": "\(folder)/other"])
        #expect(other.code == 1 && other.complaints.contains("is not trusted here"))
    }

    @Test("a data folder's own key is the caller's alone, and is not in manifests/trust")
    func ownKey() throws {
        let server = try LiveServer(plugins: [])
        var information = stat()
        #expect(stat("\(server.data)/publisher.key", &information) == 0)
        #expect(information.st_mode & 0o777 == 0o600 && information.st_uid == getuid())
        #expect(access("\(server.data)/trust/local.json", F_OK) == 0)
        #expect(access("\(server.data)/manifests/trust/local.json", F_OK) != 0)
        let folder = Command.temporary()
        #expect(try Command.limen("plugin", "new", "\(folder)/hello", "--language", "c").code == 0)
        #expect(try Command.limen("plugin", "pack", "\(folder)/hello", "--output", folder, "--data", server.data).code == 0)
        #expect(try Command.limen("plugin", "install", "\(folder)/hello-0.1.0", "--enable", "--data", server.data).code == 0)
        let elsewhere = try Command.limen("plugin", "install", "\(folder)/hello-0.1.0", "--data", "\(folder)/data")
        #expect(elsewhere.code == 1 && elsewhere.complaints.contains("is not trusted here"))
    }

    @Test("a running server shows who signed what, stops a plugin when its publisher's trust ends, and starts it when it is back")
    func running() async throws {
        let server = try LiveServer(plugins: ["calc"])
        func plugin() async throws -> JSONValue? { try await server.send(.get, "/v1/admin/plugins/calc").json["data"] }
        let before = try await plugin()
        #expect(before?["publisher"] == "tests" && before?["key_fingerprint"]?.stringValue?.hasPrefix("SHA256:") == true)
        let file = "\(server.data)/manifests/trust/tests.json"
        let trust = Command.text(file)
        #expect(try Command.limen("plugin", "trust", "remove", "tests", "--data", server.data).code == 0)
        #expect(try await until { try await plugin()?["state"] == "broken" })
        #expect(try await plugin()?["reason"]?.stringValue?.contains("is not trusted here") == true)
        let refused = try await server.send(.post, "/v1/tools/calc.evaluate/invoke", #"{"input":{"expression":"1"}}"#)
        #expect(refused.status == 404, "\(refused.text)")
        try Command.write(trust, to: file)
        #expect(try await until { try await plugin()?["state"] == "ready" })
        #expect(try await until { try await server.send(.post, "/v1/tools/calc.evaluate/invoke", #"{"input":{"expression":"1"}}"#).status == 200 })
    }

    private func until(_ holds: () async throws -> Bool) async throws -> Bool {
        for _ in 0..<100 {
            if try await holds() { return true }
            usleep(50_000)
        }
        return false
    }
}
