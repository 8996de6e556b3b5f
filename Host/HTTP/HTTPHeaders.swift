/// Fields of a message in order, names compared without regard to case.
///
/// All bytes lie in one array and each field is four offsets into it: a request's head is copied once and no String is
/// made before somebody asks for it.
package struct HTTPHeaders: Sendable {
    /// Where a field's name and value lie.
    struct Field: Sendable {
        let nameStart: UInt32
        let nameEnd: UInt32
        let valueStart: UInt32
        let valueEnd: UInt32
    }

    var bytes: [UInt8]
    var fields: [Field]

    package init() {
        bytes = []
        fields = []
    }

    /// Fields of `pairs`, in order.
    package init(_ pairs: KeyValuePairs<String, String>) {
        self.init()
        for (name, value) in pairs { add(name, value) }
    }

    init(bytes: [UInt8], fields: [Field]) {
        self.bytes = bytes
        self.fields = fields
    }

    package var count: Int { fields.count }
    package var isEmpty: Bool { fields.isEmpty }

    /// Adds a field after the others.
    ///
    /// The name must be a token (a programmer's error otherwise); control characters in the value become spaces, so that
    /// no value can split a message.
    package mutating func add(_ name: String, _ value: String) {
        let nameStart = UInt32(bytes.count)
        bytes.append(contentsOf: name.utf8)
        let nameEnd = UInt32(bytes.count)
        precondition(nameEnd > nameStart && name.utf8.allSatisfy { Characters.isToken($0) }, "a field name is a token")
        for byte in value.utf8 { bytes.append(Characters.isFieldValue(byte) ? byte : 0x20) }
        fields.append(Field(nameStart: nameStart, nameEnd: nameEnd, valueStart: nameEnd, valueEnd: UInt32(bytes.count)))
    }

    /// Removes all fields of that name.
    package mutating func remove(_ name: String) { fields = fields.filter { !matches($0, name) } }

    /// The first field of that name; setting replaces all of them, nil removes them.
    package subscript(name: String) -> String? {
        get {
            for field in fields where matches(field, name) { return value(field) }
            return nil
        }
        set {
            remove(name)
            if let newValue { add(name, newValue) }
        }
    }

    /// The values of all fields of that name.
    package func values(_ name: String) -> [String] { fields.compactMap { matches($0, name) ? value($0) : nil } }

    /// Whether there is a field of that name.
    package func contains(_ name: String) -> Bool { fields.contains { matches($0, name) } }

    /// The elements of a comma-separated list, over all fields of that name, trimmed, without the empty ones.
    package func list(_ name: String) -> [String] {
        values(name).flatMap { $0.split(separator: ",") }.map { HTTPHeaders.trimmed($0) }.filter { !$0.isEmpty }
    }

    /// Name and value of every field.
    package var pairs: [(name: String, value: String)] { fields.map { (name($0), value($0)) } }

    /// Whether a field's name equals `name`, whatever the case.
    func matches(_ field: Field, _ name: String) -> Bool {
        let start = Int(field.nameStart)
        var name = name
        return name.withUTF8 { other in
            guard other.count == Int(field.nameEnd) - start else { return false }
            return bytes.withUnsafeBufferPointer { bytes in
                for index in 0..<other.count where Characters.lower(bytes[start + index]) != Characters.lower(other[index]) { return false }
                return true
            }
        }
    }

    func name(_ field: Field) -> String { String(decoding: bytes[Int(field.nameStart)..<Int(field.nameEnd)], as: UTF8.self) }
    func value(_ field: Field) -> String { String(decoding: bytes[Int(field.valueStart)..<Int(field.valueEnd)], as: UTF8.self) }

    static func trimmed(_ text: Substring) -> String {
        var text = text
        while let first = text.first, first == " " || first == "\t" { text.removeFirst() }
        while let last = text.last, last == " " || last == "\t" { text.removeLast() }
        return String(text)
    }
}

extension HTTPHeaders: ExpressibleByDictionaryLiteral {
    package init(dictionaryLiteral elements: (String, String)...) {
        self.init()
        for (name, value) in elements { add(name, value) }
    }
}
