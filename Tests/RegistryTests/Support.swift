import Crypto
import Glibc
import JSON
import Registry
import Store

struct FileFailure: Error {
    let path: String
    let code = errno
}

func readFile(_ path: String) throws -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileFailure(path: path) }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    _ = try SHA256.hash(descriptor: descriptor, bytesMax: 64 << 20) { bytes.append(contentsOf: $0) }
    return bytes
}

func writeFile(_ path: String, _ bytes: [UInt8], mode: mode_t = 0o644) throws {
    unlink(path)
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
    guard descriptor >= 0 else { throw FileFailure(path: path) }
    defer { close(descriptor) }
    guard write(descriptor, bytes, bytes.count) == bytes.count, fchmod(descriptor, mode) == 0 else { throw FileFailure(path: path) }
}

func names(in folder: String) -> [String] {
    guard let stream = opendir(folder) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) { $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) } }
        if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
}

/// The manifests, without the folder of trust files beside them.
func manifestFiles(in workshop: Workshop) -> [String] { names(in: workshop.manifests).filter { $0 != TrustFolders.name } }

func removeTree(_ path: String) {
    chmod(path, 0o700)
    for name in names(in: path) {
        let child = path + "/" + name
        var status = stat()
        guard lstat(child, &status) == 0 else { continue }
        if status.st_mode & S_IFMT == S_IFDIR { removeTree(child) } else { unlink(child) }
    }
    rmdir(path)
}

/// A host's folders (manifests, bundles, store) for one test, removed with it, and a bundle to change.
final class Workshop {
    let root: String
    var manifests: String { root + "/manifests" }
    var bundles: String { root + "/bundles" }
    var store: String { root + "/store" }

    init() throws {
        var template = Array("/tmp/limen-registry-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw FileFailure(path: "mkdtemp") }
        root = template.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } } ?? ""
        for folder in [manifests, bundles] { mkdir(folder, 0o755) }
        try TrustFolders.write(key.trusted, in: trustFolders.manifests)
    }

    /// The publisher of every bundle, trusted from the start.
    let key = Workshop.testKey
    var trustFolders: TrustFolders { TrustFolders(data: root, manifests: manifests) }
    var trust: TrustSet { trustFolders.load() }

    private static let testKey: PublisherKey = {
        do { return try PublisherKey.generate(publisher: "tests") } catch { preconditionFailure("no key: \(error)") }
    }()

    deinit { removeTree(root) }

    var bundleStore: BundleStore { BundleStore(path: store, roots: [bundles, manifests], trust: trustFolders) }

    /// A registry with a history, as the service has one; the database is the caller's to close.
    func registry(_ database: Database) throws -> Registry {
        try Registry(
            manifestFolder: manifests, bundles: bundleStore, states: PluginStateStore(database: database), audit: AuditLog(database: database))
    }

    func registry() throws -> Registry { try Registry(manifestFolder: manifests, bundles: bundleStore, states: nil) }

    /// Writes a bundle with its plugin.json and its signature; `change` edits plugin.json after the digests were filled in.
    @discardableResult
    func bundle(
        name: String = "demo", version: String = "1.0.0", library: [UInt8] = ELFBuilder().bytes(), files: [String: [UInt8]] = [:],
        signer: PublisherKey? = nil, change: (inout JSONObject) -> Void = { _ in }
    ) throws -> JSONObject {
        let folder = "\(bundles)/\(name)-\(version)"
        var all = files
        all["lib/lib\(name).so"] = library
        for path in all.keys.sorted() + [""] {
            var parent = folder
            mkdir(parent, 0o755)
            for part in path.split(separator: "/").dropLast() {
                parent += "/" + part
                mkdir(parent, 0o755)
            }
        }
        var digests = JSONObject()
        for (path, bytes) in all.sorted(by: { $0.key < $1.key }) {
            try writeFile("\(folder)/\(path)", bytes)
            digests[path] = .string(SHA256.hash(bytes).hex)
        }
        var asked = Self.plugin(name: name, version: version)
        asked["sha256"] = .string(SHA256.hash(library).hex)
        asked["files"] = .object(digests)
        change(&asked)
        let manifest = try JSONValue.object(asked).canonical()
        try writeFile("\(folder)/plugin.json", manifest)
        try writeFile("\(folder)/SIGNATURE", BundleSignature(signing: manifest, with: signer ?? key).bytes)
        return asked
    }

    /// Writes manifests/NAME.json that grants a bundle's plugin.json; `change` edits it.
    func grant(_ asked: JSONObject, file: String? = nil, change: (inout JSONObject) -> Void = { _ in }) throws {
        var granted = asked
        granted["files"] = nil
        granted["enabled"] = true
        change(&granted)
        let name = file ?? (asked["name"]?.stringValue ?? "demo") + ".json"
        try writeFile("\(manifests)/\(name)", JSONValue.object(granted).serialized([.pretty]))
    }

    static func plugin(name: String, version: String) -> JSONObject {
        [
            "name": .string(name), "version": .string(version), "abi": 1, "kind": "tool", "library": .string("lib/lib\(name).so"),
            "publisher": "tests",
            "tools": [
                [
                    "name": "shout", "description": "Says it loudly.", "input_schema": ["type": "object"], "timeout_ms": 1000,
                    "annotations": ["idempotent": true],
                ]
            ],
            "limits": ["memory_bytes": 67_108_864, "workers": 2], "state": "none",
            "egress": [
                "allow": [
                    ["host": "*.example.com", "methods": ["GET", "HEAD", "POST"], "paths": ["/v1/*", "/status"]],
                    ["host": "mail.example.org", "ports": [443, 993], "socket": true],
                ], "rate": 10,
            ],
            "secrets": [["name": "token", "in": "header", "field": "Authorization", "prefix": "Bearer ", "hosts": ["api.example.com"]]],
            "mounts": [], "syscalls": ["getcpu"],
        ]
    }
}
