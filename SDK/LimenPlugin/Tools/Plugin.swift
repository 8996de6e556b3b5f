public import JSON
public import PluginABI

/// The host's table of functions, as the entry symbol receives it.
public typealias LimenHost = UnsafePointer<limen_host>
/// What the entry symbol returns; nil refuses to serve.
public typealias LimenEntry = UnsafePointer<limen_plugin>?

/// A plugin: a name, a version and what it offers.
///
/// The library's one exported symbol serves it:
/// ```swift
/// @c(limen_plugin_entry)
/// public func entry(_ host: LimenHost) -> LimenEntry {
///     Plugin(name: "hello", version: "1.0.0", tools: [Greet()]).serve(host)
/// }
/// ```
public struct Plugin: Sendable {
    /// The plugin's name, as in `plugin.json`.
    public let name: String
    /// The plugin's version, as in `plugin.json`.
    public let version: String
    let make: @Sendable (_ config: JSONValue) throws -> Offer

    /// What a plugin offers once it knows its configuration.
    public struct Offer: Sendable {
        var tools: [any Tool]
        var adapters: [any Adapter]

        /// Offers tools, adapters or both.
        public init(tools: [any Tool] = [], adapters: [any Adapter] = []) {
            self.tools = tools
            self.adapters = adapters
        }
    }

    /// Makes a plugin of tools and adapters that read their configuration from the context.
    public init(name: String, version: String, tools: [any Tool] = [], adapters: [any Adapter] = []) {
        self.name = name
        self.version = version
        make = { _ in Offer(tools: tools, adapters: adapters) }
    }

    /// Makes a plugin whose tools are made from the operator's configuration, once, when the library is loaded.
    public init(name: String, version: String, configured make: @escaping @Sendable (_ config: JSONValue) throws -> Offer) {
        self.name = name
        self.version = version
        self.make = make
    }

    /// Serves the plugin to a host; for the entry symbol. Logs the reason and returns nil if it cannot.
    public func serve(_ host: LimenHost) -> LimenEntry {
        guard let table = HostTable(host) else { return nil }
        do {
            let runtime = try PluginRuntime(plugin: self, host: table)
            return try runtime.publish()
        } catch {
            table.log(nil, LIMEN_LOG_ERROR, "\(name) cannot serve: \(error)")
            return nil
        }
    }

    /// The description that the library gives the host: name, version, tools with their schemas, adapters.
    ///
    /// Throws ``SchemaDerivationError`` for a type that has no schema.
    public func description(config: JSONValue = .object([:])) throws -> JSONValue {
        try OfferedTools(plugin: self, offer: make(config)).description()
    }
}
