import Egress
import JSON
import Registry
import Store
import Testing

/// A manifest's grants, read as manifests are.
func secretGrants(_ json: String) throws -> [SecretGrant] {
    let text = """
        {"name": "p", "version": "1.0.0", "abi": 1, "kind": "tool", "library": "lib/p.so", "sha256": "\(String(repeating: "0", count: 64))",
         "publisher": "local", "tools": [{"name": "t", "title": "T", "description": "d", "input_schema": {"type": "object"}, "annotations": {}}],
         "bundle": "p-1.0.0", "bundle_sha256": "\(String(repeating: "1", count: 64))",
         "egress": {"allow": [{"host": "api.example.com"}, {"host": "*.example.org"}, {"host": "8.8.8.8"}]}, "secrets": \(json)}
        """
    return try Manifest(parsing: Array(text.utf8), file: "p.json", role: .granted).secrets
}

func stored(_ name: String, _ value: String, version: Int64 = 1, tenant: String = "main") -> StoredSecret {
    StoredSecret(tenant: tenant, name: name, version: version, value: Array(value.utf8))
}

@Suite("Secrets: where they are put")
struct SecretTests {
    private static let key =
        #"{"name": "key", "in": "header", "field": "X-Api-Key", "prefix": "Token ", "hosts": ["api.example.com", "*.example.org"]}"#
    private static let query = #"{"name": "id", "in": "query", "field": "api_key", "hosts": ["api.example.com"]}"#
    private static let login = #"{"name": "login", "in": "basic", "hosts": ["8.8.8.8"]}"#
    private static let all = [
        stored("key", "s3cr3t-value"), stored("id", "a b&c=d%/+", version: 2), stored("login", "Aladdin:open sesame", version: 3),
    ]

    private static func set(_ secrets: [StoredSecret] = all, allowsClear: Bool = false) throws -> SecretSet {
        SecretSet(grants: try secretGrants("[\(key), \(query), \(login)]"), secrets: secrets, allowsClear: allowsClear)
    }

    private static func refusal(
        _ url: String, _ fields: [(name: String, value: String)] = [], _ set: SecretSet
    ) throws -> EgressRefusal? {
        let url = try EgressURL(url)
        do throws(EgressRefusal) {
            _ = try set.apply(to: url, fields: fields)
            return nil
        } catch {
            return error
        }
    }

    @Test("each secret is put where the manifest says, for the hosts it is bound to")
    func placed() throws {
        let set = try Self.set()
        let first = try set.apply(to: try EgressURL("https://api.example.com/v1?x=1"), fields: [("Accept", "*/*")])
        #expect(first.url.target == "/v1?x=1&api_key=a%20b%26c%3Dd%25%2F%2B")
        #expect(first.fields.map { "\($0.name): \($0.value)" } == ["Accept: */*", "X-Api-Key: Token s3cr3t-value"])
        #expect(first.used.map(\.name) == ["key", "id"])
        let second = try set.apply(to: try EgressURL("https://sub.example.org"), fields: [])
        #expect(second.url.target == "/" && second.fields.map(\.value) == ["Token s3cr3t-value"])
        // RFC 7617's own example.
        let third = try set.apply(to: try EgressURL("https://8.8.8.8/"), fields: [])
        #expect(third.fields.map { "\($0.name): \($0.value)" } == ["Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="])
        let query = try set.apply(to: try EgressURL("https://api.example.com"), fields: [])
        #expect(query.url.target == "/?api_key=a%20b%26c%3Dd%25%2F%2B")
    }

    @Test(
        "no other host gets anything: not the apex under a wildcard, not a longer or a shorter name, not another tenant's (TOOL-4)",
        arguments: [
            "https://example.org/", "https://evilexample.org/", "https://api.example.com.evil.net/", "https://example.com/",
            "https://a.api.example.com/",
            "https://8.8.4.4/", "https://[2001:4860::8888]/",
        ])
    func bound(url: String) throws {
        let outward = try Self.set().apply(to: try EgressURL(url), fields: [("A", "b")])
        #expect(outward.url == (try EgressURL(url)) && outward.fields.count == 1 && outward.used.isEmpty)
    }

