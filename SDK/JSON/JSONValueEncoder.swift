/// One place of the JSON value that is being made; containers are handed out before they are filled, hence the reference.
final class JSONEncodingNode {
    enum Content {
        case empty
        case value(JSONValue)
        case array([JSONEncodingNode])
        case object(keys: [String], nodes: [JSONEncodingNode])
    }

    var content: Content = .empty

    /// The finished value; a type that encoded nothing becomes an empty object.
    var value: JSONValue {
        switch content {
        case .empty: return .object(JSONObject())
        case .value(let value): return value
        case .array(let nodes): return .array(nodes.map(\.value))
        case .object(let keys, let nodes):
            var object = JSONObject()
            for (key, node) in zip(keys, nodes) { object[key] = node.value }
            return .object(object)
        }
    }

    func becomeObject() { if case .object = content {} else { content = .object(keys: [], nodes: []) } }
    func becomeArray() { if case .array = content {} else { content = .array([]) } }

    /// A new place inside the object under that key.
    func member(_ key: String) -> JSONEncodingNode {
        let node = JSONEncodingNode()
        guard case .object(var keys, var nodes) = content else { return node }
        content = .empty
        keys.append(key)
        nodes.append(node)
        content = .object(keys: keys, nodes: nodes)
        return node
    }

    /// A new place at the end of the array.
    func element() -> JSONEncodingNode {
        let node = JSONEncodingNode()
        guard case .array(var nodes) = content else { return node }
        content = .empty
        nodes.append(node)
        content = .array(nodes)
        return node
    }

    /// How many elements the array has.
    var count: Int {
        if case .array(let nodes) = content { return nodes.count }
        return 0
    }
}

/// Takes what an `Encodable` type says about itself.
struct JSONValueEncoder: Encoder {
    let node: JSONEncodingNode
    let path: JSONCodingPath

    var codingPath: [any CodingKey] { path.keys }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        node.becomeObject()
        return KeyedEncodingContainer(JSONKeyedEncoding<Key>(node: node, path: path))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        node.becomeArray()
        return JSONUnkeyedEncoding(node: node, path: path)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer { self }

    private func invalid(_ value: Any, _ message: String) -> EncodingError {
        .invalidValue(value, EncodingError.Context(codingPath: codingPath, debugDescription: message))
    }

    func set(_ value: JSONValue) { node.content = .value(value) }
}

extension JSONValueEncoder: SingleValueEncodingContainer {
    func encodeNil() { set(.null) }
    func encode(_ value: Bool) { set(.bool(value)) }
    func encode(_ value: String) { set(.string(value)) }

    func encode(_ value: Double) throws {
        guard let number = JSONNumber(value) else { throw invalid(value, "JSON has no number for \(value)") }
        set(.number(number))
    }

    func encode(_ value: Float) throws {
        guard value.isFinite else { throw invalid(value, "JSON has no number for \(value)") }
        set(.number(JSONNumber(unchecked: value.description)))
    }

    func encode(_ value: Int) { set(JSONValue(value)) }
    func encode(_ value: Int8) { set(JSONValue(Int64(value))) }
    func encode(_ value: Int16) { set(JSONValue(Int64(value))) }
    func encode(_ value: Int32) { set(JSONValue(Int64(value))) }
    func encode(_ value: Int64) { set(JSONValue(value)) }
    func encode(_ value: UInt) { set(JSONValue(UInt64(value))) }
    func encode(_ value: UInt8) { set(JSONValue(UInt64(value))) }
    func encode(_ value: UInt16) { set(JSONValue(UInt64(value))) }
    func encode(_ value: UInt32) { set(JSONValue(UInt64(value))) }
    func encode(_ value: UInt64) { set(JSONValue(value)) }

    func encode<T: Encodable>(_ value: T) throws {
        guard path.depth < JSONLimits.depthCeiling else { throw invalid(value, "the value has too many levels") }
        try value.encode(to: self)
    }
}

/// The members of an object to be.
private struct JSONKeyedEncoding<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let node: JSONEncodingNode
    let path: JSONCodingPath

    var codingPath: [any CodingKey] { path.keys }

    private func encoder(_ key: any CodingKey) -> JSONValueEncoder {
        JSONValueEncoder(node: node.member(key.stringValue), path: path.appending(key))
    }

    func encodeNil(forKey key: Key) { encoder(key).encodeNil() }
    func encode(_ value: Bool, forKey key: Key) { encoder(key).encode(value) }
    func encode(_ value: String, forKey key: Key) { encoder(key).encode(value) }
    func encode(_ value: Double, forKey key: Key) throws { try encoder(key).encode(value) }
    func encode(_ value: Float, forKey key: Key) throws { try encoder(key).encode(value) }
    func encode(_ value: Int, forKey key: Key) { encoder(key).encode(value) }
    func encode(_ value: Int8, forKey key: Key) { encoder(key).encode(value) }
    func encode(_ value: Int16, forKey key: Key) { encoder(key).encode(value) }
    func encode(_ value: Int32, forKey key: Key) { encoder(key).encode(value) }
    func encode(_ value: Int64, forKey key: Key) { encoder(key).encode(value) }
    func encode(_ value: UInt, forKey key: Key) { encoder(key).encode(value) }
    func encode(_ value: UInt8, forKey key: Key) { encoder(key).encode(value) }
    func encode(_ value: UInt16, forKey key: Key) { encoder(key).encode(value) }
    func encode(_ value: UInt32, forKey key: Key) { encoder(key).encode(value) }
    func encode(_ value: UInt64, forKey key: Key) { encoder(key).encode(value) }
    func encode<T: Encodable>(_ value: T, forKey key: Key) throws { try encoder(key).encode(value) }

    func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type, forKey key: Key) -> KeyedEncodingContainer<Nested> {
        encoder(key).container(keyedBy: type)
    }

    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer { encoder(key).unkeyedContainer() }
    func superEncoder() -> any Encoder { encoder(JSONCodingKey.super) }
    func superEncoder(forKey key: Key) -> any Encoder { encoder(key) }
}

/// The elements of an array to be.
private struct JSONUnkeyedEncoding: UnkeyedEncodingContainer {
    let node: JSONEncodingNode
    let path: JSONCodingPath

    var codingPath: [any CodingKey] { path.keys }
    var count: Int { node.count }

    private func encoder() -> JSONValueEncoder {
        let key = JSONCodingKey(intValue: count)
        return JSONValueEncoder(node: node.element(), path: path.appending(key))
    }

    func encodeNil() { encoder().encodeNil() }
    func encode(_ value: Bool) { encoder().encode(value) }
    func encode(_ value: String) { encoder().encode(value) }
    func encode(_ value: Double) throws { try encoder().encode(value) }
    func encode(_ value: Float) throws { try encoder().encode(value) }
    func encode(_ value: Int) { encoder().encode(value) }
    func encode(_ value: Int8) { encoder().encode(value) }
    func encode(_ value: Int16) { encoder().encode(value) }
    func encode(_ value: Int32) { encoder().encode(value) }
    func encode(_ value: Int64) { encoder().encode(value) }
    func encode(_ value: UInt) { encoder().encode(value) }
    func encode(_ value: UInt8) { encoder().encode(value) }
    func encode(_ value: UInt16) { encoder().encode(value) }
    func encode(_ value: UInt32) { encoder().encode(value) }
    func encode(_ value: UInt64) { encoder().encode(value) }
    func encode<T: Encodable>(_ value: T) throws { try encoder().encode(value) }

    func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
        encoder().container(keyedBy: type)
    }

    func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { encoder().unkeyedContainer() }
    func superEncoder() -> any Encoder { encoder() }
}
