import Crypto
import Glibc
import JSON
import Registry

/// Writes one case's bundle and manifest, as a publisher and an operator would, and spoils them as the case says.
struct HostileBundle {
    let escape: EscapeCase
    /// Folder of the hostile libraries, of the bundles and of the manifests.
    let libraries: String
    let bundles: String
    let manifests: String
    /// Every case has the same publisher, whom the suite's host trusts.
    let key: PublisherKey
    /// How many times as long a call may take, up to what the host allows any call.
    let patience: Int
    /// Where the tunnels of the cases lead.
    let egressPorts: [Int]
    /// The library that brings others along.
    static let curl = "hostile-curl"

    var folder: String { "\(bundles)/\(escape.plugin)-1.0.0" }
    private var library: String { "lib/lib\(escape.plugin).so" }
    /// Libraries that are in the bundle beside the plugin's own.
    private var brought: [String] { escape.library == Self.curl ? Files.list(libraries + "/curl") : [] }

    /// As hostile.c describes itself.
    static let tool: JSONValue = [
        "name": "run", "description": "Runs one attack.",
        "input_schema": [
            "type": "object", "properties": ["case": ["type": "string"], "argument": ["type": "string"]], "required": ["case"],
            "additionalProperties": false,
        ],
        "output_schema": [
            "type": "object",
            "properties": ["case": ["type": "string"], "saw": ["type": "object", "additionalProperties": ["type": "string"]]],
            "required": ["saw"], "additionalProperties": false,
        ],
    ]

    /// Writes everything.
    func write() throws(EscapeError) {
        try Files.makeFolder(folder)
        try Files.makeFolder(folder + "/lib")
        let bytes = try Files.read("\(libraries)/lib\(escape.library).so")
        let digest = SHA256.hash(bytes).hex
        try Files.write(bytes, to: "\(folder)/\(library)", mode: 0o755)
        for name in brought { try Files.copy("\(libraries)/curl/\(name)", to: "\(folder)/lib/\(name)", mode: 0o755) }
        let asked = try description(digest)
        try sign(asked, with: key)
        try writeGrant(asked)
        try spoil()
    }

    /// Another's key with the same name on it.
    private func foreignKey() throws(EscapeError) -> PublisherKey {
        do { return try PublisherKey.generate(publisher: key.publisher) } catch { throw EscapeError("a key: \(error)") }
    }

    private func sign(_ asked: JSONObject, with key: PublisherKey) throws(EscapeError) {
        do {
            let manifest = try JSONValue.object(asked).canonical()
            try Files.write(manifest, to: folder + "/plugin.json")
            try Files.write(BundleSignature(signing: manifest, with: key).bytes, to: folder + "/SIGNATURE")
        } catch let error as EscapeError {
            throw error
        } catch {
            throw EscapeError("signing \(escape.plugin): \(error)")
        }
    }

    /// Writes the operator's side alone, as an edit of the grant would.
    func writeManifest() throws(EscapeError) {
        try writeGrant(try description(SHA256.hash(try Files.read("\(folder)/\(library)")).hex))
    }

    private func writeGrant(_ asked: JSONObject) throws(EscapeError) {
        var granted = asked
        granted["files"] = nil
        granted["enabled"] = true
        if escape.tampering == .grantBeyondRequest {
            var limits = granted["limits"]?.objectValue ?? [:]
            limits["memory_bytes"] = .number(JSONNumber(1 << 30))
            granted["limits"] = .object(limits)
        }
        // Renamed into place: a reload never sees half a file.
        try Files.write(JSONValue.object(granted).serialized(), to: "\(manifests)/.\(escape.plugin).new")
        guard rename("\(manifests)/.\(escape.plugin).new", "\(manifests)/\(escape.plugin).json") == 0 else {
            throw Files.failure("rename", manifests)
        }
    }

    /// A call that waits for a worker hears after 10 s that there is none: a case about its deadline stays below.
    private var timeoutMilliseconds: Int {
        min(escape.timeoutMilliseconds * patience, escape.timeoutMilliseconds < 10_000 ? 9_000 : 60_000)
    }

