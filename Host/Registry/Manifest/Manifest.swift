package import Crypto
package import JSON

/// What a plugin offers.
package enum PluginKind: String, Sendable, Hashable { case tool, adapter }

/// Whether a plugin keeps key-value state through the host.
package enum PluginStateUse: String, Sendable, Hashable {
    /// It may.
    case keyValue = "key_value"
    /// It declares none; key-value requests are refused and its workers may be shared.
    case none
}

/// A plugin as plugin.json asks for it or as manifests/NAME.json grants it (SPEC 2.1); every field typed, defaults filled in.
package struct Manifest: Sendable, Hashable {
    /// The first half of its tools' ids.
    package let name: String
    /// Its version.
    package let version: SemanticVersion
    /// One sentence on what it does; may be empty.
    package let description: String
    /// The version of the C ABI it was built against.
    package let abi: Int
    /// What it offers.
    package let kind: PluginKind
    /// The library to load, as a path in the bundle.
    package let library: String
    /// SHA-256 of the library.
    package let librarySHA256: SHA256Digest
    /// Who made it.
    package let publisher: String
    /// Whether it may be loaded.
    package var isEnabled: Bool
    /// Its tools.
    package let tools: [ToolManifest]
    /// Its adapters.
    package let adapters: [AdapterManifest]
    /// What a worker may serve.
    package let isolation: Isolation
    /// Whether it keeps key-value state.
    package let state: PluginStateUse
    /// What a worker may use.
    package let limits: PluginLimits
    /// What it may reach.
    package let egress: EgressGrant
    /// What the proxy adds to its requests.
    package let secrets: [SecretGrant]
    /// What of the host it is shown.
    package let mounts: [MountGrant]
    /// System calls beyond the base list; each is in `GrantableSyscalls`.
    package let syscalls: [String]
    /// Handed to the plugin.
    package let config: JSONObject
    /// What `config` must satisfy; nil accepts anything.
    package let configSchema: JSONValue?
    /// Where the bundle is, relative to a bundle root; nil means `NAME-VERSION`. Only in a granted manifest.
    package let bundle: String?
    /// SHA-256 of the bundle's plugin.json, if the grant pins it. Only in a granted manifest.
    package let bundleSHA256: SHA256Digest?
    /// The share of calls in percent that this grant gets beside the one in force. Only in manifests/NAME.canary.json.
    package let canaryPercent: Int?
    /// Every file of the bundle with its digest. Only in plugin.json.
    package let files: [String: SHA256Digest]

    /// The tool of a name.
    package func tool(_ name: String) -> ToolManifest? { tools.first { $0.name == name } }

    /// The bundle's folder relative to a bundle root.
    package var bundlePath: String { bundle ?? "\(name)-\(version)" }
}
