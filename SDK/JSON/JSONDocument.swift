/// A parsed JSON text as one flat tape: contiguous 16-byte nodes that point into the source bytes, no allocation a node.
///
/// Nodes are addressed by index in document order; the root is 0, a container is followed by its contents, a member by key and then value.
public struct JSONDocument: Sendable {
    /// The nodes and the bytes they point into.
    package let tape: JSONTape
    /// Whether an object names a key twice; only so while a text is read that may.
    let hasRepeatedKeys: Bool

    /// Reads a strict RFC 8259 text; throws a `JSONError` with the offset of the first fault.
    public init(parsing bytes: [UInt8], limits: JSONLimits = .default) throws(JSONError) {
        guard bytes.count <= min(limits.bytesMax, JSONLimits.bytesCeiling) else {
            throw JSONError(.tooLarge, at: 0, "the text has \(bytes.count) bytes, more than \(min(limits.bytesMax, JSONLimits.bytesCeiling))")
        }
        let parsed = bytes.withUnsafeBufferPointer { JSONDocument.parse($0, limits) }
        switch parsed {
        case .failure(let error): throw error
        case .success(let (nodes, side, hasRepeatedKeys)):
            let tape = JSONTape(source: bytes, side: side, owning: nodes)
            if hasRepeatedKeys {
                // Rare and slow on purpose: build the value, in which the last of each key stays, and read its text.
                self = try JSONDocument(parsing: JSONDocument(tape: tape, hasRepeatedKeys: true).value().serialized(), limits: limits)
            } else {
                self.tape = tape
                self.hasRepeatedKeys = false
            }
        }
    }

    /// Reads the text of a string; see `init(parsing:limits:)` for bytes.
    public init(parsing text: String, limits: JSONLimits = .default) throws(JSONError) {
        try self.init(parsing: Array(text.utf8), limits: limits)
    }

    /// Lays out a value that is already in memory; throws when it is deeper or larger than any text may be.
    public init(_ value: JSONValue) throws(JSONError) {
        try value.checkDepth()
        let limits = JSONLimits(bytesMax: .max, depthMax: .max, numberBytesMax: .max)
        try self.init(parsing: value.serialized(), limits: limits)
    }

    init(tape: JSONTape, hasRepeatedKeys: Bool = false) {
        self.tape = tape
        self.hasRepeatedKeys = hasRepeatedKeys
    }

    private typealias Parsed = (nodes: UnsafeBufferPointer<JSONNode>, side: [UInt8], hasRepeatedKeys: Bool)

    private static func parse(_ bytes: UnsafeBufferPointer<UInt8>, _ limits: JSONLimits) -> Result<Parsed, JSONError> {
        guard let base = bytes.baseAddress, !bytes.isEmpty else {
            return .failure(JSONError(.unexpectedEnd, at: 0, "the text is empty"))
        }
        var parser = JSONTapeParser(bytes, base: base, limits: limits)
        do {
            try parser.parse()
            return .success((UnsafeBufferPointer(start: parser.nodes, count: parser.nodeCount), parser.side, parser.hasRepeatedKeys))
        } catch {
            parser.nodes.deallocate()
            return .failure(error)
        }
    }

    /// The source text.
    public var bytes: [UInt8] { tape.source }

    /// How many nodes there are.
    public var nodeCount: Int { tape.nodes.count }

    /// The JSON type of the node, named as in `JSONValue.typeName`.
    public func typeName(at index: Int) -> String {
        switch tape.nodes[index].kind {
        case .null: "null"
        case .true, .false: "boolean"
        case .number: "number"
        case .string, .key: "string"
        case .array: "array"
        case .object: "object"
        }
    }

    /// The indices of the elements of an array, or of the values of an object, in order; empty for other nodes.
    public func children(of index: Int) -> [Int] {
        let node = tape.nodes[index]
        guard node.kind == .array || node.kind == .object else { return [] }
        var found: [Int] = []
        var child = index + 1
        while child < Int(node.extra) {
            if node.kind == .object { child += 1 }
            found.append(child)
            child = tape.next(after: child)
        }
        return found
    }

    /// The index of the value of that name in the object at `index`, or nil.
    public func member(_ key: String, of index: Int) -> Int? {
        let node = tape.nodes[index]
        guard node.kind == .object else { return nil }
        var at = index + 1
        while at < Int(node.extra) {
            let candidate = tape.nodes[at]
            if Int(candidate.length) == key.utf8.count, tape.withBytes(of: candidate, { $0.elementsEqual(key.utf8) }) { return at + 1 }
            at = tape.next(after: at + 1)
        }
        return nil
    }

    /// The decoded string at `index`, or nil when the node is no string.
    public func string(at index: Int) -> String? {
        let node = tape.nodes[index]
        return node.kind == .string ? tape.text(of: node) : nil
    }
}

extension JSONDocument {
    /// Makes a document of a tape that another module kept.
    package init(constants tape: JSONTape) { self.init(tape: tape) }
}
