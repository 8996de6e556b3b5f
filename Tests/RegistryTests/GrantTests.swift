import JSON
import Registry
import Testing

/// Pointers of the problems that a grant has; empty when it is accepted.
private func pointers(asked ask: (inout JSONObject) -> Void = { _ in }, _ change: (inout JSONObject) -> Void) throws -> [String] {
    let workshop = try Workshop()
    let asked = try workshop.bundle { object in
        object["mounts"] = [["target": "/mnt/data"]]
        ask(&object)
        if object["egress"]?["rate"] == nil { object["secrets"] = [] }
    }
    try workshop.grant(asked) { granted in
        granted["mounts"] = [["target": "/mnt/data", "source": "/srv/data"]]
        change(&granted)
    }
    do {
        let manifest = try Manifest(parsing: readFile(workshop.manifests + "/demo.json"), file: "demo.json", role: .granted)
        _ = try workshop.bundleStore.install(manifest, file: "demo.json", trust: workshop.trust)
        return []
    } catch let error as ManifestError {
        #expect(error.problems.allSatisfy { $0.file == "demo.json" })
        return error.problems.map(\.pointer)
    }
}

@Suite struct GrantTests {
    static let tool: JSONObject = [
        "name": "shout", "description": "Says it loudly.", "input_schema": ["type": "object"], "timeout_ms": 1000,
        "annotations": ["idempotent": true],
    ]

