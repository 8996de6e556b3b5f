/// How a value is written.
public struct JSONWritingOptions: OptionSet, Sendable {
    /// The bits.
    public let rawValue: Int
    /// Makes options from bits.
    public init(rawValue: Int) { self.rawValue = rawValue }

    /// Two spaces a level, one member or element a line.
    public static let pretty = JSONWritingOptions(rawValue: 1)
    /// Members in the order of their keys' bytes.
    public static let sortedKeys = JSONWritingOptions(rawValue: 2)
}

extension JSONValue {
    /// The text of the value as UTF-8, compact unless the options say otherwise.
    public func serialized(_ options: JSONWritingOptions = []) -> [UInt8] {
        var writer = JSONWriter(options: options)
        writer.write(self)
        return writer.bytes
    }

    /// The compact text of the value.
    public var text: String { String(decoding: serialized(), as: UTF8.self) }

    /// Throws `tooDeep` when more containers are nested than any text may have; never recurses deeper than that itself.
    package func checkDepth(_ depth: Int = 0) throws(JSONError) {
        switch self {
        case .array(let values):
            guard depth < JSONLimits.depthCeiling else { throw JSONError(.tooDeep, at: 0, "the value has too many levels") }
            for value in values { try value.checkDepth(depth + 1) }
        case .object(let object):
            guard depth < JSONLimits.depthCeiling else { throw JSONError(.tooDeep, at: 0, "the value has too many levels") }
            for (_, value) in object { try value.checkDepth(depth + 1) }
        default: break
        }
    }
}

extension JSONValue: CustomStringConvertible {
    /// The compact text of the value.
    public var description: String { text }
}

/// Writes values into a growing buffer.
struct JSONWriter {
    let options: JSONWritingOptions
    var bytes: [UInt8] = []
    private var depth = 0

    init(options: JSONWritingOptions) { self.options = options }

    mutating func write(_ value: JSONValue) {
        switch value {
        case .null: bytes.append(contentsOf: "null".utf8)
        case .bool(let value): bytes.append(contentsOf: (value ? "true" : "false").utf8)
        case .number(let value): bytes.append(contentsOf: value.literal.utf8)
        case .string(let value): JSONWriter.write(value, into: &bytes)
        case .array(let values):
            write(open: "[", close: "]", values) { writer, value in writer.write(value) }
        case .object(let object):
            write(open: "{", close: "}", ordered(object)) { writer, member in
                JSONWriter.write(member.key, into: &writer.bytes)
                writer.bytes.append(UInt8(ascii: ":"))
                if writer.options.contains(.pretty) { writer.bytes.append(UInt8(ascii: " ")) }
                writer.write(member.value)
            }
        }
    }

    private func ordered(_ object: JSONObject) -> [JSONObject.Element] {
        guard options.contains(.sortedKeys) else { return Array(object) }
        return object.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
    }

    private mutating func write<Item>(open: Character, close: Character, _ items: [Item], _ each: (inout JSONWriter, Item) -> Void) {
        bytes.append(contentsOf: open.utf8)
        depth += 1
        for (index, item) in items.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            breakLine()
            each(&self, item)
        }
        depth -= 1
        if !items.isEmpty { breakLine() }
        bytes.append(contentsOf: close.utf8)
    }

    private mutating func breakLine() {
        guard options.contains(.pretty) else { return }
        bytes.append(UInt8(ascii: "\n"))
        for _ in 0..<depth { bytes.append(contentsOf: "  ".utf8) }
    }

    /// Writes a string with the shortest escapes: `"`, `\`, and control characters only.
    static func write(_ text: String, into bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        var text = text
        text.withUTF8 { utf8 in
            var start = 0
            for index in utf8.indices {
                let byte = utf8[index]
                guard byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") else { continue }
                bytes.append(contentsOf: utf8[start..<index])
                append(escapeOf: byte, to: &bytes)
                start = index + 1
            }
            bytes.append(contentsOf: utf8[start...])
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private static func append(escapeOf byte: UInt8, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\\"))
        switch byte {
        case 0x08: bytes.append(UInt8(ascii: "b"))
        case 0x09: bytes.append(UInt8(ascii: "t"))
        case 0x0a: bytes.append(UInt8(ascii: "n"))
        case 0x0c: bytes.append(UInt8(ascii: "f"))
        case 0x0d: bytes.append(UInt8(ascii: "r"))
        case 0x00..<0x20:
            let digits = Array("0123456789abcdef".utf8)
            bytes.append(contentsOf: "u00".utf8)
            bytes.append(digits[Int(byte >> 4)])
            bytes.append(digits[Int(byte & 15)])
        default: bytes.append(byte)
        }
    }
}
