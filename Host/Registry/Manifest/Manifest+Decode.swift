internal import Crypto
internal import JSON

extension Manifest {
    /// Decodes an object that the manifest schema has accepted.
    init(_ reader: ManifestReader) throws(ManifestProblem) {
        name = try reader.string("name")
        guard let version = SemanticVersion(try reader.string("version")) else {
            throw reader.problem("version", "is not a semantic version")
        }
        self.version = version
        description = try reader.optionalString("description") ?? ""
        abi = try reader.integer("abi", default: 0)
        kind = try reader.choice("kind", default: nil)
        library = try reader.string("library")
        librarySHA256 = try Self.digest(reader, "sha256", reader.string("sha256"))
        publisher = try reader.optionalString("publisher") ?? "local"
        isEnabled = try reader.bool("enabled", default: false)
        tools = try Self.list(reader.objects("tools")) { (item) throws(ManifestProblem) in try ToolManifest(item) }
        adapters = try Self.list(reader.objects("adapters")) { (item) throws(ManifestProblem) in try AdapterManifest(item) }
        isolation = try reader.choice("isolation", default: .tenant)
        state = try reader.choice("state", default: .keyValue)
        limits = try PluginLimits(reader.nested("limits"))
        egress = try EgressGrant(reader.nested("egress"))
        secrets = try Self.list(reader.objects("secrets")) { (item) throws(ManifestProblem) in try SecretGrant(item) }
        mounts = try Self.list(reader.objects("mounts")) { (item) throws(ManifestProblem) in try MountGrant(item) }
        syscalls = try reader.strings("syscalls", default: [])
        config = try reader.nested("config").object
        configSchema = reader.object["config_schema"]
        bundle = try reader.optionalString("bundle")
        bundleSHA256 = try reader.optionalString("bundle_sha256").map { (text) throws(ManifestProblem) in
            try Self.digest(reader, "bundle_sha256", text)
        }
        canaryPercent = reader.object["canary"]?.intValue
        files = try Self.files(reader.nested("files"))
    }

    private static func list<Item>(
        _ readers: [ManifestReader], _ decode: (ManifestReader) throws(ManifestProblem) -> Item
    ) throws(ManifestProblem) -> [Item] {
        var items: [Item] = []
        for reader in readers { items.append(try decode(reader)) }
        return items
    }

    private static func digest(_ reader: ManifestReader, _ key: String, _ text: String) throws(ManifestProblem) -> SHA256Digest {
        guard let digest = SHA256Digest(hex: text) else { throw reader.problem(key, "is not a SHA-256 in lower-case hexadecimal") }
        return digest
    }

    private static func files(_ reader: ManifestReader) throws(ManifestProblem) -> [String: SHA256Digest] {
        var files: [String: SHA256Digest] = [:]
        for path in reader.object.keys {
            files[path] = try digest(reader, path, reader.string(path))
        }
        return files
    }
}