    @Test("a grant may equal or narrow what is asked for")
    func narrower() throws {
        #expect(try pointers { _ in }.isEmpty)
        let narrowed = try pointers { granted in
            granted["limits"] = ["memory_bytes": 33_554_432, "workers": 1]
            granted["egress"] = ["allow": [["host": "api.example.com", "paths": ["/v1/items/*"]], ["host": "mail.example.org"]], "rate": 5]
            granted["syscalls"] = []
            granted["mounts"] = []
            granted["isolation"] = "call"
            granted["enabled"] = false
        }
        #expect(narrowed == [])
        #expect(
            try pointers { granted in
                granted["egress"] = nil
                granted["secrets"] = nil
            }.isEmpty)
    }

    static let excesses: [(String, String, JSONValue?)] = [
        ("/limits/memory_bytes", "limits", ["memory_bytes": 67_108_865, "workers": 2]),
        ("/limits/workers", "limits", ["memory_bytes": 67_108_864, "workers": 3]),
        ("/limits/memory_bytes", "limits", nil),
        ("/limits/output_bytes", "limits", ["memory_bytes": 67_108_864, "workers": 2, "output_bytes": 2_097_152]),
        ("/isolation", "isolation", "shared"),
        ("/syscalls/1", "syscalls", ["getcpu", "mlock"]),
        ("/mounts/0", "mounts", [["target": "/mnt/other", "source": "/srv"]]),
        ("/mounts/0/source", "mounts", [["target": "/mnt/data"]]),
        ("/egress/allow/0", "egress", ["allow": [["host": "example.com", "paths": ["/v1/*"]]], "rate": 5]),
        ("/egress/allow/0", "egress", ["allow": [["host": "evilexample.com", "paths": ["/v1/*"]]], "rate": 5]),
        ("/egress/allow/0", "egress", ["allow": [["host": "*.com", "paths": ["/v1/*"]]], "rate": 5]),
        ("/egress/allow/0", "egress", ["allow": [["host": "a.example.com"]], "rate": 5]),
        ("/egress/allow/0", "egress", ["allow": [["host": "a.example.com", "paths": ["/v1"]]], "rate": 5]),
        ("/egress/allow/0", "egress", ["allow": [["host": "a.example.com", "paths": ["/status/x"]]], "rate": 5]),
        ("/egress/allow/0", "egress", ["allow": [["host": "a.example.com", "paths": ["/v1/*"], "methods": ["DELETE"]]], "rate": 5]),
        ("/egress/allow/0", "egress", ["allow": [["host": "a.example.com", "paths": ["/v1/*"], "ports": [8443]]], "rate": 5]),
        ("/egress/allow/0", "egress", ["allow": [["host": "a.example.com", "paths": ["/v1/*"], "scheme": "http"]], "rate": 5]),
        ("/egress/allow/0", "egress", ["allow": [["host": "a.example.com", "socket": true]], "rate": 5]),
        ("/egress/allow/0", "egress", ["allow": [["host": "mail.example.org", "ports": [25], "socket": true]], "rate": 5]),
        ("/egress/rate", "egress", ["allow": [["host": "a.example.com", "paths": ["/v1/*"]]], "rate": 11]),
        ("/secrets/0", "secrets", [["name": "other", "in": "basic", "hosts": ["api.example.com"]]]),
        ("/secrets/0", "secrets", [["name": "token", "in": "query", "field": "t", "hosts": ["api.example.com"]]]),
        ("/secrets/0", "secrets", [["name": "token", "in": "header", "field": "Authorization", "prefix": "Bearer ", "hosts": ["b.example.com"]]]),
        ("/library", "library", "lib/libother.so"), ("/version", "version", "1.0.1"), ("/publisher", "publisher", "somebody"),
        ("/sha256", "sha256", .string(String(repeating: "c", count: 64))),
        ("/bundle_sha256", "bundle_sha256", .string(String(repeating: "c", count: 64))),
        ("/tools/0/description", "tools", [["name": "shout", "description": "Says it.", "input_schema": ["type": "object"], "timeout_ms": 1000]]),
        ("/tools/0/input_schema", "tools", [["name": "shout", "description": "Says it loudly.", "input_schema": true, "timeout_ms": 1000]]),
        (
            "/tools/0/timeout_ms", "tools",
            [["name": "shout", "description": "Says it loudly.", "input_schema": ["type": "object"], "timeout_ms": 1001]]
        ),
        (
            "/tools/0/annotations/read_only", "tools",
            [
                [
                    "name": "shout", "description": "Says it loudly.", "input_schema": ["type": "object"], "timeout_ms": 1000,
                    "annotations": ["read_only": true],
                ]
            ]
        ),
        (
            "/tools/1/name", "tools",
            [
                .object(tool), ["name": "whisper", "description": "d", "input_schema": true],
            ]
        ),
        ("/tools", "tools", [["name": "whisper", "description": "d", "input_schema": true]]),
    ]

    @Test("every capability beyond what the plugin asks for is refused with its pointer", arguments: excesses)
    func excess(pointer: String, key: String, value: JSONValue?) throws {
        let found = try pointers { granted in
            // A secret for a host that the changed egress no longer allows would be the first reason.
            if key == "egress" { granted["secrets"] = nil }
            if key == "version" { granted["bundle"] = "demo-1.0.0" }
            granted[key] = value
        }
        #expect(found.contains(pointer), "\(key): \(found)")
    }

    @Test("an adapter may be granted for fewer models, or not at all, and never for more or another kind")
    func adapters() throws {
        let asked: JSONValue = [["type": "model.chat", "models": []], ["type": "model.embed", "models": ["small", "large"]]]
        func problems(_ granted: JSONValue) throws -> [String] {
            try pointers(asked: { $0["adapters"] = asked }) { $0["adapters"] = granted }
        }
        #expect(try problems(asked).isEmpty)
        #expect(try problems([["type": "model.chat", "models": ["any"]]]).isEmpty)
        #expect(try problems([["type": "model.embed", "models": ["small"]]]).isEmpty)
        #expect(try problems([["type": "model.embed", "models": ["small", "other"]]]) == ["/adapters/0"])
        #expect(try problems([["type": "model.chat", "models": []], ["type": "model.embed", "models": []]]) == ["/adapters/1"])
        #expect(try problems([["type": "speech.synthesize"]]) == ["/adapters/0"])
    }

    /// Pointers of the problems of a grant for a plugin that leaves its hosts open.
    private func openPointers(_ rules: JSONValue) throws -> [String] {
        try pointers(asked: { $0["egress"] = ["allow": [["host": "*", "methods": ["GET"], "paths": ["/v1/*"]]]] }) { granted in
            granted["secrets"] = nil
            granted["egress"] = ["allow": rules]
        }
    }

    @Test("where a plugin leaves its hosts open the operator names any, with ports, within scheme, methods and paths; the star is never granted")
    func openHosts() throws {
        for host in ["a.example", "*.example.com", "10.0.0.1", "localhost"] {
            #expect(try openPointers([["host": .string(host), "ports": [8443], "methods": ["GET"], "paths": ["/v1/x"]]]).isEmpty, "\(host)")
        }
        #expect(try openPointers([]).isEmpty)
        #expect(try openPointers([["host": "*", "methods": ["GET"], "paths": ["/v1/*"]]]) == ["/egress/allow/0/host"])
        for rule in [
            ["host": "a.example", "paths": ["/v1/*"]], ["host": "a.example", "methods": ["GET"]],
            ["host": "a.example", "scheme": "http", "methods": ["GET"], "paths": ["/v1/*"]], ["host": "a.example", "socket": true],
        ] as [JSONValue] {
            #expect(try openPointers([rule]) == ["/egress/allow/0"], "\(rule.text)")
        }
        #expect(try openPointers([["host": "*.com", "methods": ["GET"], "paths": ["/v1/*"]]]).isEmpty, "Egress refuses what is over a whole domain")
    }
}