    private func description(_ digest: String) throws(EscapeError) -> JSONObject {
        var tool = Self.tool.objectValue ?? [:]
        tool["timeout_ms"] = .number(JSONNumber(timeoutMilliseconds))
        tool["retries"] = 0
        var limits: JSONObject = ["workers": .number(JSONNumber(escape.workers))]
        for (name, value) in escape.limits { limits[name] = .number(JSONNumber(value)) }
        var files: JSONObject = [library: .string(digest)]
        for name in brought { files["lib/\(name)"] = .string(SHA256.hash(try Files.read("\(libraries)/curl/\(name)")).hex) }
        if escape.tampering == .missingFile { files["data/absent"] = .string(digest) }
        return [
            "name": .string(escape.plugin), "version": "1.0.0", "description": "A case of the escape suite.", "abi": 1, "kind": "tool",
            "library": .string(escape.tampering == .pathOutside ? "../host-neighbour-1.0.0/lib/libhost-neighbour.so" : library),
            "sha256": .string(digest), "publisher": "escape", "tools": [.object(tool)], "isolation": .string(escape.isolation),
            "state": escape.isolation == "shared" ? "none" : "key_value", "limits": .object(limits), "config": ["name": .string(escape.plugin)],
            "files": .object(files), "egress": egress,
        ]
    }

    /// What the cases with sockets may reach.
    private var egress: JSONValue {
        if let own = escape.egress { return own }
        guard escape.hasSocket else { return [:] }
        let ports = JSONValue.array((egressPorts + [9]).map { .number(JSONNumber($0)) })
        let rules: [JSONValue] = [
            ["host": .string(escape.socketHost), "ports": ports, "socket": true], ["host": "alias.test", "ports": ports, "socket": true],
            ["host": "fetch.test"],
        ]
        return ["allow": .array(rules), "rate": 60_000, "max_requests": 1_000]
    }

    private func spoil() throws(EscapeError) {
        let path = "\(folder)/\(library)"
        let neighbour = "\(bundles)/host-neighbour-1.0.0/lib"
        switch escape.tampering {
        case .wrongDigest: try Files.write(Files.read(path) + [0], to: path, mode: 0o755)
        case .symbolicLink:
            unlink(path)
            guard symlink(neighbour + "/libhost-neighbour.so", path) == 0 else { throw Files.failure("symlink", path) }
        case .symbolicFolder:
            Files.removeTree(folder + "/lib")
            guard symlink(neighbour, folder + "/lib") == 0 else { throw Files.failure("symlink", folder) }
        case .unlistedFile: try Files.write([1], to: folder + "/lib/more.so")
        case .fifo:
            unlink(path)
            guard mkfifo(path, 0o644) == 0 else { throw Files.failure("mkfifo", path) }
        case .unsigned: unlink(folder + "/SIGNATURE")
        case .foreignKey:
            try sign(try description(SHA256.hash(try Files.read(path)).hex), with: foreignKey())
        case .changedRequest:
            let manifest = try Files.read(folder + "/plugin.json")
            try Files.write(
                Array(String(decoding: manifest, as: UTF8.self).replacing("escape suite", with: "escape sweet").utf8), to: folder + "/plugin.json")
        case .setUserID: guard chmod(path, 0o4755) == 0 else { throw Files.failure("chmod", path) }
        case .none, .missingFile, .pathOutside, .grantBeyondRequest, .swappedAfterVerification, .overwrittenAfterVerification: break
        }
    }

    /// What happens after the registry has verified the bundle; `installed` is the host's own copy.
    func spoilAfterVerification(installed: String) throws(EscapeError) {
        let evil = try Files.read("\(libraries)/libhostile-protocol.so")
        switch escape.tampering {
        case .swappedAfterVerification:
            try Files.write(evil, to: folder + "/evil", mode: 0o755)
            guard rename(folder + "/evil", "\(folder)/\(library)") == 0 else { throw Files.failure("rename", folder) }
        case .overwrittenAfterVerification:
            let path = "\(installed)/\(library)"
            guard chmod(installed + "/lib", 0o755) == 0, chmod(path, 0o755) == 0 else { throw Files.failure("chmod", path) }
            try Files.write(evil, to: path, mode: 0o755)
        default: break
        }
    }
}
