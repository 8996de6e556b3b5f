internal import Crypto
internal import JSON
internal import JSONSchema

/// Turns one manifest file into a verified record; blocking file work without state.
struct PluginLoader: Sendable {
    let folder: ManifestFolder
    let store: BundleStore

    /// A file that passed every check.
    struct Loaded: Sendable {
        let record: PluginRecord
        /// SHA-256 of the file's bytes.
        let fileDigest: SHA256Digest
        /// SHA-256 of what was approved: tool names, descriptions and schemas.
        let descriptionDigest: SHA256Digest
    }

    /// Reads, validates and installs.
    ///
    /// `approved` is the description digest that an earlier load of the same name and version recorded: a different one is refused.
    func load(
        _ file: String, bytes: [UInt8], generation: UInt64, approved: (_ name: String, _ version: String) -> String?
    ) throws(ManifestError) -> Loaded {
        let manifest = try Manifest(parsing: bytes, file: file, role: .granted)
        guard file == manifest.name + ".json" else {
            throw ManifestError(file: file, pointer: "/name", reason: "is \"\(manifest.name)\", so the file must be \(manifest.name).json")
        }
        let digest = Self.descriptionDigest(manifest)
        if let known = approved(manifest.name, manifest.version.description), known != digest.hex {
            throw ManifestError(
                file: file, pointer: "/tools", reason: "names, descriptions or schemas changed since version \(manifest.version) was approved")
        }
        let installed = try store.install(manifest, file: file)
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
        return Loaded(record: record, fileDigest: SHA256.hash(bytes), descriptionDigest: digest)
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
