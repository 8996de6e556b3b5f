import JSON
import Registry
import Testing

@Suite struct CapabilityDiffTests {
    /// A manifest as it would be granted, with changes.
    static func manifest(_ change: (inout JSONObject) -> Void = { _ in }) throws -> Manifest {
        var object = Workshop.plugin(name: "demo", version: "1.0.0")
        object["sha256"] = .string(String(repeating: "a", count: 64))
        object["mounts"] = [["target": "/mnt/data", "source": "/srv/data"]]
        object["tools"] = [
            [
                "name": "shout", "description": "Says it loudly.", "input_schema": ["type": "object"], "timeout_ms": 1000, "retries": 1,
                "annotations": ["idempotent": false], "content_type": "html_untrusted", "privileged": true,
            ]
        ]
        change(&object)
        return try Manifest(parsing: JSONValue.object(object).serialized(), file: "demo.json", role: .granted)
    }

    struct Case: Sendable, CustomTestStringConvertible {
        let capability: String
        let kind: CapabilityChange.Kind
        let change: @Sendable (inout JSONObject) -> Void
        var testDescription: String { "\(kind.rawValue): \(capability)" }

        init(_ capability: String, _ kind: CapabilityChange.Kind, _ change: @escaping @Sendable (inout JSONObject) -> Void) {
            (self.capability, self.kind, self.change) = (capability, kind, change)
        }
    }

    private static func tool(_ key: String, _ value: JSONValue) -> @Sendable (inout JSONObject) -> Void {
        { object in
            var tools = object["tools"]?.arrayValue ?? []
            var tool = tools[0].objectValue ?? [:]
            tool[key] = value
            tools[0] = .object(tool)
            object["tools"] = .array(tools)
        }
    }

    private static func rule(_ index: Int, _ rule: JSONObject) -> @Sendable (inout JSONObject) -> Void {
        { object in
            var egress = object["egress"]?.objectValue ?? [:]
            var rules = egress["allow"]?.arrayValue ?? []
            if index < rules.count { rules[index] = .object(rule) } else { rules.append(.object(rule)) }
            egress["allow"] = .array(rules)
            object["egress"] = .object(egress)
        }
    }

    private static func egress(_ key: String, _ value: JSONValue) -> @Sendable (inout JSONObject) -> Void {
        { object in
            var egress = object["egress"]?.objectValue ?? [:]
            egress[key] = value
            object["egress"] = .object(egress)
        }
    }

    private static func set(_ key: String, _ value: JSONValue) -> @Sendable (inout JSONObject) -> Void { { $0[key] = value } }

    private static func secret(_ key: String, _ value: JSONValue) -> @Sendable (inout JSONObject) -> Void {
        { object in
            var secret = object["secrets"]?[0]?.objectValue ?? [:]
            secret[key] = value
            object["secrets"] = [.object(secret)]
        }
    }

    private static let base: JSONObject = ["host": "*.example.com", "methods": ["GET", "HEAD", "POST"], "paths": ["/v1/*", "/status"]]
    private static func base(_ key: String, _ value: JSONValue) -> JSONObject {
        var rule = base
        rule[key] = value
        return rule
    }

