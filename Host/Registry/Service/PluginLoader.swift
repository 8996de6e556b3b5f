internal import Crypto
internal import JSON
internal import JSONSchema
internal import Store

/// Turns one manifest file into a verified record; blocking file work without state.
struct PluginLoader: Sendable {
    let folder: ManifestFolder
    let store: BundleStore
    /// Whom this reload trusts.
    let trust: TrustSet

    /// A file that passed every check.
    struct Loaded: Sendable {
        let record: PluginRecord
        /// SHA-256 of the file's bytes.
        let fileDigest: SHA256Digest
    }

    /// What became of a file.
    enum Outcome: Sendable {
        case loaded(Loaded)
        /// Its tools are not those that were approved with its version.
        case notAsApproved(Manifest)
    }

    /// Reads, validates and installs.
    ///
    /// `approved` is the description digest that an earlier load of the same name and version recorded: a different one is refused.
    func load(
        _ file: String, bytes: [UInt8], generation: UInt64, approved: (_ name: String, _ version: String) -> String?
    ) throws(ManifestError) -> Outcome {
        let manifest = try Manifest(parsing: bytes, file: file, role: .granted)
        try Self.checkName(manifest, file: file)
        if let known = approved(manifest.name, manifest.version.description), known != Self.descriptionDigest(manifest).hex {
            return .notAsApproved(manifest)
        }
        let installed = try store.install(manifest, file: file, trust: trust)
        let tools = try Self.tools(manifest, file: file)
        var lifecycle = PluginLifecycle()
        do {
            try lifecycle.apply(.verify)
            try lifecycle.apply(manifest.isEnabled ? .enable : .disable)
        } catch {
            throw ManifestError(file: file, reason: error.description)
        }
        let record = PluginRecord(
            name: manifest.name, version: manifest.version.description, manifest: manifest, bundle: installed.bundle, file: file,
            tools: tools, generation: generation, lifecycle: lifecycle)
        return .loaded(Loaded(record: record, fileDigest: SHA256.hash(bytes)))
    }

    private static func checkName(_ manifest: Manifest, file: String) throws(ManifestError) {
        let expected = ManifestFolder.file(manifest.name, manifest.canaryPercent == nil ? .stable : .canary)
        guard file != expected else { return }
        if file == ManifestFolder.file(manifest.name, .canary) {
            throw ManifestError(file: file, pointer: "/canary", reason: "is required in a file of this name: the percent of calls it gets")
        }
        if manifest.canaryPercent != nil, file == ManifestFolder.file(manifest.name, .stable) {
            throw ManifestError(file: file, pointer: "/canary", reason: "belongs in \(expected)")
        }
        throw ManifestError(file: file, pointer: "/name", reason: "is \"\(manifest.name)\", so the file must be \(expected)")
    }

    private static func tools(_ manifest: Manifest, file: String) throws(ManifestError) -> [ToolDescriptor] {
        var tools: [ToolDescriptor] = []
        for (index, tool) in manifest.tools.enumerated() {
            do {
                tools.append(try ToolDescriptor(tool, of: manifest))
            } catch {
                throw ManifestError(file: file, pointer: "/tools/\(index)", reason: "has an unusable schema: \(error.message)")
            }
        }
        return tools
    }

    /// The digest of tool names, titles, descriptions and schemas, independent of formatting and member order.
    static func descriptionDigest(_ manifest: Manifest) -> SHA256Digest {
        let tools = manifest.tools.sorted { $0.name < $1.name }.map { tool -> JSONValue in
            .array([
                .string(tool.name), .string(tool.title), .string(tool.description), tool.inputSchema,
                tool.outputSchema.map { .array([$0]) } ?? .null,
            ])
        }
        return SHA256.hash(JSONValue.array(tools).serialized([.sortedKeys]))
    }
}
