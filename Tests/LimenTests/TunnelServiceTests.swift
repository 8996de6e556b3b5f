import Glibc
import HTTP
import JSON
import Testing

/// The sample with libcurl (SDK/Samples/curl): nothing in it knows of Limen's proxy.
@Suite("Limen: libcurl, unmodified, through a worker's own proxy", .serialized)
struct TunnelServiceTests {
    static let page = "<title>Tea</title>"

    private func site() throws -> TLSSite {
        try TLSSite { request in
            request.target == "/page" ? HTTPResponse(contentType: "text/html", Array(Self.page.utf8)) : HTTPResponse(status: 404, headers: [:])
        }
    }

    /// The sample away from its sources, asking for the site in the place of example.com.
    static func sample(_ site: TLSSite) throws -> String {
        let folder = "\(Command.temporary())/sample-curl"
        mkdir(folder, 0o755)
        for file in ["curl.c", "Makefile", "README.md", "plugin.json"] {
            let text = Command.text("\(Command.root)/SDK/Samples/curl/\(file)")
            try Command.write(
                file == "plugin.json"
                    ? text.replacing("example.com/", with: "localhost:\(site.port)/page").replacing("example.com", with: "localhost")
                        .replacing("443", with: "\(site.port)") : text, to: "\(folder)/\(file)")
        }
        return folder
    }

    private func serve(_ folder: String, isOrdinary: Bool, _ environment: [String: String]) throws -> LiveServer {
        let server = try LiveServer(plugins: [], isOrdinary: isOrdinary, environment: environment)
        try server.trustTests()
        let packed = Command.temporary()
        let pack = try Command.limen("plugin", "pack", folder, "--output", packed, "--key", LiveServer.publisher().key)
        let install = try server.limen(["plugin", "install", "\(packed)/sample-curl-1.0.0", "--enable", "--yes", "--data", server.data])
        guard pack.code == 0, install.code == 0 else { throw Command.Failure("\(pack) \(install)") }
        return server
    }

    private func get(_ server: LiveServer, _ url: String) async throws -> (status: Int, json: JSONValue, text: String) {
        let body = JSONValue.object(["input": ["url": .string(url)]]).text
        var reply = try await server.send(.post, "/v1/tools/sample-curl.get/invoke", body)
        for _ in 0..<100 where [404, 409].contains(reply.status) {
            // Taken into service when the manifests' folder has told of it.
            usleep(50_000)
            reply = try await server.send(.post, "/v1/tools/sample-curl.get/invoke", body)
        }
        return reply
    }

    @Test(
        "the sample fetches a page whose authority is egress.ca_file's; table of decisions, metrics and log have its tunnel, with call and tenant, rootless too",
        arguments: Ordinary.isPossible ? [false, true] : [false])
    func fetches(isOrdinary: Bool) async throws {
        let site = try site()
        let server = try serve(Self.sample(site), isOrdinary: isOrdinary, site.environment)
        let reply = try await get(server, "https://localhost:\(site.port)/page")
        #expect(reply.status == 200, "\(reply.text) \(server.log)")
        #expect(reply.json["data"]?["output"] == ["status": 200, "bytes": JSONValue(Self.page.utf8.count)])
        #expect(reply.json["data"]?["attachments"]?[0]?["content_type"]?.stringValue?.hasPrefix("text/html") == true, "\(reply.text)")
        #expect(reply.json["data"]?["usage"]?["egress_requests"] == 1)
        let refused = try await get(server, "https://127.0.0.1:\(site.port)/page")
        #expect(refused.status == 400 && refused.text.contains("\"forbidden\"") && refused.text.contains("\"proxy\":403"), "\(refused.text)")

        let listed = try await server.send(.get, "/v1/admin/egress").json["data"]?["decisions"]?.arrayValue ?? []
        let tunnel = try #require(listed.first { $0["outcome"] == "allowed" }, "\(listed)")
        for (name, value): (String, JSONValue) in [
            ("plugin", "sample-curl"), ("tenant", "main"), ("kind", "tunnel"), ("method", "CONNECT"), ("host", "localhost"),
            ("port", JSONValue(site.port)), ("allowed_by", "/egress/allow/0"), ("rule", .null), ("phase", .null),
        ] { #expect(tunnel[name] == value, "\(name): \(tunnel.text)") }
        #expect(tunnel["request_id"]?.stringValue?.isEmpty == false && tunnel["bytes_in"]?.intValue ?? 0 > Self.page.utf8.count)
        let other = try #require(listed.first { $0["outcome"] == "refused" }, "\(listed)")
        #expect(other["rule"] == "host_not_allowed" && other["tenant"] == "main" && other["kind"] == "tunnel", "\(other.text)")

        let metrics = try await server.send(.get, "/metrics").text
        #expect(metrics.contains(#"limen_egress_decisions_total{kind="tunnel",outcome="allowed"} 1"#))
        #expect(metrics.contains(#"limen_egress_decisions_total{kind="tunnel",outcome="refused"} 1"#))
        #expect(metrics.contains(#"limen_egress_bytes_total{kind="tunnel",direction="in"}"#))
        #expect(!metrics.contains("limen_egress_tunnel_"), "one count a decision")
        #expect(server.stop() == 0 && server.log.contains(#""kind":"tunnel""#))
        await site.stop()
    }

    @Test("without egress.ca_file the same page is refused by libcurl itself: the tunnel stands and the certificate is nobody's")
    func stranger() async throws {
        let site = try site()
        let server = try serve(Self.sample(site), isOrdinary: false, TLSSite.opened)
        let reply = try await get(server, "https://localhost:\(site.port)/page")
        #expect(reply.status == 500 && reply.text.contains("\"unreachable\"") && reply.text.contains("\"curl\":60"), "\(reply.text)")
        #expect(reply.text.contains("\"proxy\":200"), "\(reply.text)")
        server.stop()
        await site.stop()
    }

    @Test(
        "plugin test runs the sample's example through its proxy with the author's LIMEN_EGRESS_CA_FILE, and names the host of a refused tunnel"
    )
    func tested() async throws {
        let site = try site()
        let folder = try Self.sample(site)
        let passed = try Command.limen(["plugin", "test", folder], environment: site.environment)
        #expect(passed.code == 0 && passed.output.contains("1 passed, 0 failed") && passed.output.contains("hosts refused: none"), "\(passed)")
        let strange = try Command.limen(["plugin", "test", folder], environment: TLSSite.opened)
        #expect(strange.code == 1 && strange.output.contains("unreachable"), "\(strange)")
        let manifest = Command.text("\(folder)/plugin.json")
        try Command.write(manifest.replacing("\"host\": \"localhost\"", with: "\"host\": \"other.example\""), to: "\(folder)/plugin.json")
        let refused = try Command.limen(["plugin", "test", folder], environment: site.environment)
        #expect(refused.code == 1 && refused.output.contains("hosts refused: localhost"), "\(refused.output)")
        await site.stop()
    }
}
