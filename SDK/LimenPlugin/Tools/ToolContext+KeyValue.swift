import JSON
import PluginABI

/// The plugin's key-value state, which the host keeps apart for each user or tenant by the manifest's isolation.
///
/// Every function throws ``PluginError`` with the host's reason, and `CancellationError` when the call is cancelled meanwhile.
public struct KeyValueState: Sendable {
    let handle: CallHandle

    /// Reads the bytes of a key; nil when there are none.
    public func get(_ key: String) async throws -> [UInt8]? {
        let reply = try await handle.keyValue(LIMEN_KV_GET, key)
        return reply.found ? reply.value : nil
    }

    /// Writes the bytes of a key.
    public func set(_ key: String, _ value: [UInt8]) async throws {
        _ = try await handle.keyValue(LIMEN_KV_SET, key, value)
    }

    /// Deletes a key; an absent one is no error.
    public func delete(_ key: String) async throws {
        _ = try await handle.keyValue(LIMEN_KV_DELETE, key)
    }

    /// Lists the keys that start with a prefix.
    public func list(prefix: String = "") async throws -> [String] {
        let reply = try await handle.keyValue(LIMEN_KV_LIST, prefix)
        let keys = try JSONValue(parsing: reply.value, limits: Limits.input)
        return keys.arrayValue?.compactMap(\.stringValue) ?? []
    }

    /// Reads a key that ``set(_:json:)`` wrote; nil when there is none.
    public func get<Value: Decodable>(_ key: String, as type: Value.Type) async throws -> Value? {
        guard let bytes = try await get(key) else { return nil }
        return try JSONCoder.decode(type, from: JSONValue(parsing: bytes, limits: Limits.input))
    }

    /// Writes a value as JSON.
    public func set<Value: Encodable>(_ key: String, json value: Value) async throws {
        try await set(key, JSONCoder.encode(value).serialized())
    }
}

extension ToolContext {
    /// The plugin's key-value state.
    public var keyValue: KeyValueState { KeyValueState(handle: handle) }
}