    static let cases: [Case] = [
        Case("network evil.example.net", .wider, rule(2, ["host": "evil.example.net"])),
        Case("network *.com", .wider, rule(0, base("host", "*.com"))),
        Case("network *.example.com", .wider, rule(0, base("ports", [443, 8443]))),
        Case("network *.example.com", .wider, rule(0, base("methods", ["GET", "HEAD", "POST", "DELETE"]))),
        Case("network *.example.com", .wider, rule(0, base("paths", ["/*"]))),
        Case("network *.example.com", .wider, rule(0, ["host": "*.example.com", "socket": true])),
        Case("network *.example.com", .wider, rule(0, base("scheme", "http"))),
        Case("network api.example.com", .narrower, rule(0, base("host", "api.example.com"))),
        Case("network *.example.com", .narrower, rule(0, base("methods", ["GET"]))),
        Case("network mail.example.org", .narrower, rule(1, ["host": "mail.example.org", "ports": [993], "socket": true])),
        Case("network max_requests", .wider, egress("max_requests", 17)),
        Case("network max_response_bytes", .wider, egress("max_response_bytes", 2_000_000)),
        Case("network rate", .wider, egress("rate", 11)),
        Case("network rate", .narrower, egress("rate", 9)),
        Case("secret token", .wider, secret("hosts", ["api.example.com", "b.example.com"])),
        Case("secret token", .wider, secret("field", "X-Other")),
        Case("secret token", .wider, secret("in", "query")),
        Case("secret other", .wider, secret("name", "other")),
        Case("secret token", .narrower, set("secrets", [])),
        Case(
            "mount /mnt/more", .wider, set("mounts", [["target": "/mnt/data", "source": "/srv/data"], ["target": "/mnt/more", "source": "/srv"]])),
        Case("mount /mnt/data", .wider, set("mounts", [["target": "/mnt/data", "source": "/etc"]])),
        Case("mount /mnt/data", .narrower, set("mounts", [])),
        Case("system call mlock", .wider, set("syscalls", ["getcpu", "mlock"])),
        Case("system call getcpu", .narrower, set("syscalls", [])),
        Case("limit memory_bytes", .wider, set("limits", ["memory_bytes": 67_108_865, "workers": 2])),
        Case("limit workers", .narrower, set("limits", ["memory_bytes": 67_108_864, "workers": 1])),
        Case("limit cpu_percent", .wider, set("limits", ["memory_bytes": 67_108_864, "workers": 2, "cpu_percent": 200])),
        Case("isolation", .wider, set("isolation", "shared")),
        Case("isolation", .narrower, set("isolation", "call")),
        Case("state", .wider, set("state", "key_value")),
        Case("publisher", .wider, set("publisher", "somebody else")),
        Case("tool shout: timeout_ms", .wider, tool("timeout_ms", 1001)),
        Case("tool shout: timeout_ms", .narrower, tool("timeout_ms", 999)),
        Case("tool shout: retries", .wider, tool("retries", 2)),
        Case("tool shout: privileged", .wider, tool("privileged", false)),
        Case("tool shout: destructive", .wider, tool("annotations", ["destructive": true])),
        Case("tool shout: open_world", .wider, tool("annotations", ["open_world": true])),
        Case("tool shout: idempotent", .wider, tool("annotations", ["idempotent": true])),
        Case("tool shout: content_type", .wider, tool("content_type", "json")),
        Case("tool shout: description", .changed, tool("description", "Says it softly.")),
        Case("tool shout: input_schema", .changed, tool("input_schema", ["type": "object", "maxProperties": 3])),
        Case("adapter model.chat tiny", .wider, set("adapters", [["type": "model.chat", "models": ["tiny"]]])),
    ]

    @Test("every kind of grant is in the diff, and is wider or narrower as it is", arguments: cases)
    func grants(item: Case) throws {
        let before = try Self.manifest()
        let after = try Self.manifest(item.change)
        let diff = CapabilityDiff(before: before, after: after)
        let row = diff.differences.first { $0.capability == item.capability }
        #expect(row?.kind == item.kind, "\(diff.differences)")
        // And back again: what was wider is narrower or, where a guard was taken away, still a person's decision.
        let back = CapabilityDiff(before: after, after: before)
        if item.kind == .narrower { #expect(!back.wider.isEmpty, "\(back.differences)") }
    }

    @Test("a grant compared with itself changes nothing, and a first grant is wider in all that it has")
    func sameAndNew() throws {
        let manifest = try Self.manifest()
        #expect(CapabilityDiff(before: manifest, after: manifest).differences.isEmpty)
        let first = Set(CapabilityDiff(before: nil, after: manifest).wider.map(\.capability))
        for capability in [
            "publisher", "tool shout", "isolation", "limit memory_bytes", "network *.example.com", "network mail.example.org", "network rate",
            "secret token", "mount /mnt/data", "system call getcpu",
        ] { #expect(first.contains(capability), "\(capability)") }
    }

    @Test("a claim that takes a guard away is for a person to agree to, in both directions", arguments: ["destructive", "open_world", "read_only"])
    func guards(annotation: String) throws {
        let plain = try Self.manifest(Self.tool("annotations", [:]))
        let marked = try Self.manifest(Self.tool("annotations", .object([annotation: true])))
        #expect(CapabilityDiff(before: plain, after: marked).wider.map(\.capability) == ["tool shout: \(annotation)"])
        #expect(CapabilityDiff(before: marked, after: plain).wider.map(\.capability) == ["tool shout: \(annotation)"])
    }

    @Test("whatever combination of changes has one that widens is never taken for narrow", arguments: 0..<300)
    func combinations(seed: Int) throws {
        var generator = Mixer(state: UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 &+ 1)
        let chosen = (0..<Int.random(in: 1...4, using: &generator)).map { _ in Self.cases[Int.random(in: 0..<Self.cases.count, using: &generator)] }
        let manifest: Manifest
        do {
            manifest = try Self.manifest { object in for item in chosen { item.change(&object) } }
        } catch {
            // Some pairs contradict each other; such a manifest cannot be granted at all.
            return
        }
        let diff = CapabilityDiff(before: try Self.manifest(), after: manifest)
        // The last change of a member wins, so each one that still shows must show with its kind.
        let last = chosen[chosen.count - 1]
        if last.kind == .wider { #expect(!diff.wider.isEmpty, "\(chosen.map(\.testDescription)): \(diff.differences)") }
    }
}

/// SplitMix64: the same numbers for the same seed.
struct Mixer: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