    @Test("once a redirect has led to another origin nothing is added, on the way back neither")
    func redirects() throws {
        let url = try EgressURL("https://api.example.com/back")
        let outward = try Self.set().apply(to: url, fields: [], keepsCredentials: false)
        #expect(outward.url == url && outward.fields.isEmpty && outward.used.isEmpty)
    }

    @Test(
        "a plugin's own field of the same name is refused, however it is written",
        arguments: [
            "?api_key=mine", "?API_KEY=mine", "?api%5Fkey=mine", "?%61pi_key", "?x=1&api_key=mine", "?x=1;api_key=mine", "?api_key%5B0%5D=mine",
        ])
    func ownQuery(query: String) throws {
        #expect(try Self.refusal("https://api.example.com/\(query)", [], Self.set()) == .secretField)
    }

    @Test("a plugin's own header of the same name is refused in any case, for the bound host only", arguments: ["x-api-key", "X-API-KEY"])
    func ownHeader(name: String) throws {
        #expect(try Self.refusal("https://api.example.com/", [(name, "mine")], Self.set()) == .secretField)
        #expect(try Self.refusal("https://example.com/", [(name, "mine")], Self.set()) == nil)
        #expect(try Self.refusal("https://8.8.8.8/", [("authorization", "Bearer mine")], Self.set()) == .secretField)
    }

    @Test("placeholders of any style are text: what a plugin writes never becomes a secret")
    func placeholders() throws {
        for text in ["{{key}}", "${key}", "{{secret:key}}", "$key", "%7B%7Bkey%7D%7D"] {
            let set = try Self.set()
            let outward = try set.apply(to: try EgressURL("https://example.com/"), fields: [("X-Other", text)])
            #expect(outward.fields.map(\.value) == [text])
        }
    }

    @Test("a secret goes over TLS only, unless the operator said otherwise")
    func clear() throws {
        #expect(try Self.refusal("http://api.example.com/", [], Self.set()) == .secretInClear)
        #expect(try Self.refusal("http://api.example.com/", [], Self.set(Self.all, allowsClear: true)) == nil)
    }

    @Test("a secret that the store does not have refuses the requests to its hosts, and those only")
    func missing() throws {
        let set = try Self.set([stored("key", "s3cr3t-value")])
        #expect(try Self.refusal("https://api.example.com/", [], set) == .secretMissing)
        #expect(try Self.refusal("https://sub.example.org/", [], set) == nil)
    }

    @Test(
        "a value that cannot be put there is refused: no user for basic, a line break, a short password",
        arguments: ["nocolon-at-all", "user:a\nb-and-so-on", "user:short"])
    func unusable(value: String) throws {
        #expect(try Self.refusal("https://8.8.8.8/", [], Self.set([stored("login", value)])) == .secretUnusable)
    }

    @Test("a key as user name with an empty password, as some services have it, is taken")
    func keyAsUser() throws {
        #expect(try Self.refusal("https://8.8.8.8/", [], Self.set([stored("login", "sk_live_12345:")])) == nil)
    }

    @Test(
        "no field of the connection or the framing can be given a secret", arguments: ["Host", "Content-Length", "Proxy-Authorization", "Connection"])
    func reserved(field: String) throws {
        let grants = try secretGrants(#"[{"name": "key", "in": "header", "field": "\#(field)", "hosts": ["api.example.com"]}]"#)
        let set = SecretSet(grants: grants, secrets: [stored("key", "s3cr3t-value")])
        #expect(try Self.refusal("https://api.example.com/", [], set) == .secretUnusable)
    }

    @Test("sets are the same only with the same versions of the same secrets of one tenant, and say so without a value")
    func identity() throws {
        let set = try Self.set()
        #expect(try set == Self.set())
        for other in [
            try Self.set([stored("key", "s3cr3t-value", version: 9)] + Self.all.dropFirst()), try Self.set(Array(Self.all.dropFirst())),
            try Self.set(Self.all.map { StoredSecret(tenant: "other", name: $0.name, version: $0.version, value: $0.reveal()) }), SecretSet.none,
        ] {
            #expect(set != other && set.identity != other.identity)
        }
        var dumped = ""
        dump(Self.all, to: &dumped)
        for text in [set.identity, "\(Self.all)", dumped, String(reflecting: Self.all[0])] {
            for secret in Self.all { #expect(!text.contains(String(decoding: secret.reveal(), as: UTF8.self)), "\(text)") }
        }
    }
}
