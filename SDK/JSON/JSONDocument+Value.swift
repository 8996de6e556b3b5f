extension JSONDocument {
    /// The whole document as a value.
    public func value() -> JSONValue { value(at: 0) }

    /// The node at `index` and all it contains as a value; the depth of documents bounds the recursion.
    public func value(at index: Int) -> JSONValue {
        let node = tape.nodes[index]
        switch node.kind {
        case .null: return .null
        case .true: return .bool(true)
        case .false: return .bool(false)
        case .number: return .number(JSONNumber(unchecked: tape.text(of: node)))
        case .string, .key: return .string(tape.text(of: node))
        case .array: return .array(elements(of: node, at: index))
        case .object: return .object(object(of: node, at: index))
        }
    }

    private func elements(of node: JSONNode, at index: Int) -> [JSONValue] {
        var values: [JSONValue] = []
        values.reserveCapacity(Int(node.length))
        var child = index + 1
        while child < Int(node.extra) {
            values.append(value(at: child))
            child = tape.next(after: child)
        }
        return values
    }

    private func object(of node: JSONNode, at index: Int) -> JSONObject {
        var members: [(key: String, value: JSONValue)] = []
        members.reserveCapacity(Int(node.length))
        var key = index + 1
        while key < Int(node.extra) {
            members.append((tape.text(of: tape.nodes[key]), value(at: key + 1)))
            key = tape.next(after: key + 1)
        }
        // A text with repeated keys gets here only on its way to being read again without them.
        return hasRepeatedKeys ? JSONObject(members) : JSONObject(distinct: members)
    }
}

extension JSONValue {
    /// Reads a strict RFC 8259 text; throws a `JSONError` with the offset of the first fault.
    public init(parsing bytes: [UInt8], limits: JSONLimits = .default) throws(JSONError) {
        self = try JSONDocument(parsing: bytes, limits: limits).value()
    }

    /// Reads a strict RFC 8259 text; throws a `JSONError` with the offset of the first fault.
    public init(parsing text: String, limits: JSONLimits = .default) throws(JSONError) {
        self = try JSONDocument(parsing: text, limits: limits).value()
    }
}
