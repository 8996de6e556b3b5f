import JSON
import JSONSchema
import Registry
import Testing

/// Problems of a plugin.json made by changing a good one; empty when it is accepted.
private func problems(role: Manifest.Role = .asked, _ change: (inout JSONObject) -> Void) -> [ManifestProblem] {
    var object = Workshop.plugin(name: "demo", version: "1.0.0")
    let digest = String(repeating: "a", count: 64)
    object["sha256"] = .string(digest)
    if role == .asked { object["files"] = ["lib/libdemo.so": .string(digest)] }
    change(&object)
    return problems(text: JSONValue.object(object).serialized(), role: role)
}

private func problems(text: [UInt8], role: Manifest.Role = .asked) -> [ManifestProblem] {
    do {
        _ = try Manifest(parsing: text, file: "plugin.json", role: role)
        return []
    } catch {
        return error.problems
    }
}

@Suite struct ManifestTests {
    @Test("the schema file for people is the schema of the program")
    func schemaFile() throws {
        let root = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined()
        let file = try readFile(root + "/manifests/schema/manifest.schema.json")
        #expect(try JSONValue(parsing: file) == JSONValue(parsing: Array(ManifestSchema.text.utf8)))
    }

    @Test("what the manifest leaves out has SPEC's default")
    func defaults() throws {
        var object = Workshop.plugin(name: "demo", version: "1.0.0")
        let digest = String(repeating: "a", count: 64)
        object["sha256"] = .string(digest)
        object["files"] = ["lib/libdemo.so": .string(digest)]
        for key in ["limits", "egress", "secrets", "state", "syscalls", "mounts"] { object[key] = nil }
        let manifest = try Manifest(parsing: JSONValue.object(object).serialized(), file: "plugin.json", role: .asked)
        #expect(manifest.limits == PluginLimits())
        #expect(manifest.limits.memoryBytes == 134_217_728 && manifest.limits.workers == 4 && manifest.limits.idleMilliseconds == 60_000)
        #expect(manifest.isolation == .tenant && manifest.egress.allow.isEmpty && !manifest.isEnabled)
        #expect(manifest.tools[0].retries == 2 && manifest.tools[0].contentType == .json && !manifest.tools[0].isPrivileged)
        let again = try Manifest(parsing: JSONValue.object(manifest.json).serialized(), file: "plugin.json", role: .asked)
        #expect(again == manifest)
    }

    static let bad: [(String, String, JSONValue?)] = [
        ("/name", "name", "Demo"), ("/name", "name", "a.b"), ("/name", "name", "../x"), ("/name", "name", ""), ("/version", "version", "1.0"),
        ("/version", "version", "01.0.0"), ("/version", "version", "99999999999999999999.0.0"), ("/abi", "abi", 2), ("/abi", "abi", 0),
        ("/abi", "abi", "1"), ("/kind", "kind", "driver"), ("/library", "library", "lib/../../x.so"), ("/library", "library", "/lib/x.so"),
        ("/library", "library", "data/x.so"), ("/library", "library", "lib/libother.so"), ("/sha256", "sha256", "00"),
        ("/sha256", "sha256", .string(String(repeating: "b", count: 64))), ("/tools", "tools", []), ("/isolation", "isolation", "none"),
        ("/limits/memory_bytes", "limits", ["memory_bytes": 1]), ("/limits", "limits", ["memory": 1]),
        ("/limits/workers", "limits", ["workers": 1.5]), ("/syscalls/0", "syscalls", ["ptrace"]), ("/syscalls/0", "syscalls", ["bpf"]),
        ("/syscalls/1", "syscalls", ["getcpu", "mprotect"]), ("/mounts/0/target", "mounts", [["target": "/etc"]]),
        ("/mounts/0/target", "mounts", [["target": "/mnt/../etc"]]), ("/mounts/0/source", "mounts", [["target": "/mnt/a", "source": "/srv"]]),
        ("/bundle", "bundle", "x"), ("/bundle", "bundle", "../x"), ("/files", "files", nil), ("/files", "files", [:]),
        ("/files", "files", ["../x": .string(String(repeating: "a", count: 64))]),
        ("/files", "files", ["/etc/passwd": .string(String(repeating: "a", count: 64))]),
        ("/files", "files", ["a/./b": .string(String(repeating: "a", count: 64))]),
        ("/files", "files", ["a//b": .string(String(repeating: "a", count: 64))]),
        ("/files", "files", [".hidden": .string(String(repeating: "a", count: 64))]),
        ("/files/plugin.json", "files", ["plugin.json": .string(String(repeating: "a", count: 64))]),
        ("/egress/allow/0", "egress", ["allow": [["host": "a.example", "socket": true, "paths": ["/"]]]]),
        ("/egress/allow/0/ports", "egress", ["allow": [["host": "*", "ports": [443]]]]),
        ("/egress/allow/0/socket", "egress", ["allow": [["host": "*", "socket": true]]]),
        ("/egress/allow/0/host", "egress", ["allow": [["host": "**"]]]), ("/egress/allow/0/host", "egress", ["allow": [["host": "*.*"]]]),
        ("/egress/allow/0/host", "egress", ["allow": [["host": "A.example"]]]),
        ("/egress/allow/0/host", "egress", ["allow": [["host": "a*.example"]]]),
        ("/egress/allow/0/ports/0", "egress", ["allow": [["host": "a.example", "ports": [65536]]]]),
        ("/secrets/0/hosts/0", "secrets", [["name": "t", "in": "basic", "hosts": ["evil.example"]]]),
        ("/secrets/0", "secrets", [["name": "t", "in": "header", "hosts": ["api.example.com"]]]),
        ("/tools/0/timeout_ms", "tools", [["name": "a", "description": "d", "input_schema": true, "timeout_ms": 60001]]),
        ("/tools/0/retries", "tools", [["name": "a", "description": "d", "input_schema": true, "retries": 4]]),
        ("/tools/0/input_schema", "tools", [["name": "a", "description": "d", "input_schema": ["type": "objekt"]]]),
        ("/tools/0/name", "tools", [["name": "a.b", "description": "d", "input_schema": true]]),
        ("/tools/0", "tools", [["name": "a", "description": "d", "input_schema": true, "prividleged": true]]),
        (
            "/tools/1/name", "tools",
            [["name": "a", "description": "d", "input_schema": true], ["name": "a", "description": "e", "input_schema": true]]
        ),
        ("", "unknown", 1), ("/config", "config", "x"), ("/config_schema", "config_schema", ["type": 1]),
    ]

