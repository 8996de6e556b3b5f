import Testing

@Suite("Limen: egress test")
struct EgressTestTests {
    private static let manifest = """
        {"name": "demo", "version": "1.0.0", "abi": 1, "kind": "tool", "library": "lib/libdemo.so", "sha256": "\(String(repeating: "a", count: 64))",
         "tools": [{"name": "t", "description": "d", "input_schema": {}}],
         "egress": {"allow": [{"host": "api.example.com", "paths": ["/v1/*"]}, {"host": "mail.example.com", "ports": [993], "socket": true}]}}
        """

    private func run(_ words: String...) throws -> Command.Outcome {
        let folder = Command.temporary()
        try Command.write(Self.manifest, to: "\(folder)/demo.json")
        return try Command.limen(["egress", "test", "\(folder)/demo.json"] + words)
    }

    @Test("an allowed request ends with 0, and every step is told")
    func allowed() throws {
        let outcome = try run("https://API.example.com/v1/x")
        #expect(outcome.code == 0, "\(outcome)")
        for word in ["ok  url", "ok  host", "ok  path", "allowed by /egress/allow/0", "--resolve"] {
            #expect(outcome.output.contains(word), "\(word): \(outcome.output)")
        }
        let dialled = try run("https://api.example.com/v1/x", "--resolve", "api.example.com=10.0.0.1,8.8.8.8,2606:4700::1")
        #expect(dialled.code == 0 && dialled.output.contains("dialled would be 8.8.8.8, 2606:4700::1"), "\(dialled)")
        #expect(dialled.output.contains("Private-Use, RFC 1918: not dialled") && !dialled.output.contains("10.0.0.1"))
    }

    @Test(
        "a refused request ends with 1 and the rule that refused",
        arguments: [
            (["https://evil.example.com/"], "host_not_allowed"), (["https://api.example.com/v2"], "path_not_allowed"),
            (["https://api.example.com/v1/x", "--method", "POST"], "method_not_allowed"), (["https://api.example.com@evil.net/"], "url_userinfo"),
            (["https://api.example.com/v1/x", "--resolve", "api.example.com=127.0.0.1"], "address_not_public"),
            (["https://api.example.com/v1/x", "--resolve", "api.example.com="], "address_missing"),
            (["mail.example.com:25", "--connect"], "port_not_allowed"),
            (["api.example.com:443", "--connect"], "tunnel_not_allowed"),
        ])
    func refused(words: [String], rule: String) throws {
        let folder = Command.temporary()
        try Command.write(Self.manifest, to: "\(folder)/demo.json")
        let outcome = try Command.limen(["egress", "test", "\(folder)/demo.json"] + words)
        #expect(outcome.code == 1 && outcome.output.contains("refused by \(rule): ") && outcome.complaints.isEmpty, "\(outcome)")
    }

    @Test("tunnels and an operator's private networks can be tried")
    func more() throws {
        #expect(try run("mail.example.com:993", "--connect").code == 0)
        let opened = try run("https://api.example.com/v1/x", "--resolve", "api.example.com=10.0.0.1", "--private", "api.example.com=10.0.0.0/24")
        #expect(opened.code == 0 && opened.output.contains("opened by the operator"), "\(opened)")
        let wide = try run("https://api.example.com/v1/x", "--private", "api.example.com=0.0.0.0/0")
        #expect(wide.code == 2 && wide.complaints.contains("0.0.0.0/0"), "\(wide)")
        #expect(try run("https://api.example.com/v1/x", "--resolve", "b.example=8.8.8.8").code == 2)
    }

    @Test("a manifest that is refused is named with place and reason")
    func manifest() throws {
        let folder = Command.temporary()
        try Command.write(Self.manifest.replacing("api.example.com", with: "*.com"), to: "\(folder)/demo.json")
        let wide = try Command.limen("egress", "test", "\(folder)/demo.json", "https://a.com/")
        #expect(wide.code == 1 && wide.complaints.contains("/egress/allow/0/host"), "\(wide)")
        try Command.write("{}", to: "\(folder)/demo.json")
        #expect(try Command.limen("egress", "test", "\(folder)/demo.json", "https://a.com/").code == 1)
        #expect(try Command.limen("egress", "test", "\(folder)/none.json", "https://a.com/").code == 1)
    }
}
