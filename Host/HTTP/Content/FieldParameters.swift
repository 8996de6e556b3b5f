/// A field's value with parameters, such as `form-data; name="x"` (RFC 9110, 5.6.6).
enum FieldParameters {
    struct Parameter {
        /// In lower case.
        let name: String
        let value: [UInt8]
    }

    /// The value before the parameters, in lower case, and the parameters in order; nil when it is malformed.
    ///
    /// A quoted value holds no backslash: some programs escape with it and others mean it, so that a name could be read in two ways.
    static func read(_ bytes: ArraySlice<UInt8>) -> (value: String, parameters: [Parameter])? {
        var rest = bytes
        let end = rest.firstIndex { $0 == 0x3b || isBlank($0) } ?? rest.endIndex
        let value = String(decoding: rest[..<end], as: UTF8.self).lowercased()
        guard !value.isEmpty, value.utf8.allSatisfy({ Characters.isToken($0) || $0 == 0x2f }) else { return nil }
        rest = rest[end...]
        var parameters: [Parameter] = []
        while true {
            skipBlanks(&rest)
            if rest.isEmpty { return (value, parameters) }
            guard rest.removeFirst() == 0x3b else { return nil }
            skipBlanks(&rest)
            guard let parameter = parameter(&rest) else { return nil }
            parameters.append(parameter)
        }
    }

    private static func parameter(_ rest: inout ArraySlice<UInt8>) -> Parameter? {
        guard let equals = rest.firstIndex(where: { !Characters.isToken($0) }), equals > rest.startIndex, rest[equals] == 0x3d else { return nil }
        let name = String(decoding: rest[..<equals], as: UTF8.self).lowercased()
        rest = rest[(equals + 1)...]
        if rest.first == 0x22 {
            rest.removeFirst()
            guard let quote = rest.firstIndex(where: { $0 == 0x22 || $0 == 0x5c }), rest[quote] == 0x22 else { return nil }
            defer { rest = rest[(quote + 1)...] }
            return Parameter(name: name, value: Array(rest[..<quote]))
        }
        let end = rest.firstIndex { !Characters.isToken($0) } ?? rest.endIndex
        guard end > rest.startIndex else { return nil }
        defer { rest = rest[end...] }
        return Parameter(name: name, value: Array(rest[..<end]))
    }

    private static func skipBlanks(_ rest: inout ArraySlice<UInt8>) { rest = rest.drop(while: isBlank) }
    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
}