    @Test("a bad member is refused with file and pointer", arguments: bad)
    func refused(pointer: String, key: String, value: JSONValue?) {
        let found = problems { $0[key] = value }
        #expect(found.contains { $0.pointer == pointer || $0.pointer.hasPrefix(pointer + "/") }, "\(key): \(found)")
        #expect(found.allSatisfy { $0.file == "plugin.json" && !$0.reason.isEmpty })
    }

    @Test("an author may leave the hosts to the operator, and that is written out as it was read")
    func openHosts() throws {
        #expect(problems { $0["egress"] = ["allow": [["host": "*", "methods": ["GET"]]]] }.isEmpty)
        let rule = EgressRule(host: "*", ports: [], methods: ["GET"])
        #expect(rule.json == ["scheme": "https", "host": "*", "methods": ["GET"], "paths": ["/*"]])
    }

    @Test("shared isolation needs a plugin that declares no state")
    func shared() {
        #expect(problems { $0["isolation"] = "shared" }.isEmpty)
        #expect(!problems { object in (object["isolation"], object["state"]) = ("shared", "key_value") }.isEmpty)
        #expect(!problems { object in (object["isolation"], object["state"]) = ("shared", nil) }.isEmpty)
    }

    @Test("duplicate keys, deep nesting, huge and foreign files are refused, not parsed in part")
    func hostileText() {
        #expect(problems(text: Array(#"{"name": "a", "name": "b"}"#.utf8)).first?.reason.contains("JSON") == true)
        let deep = [UInt8](repeating: UInt8(ascii: "["), count: 100_000)
        #expect(!problems(text: deep).isEmpty)
        #expect(problems(text: [UInt8](repeating: 32, count: Limits.manifestBytesMax + 1)).first?.reason.contains("longer") == true)
        for text in ["", "null", "[]", "\u{feff}{}", "{}x", "{\"a\":NaN}"] { #expect(!problems(text: Array(text.utf8)).isEmpty) }
        #expect(!problems(text: [0x7b, 0xff, 0x7d]).isEmpty)
    }

    @Test("the operator's config must satisfy the author's schema")
    func config() {
        let schema: JSONValue = ["type": "object", "required": ["unit"], "properties": ["unit": ["type": "string"]]]
        #expect(problems(role: .asked) { $0["config_schema"] = schema }.isEmpty)
        let found = problems(role: .granted) { object in (object["config_schema"], object["config"]) = (schema, ["unit": 1]) }
        #expect(found.map(\.pointer) == ["/config/unit"])
    }

    @Test("privileged is data that the call path obeys, and a grant cannot take it off (TOOL-7)")
    func privileged() throws {
        let workshop = try Workshop()
        let asked = try workshop.bundle { object in
            object["tools"] = [["name": "wipe", "description": "d", "input_schema": true, "privileged": true]]
        }
        try workshop.grant(asked)
        let manifest = try Manifest(parsing: readFile(workshop.manifests + "/demo.json"), file: "demo.json", role: .granted)
        #expect(manifest.tools[0].isPrivileged)
        try workshop.grant(asked) { $0["tools"] = [["name": "wipe", "description": "d", "input_schema": true, "privileged": false]] }
        let narrowed = try Manifest(parsing: readFile(workshop.manifests + "/demo.json"), file: "demo.json", role: .granted)
        let error = #expect(throws: ManifestError.self) { try workshop.bundleStore.install(narrowed, file: "demo.json", trust: workshop.trust) }
        #expect(error?.problems.map(\.pointer) == ["/tools/0/privileged"])
    }

    @Test(
        "versions are ordered as semver.org orders them",
        arguments: [
            ("1.0.0-alpha", "1.0.0-alpha.1"), ("1.0.0-alpha.1", "1.0.0-alpha.beta"), ("1.0.0-beta", "1.0.0-beta.2"),
            ("1.0.0-beta.2", "1.0.0-beta.11"), ("1.0.0-beta.11", "1.0.0-rc.1"), ("1.0.0-rc.1", "1.0.0"), ("1.9.0", "1.10.0"),
        ])
    func versions(lower: String, higher: String) throws {
        let (a, b) = (try #require(SemanticVersion(lower)), try #require(SemanticVersion(higher)))
        #expect(a < b && !(b < a) && a.description == lower)
    }
}
