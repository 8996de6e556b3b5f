extension EgressURL {
    /// Checks a path: RFC 3986's characters, and nothing that servers resolve differently, so that a rule on paths means the same to them and to us.
    static func check(path: ArraySlice<UInt8>) throws(EgressRefusal) {
        guard !path.starts(with: "//".utf8) else { throw .pathLeadingSlashes }
        try checkCharacters(path, isQuery: false)
        for segment in path.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: true) { try check(segment: segment) }
    }

    /// Checks a query: RFC 3986's characters, and no encoded NUL, CR or LF.
    static func check(query: ArraySlice<UInt8>) throws(EgressRefusal) { try checkCharacters(query, isQuery: true) }

    private static func checkCharacters(_ bytes: ArraySlice<UInt8>, isQuery: Bool) throws(EgressRefusal) {
        var index = bytes.startIndex
        while index < bytes.endIndex {
            let byte = bytes[index]
            if byte == UInt8(ascii: "%") {
                guard let value = decoded(bytes[index...]) else { throw .percentTriplet }
                try check(encoded: value, followedBy: bytes[(index + 3)...], isQuery: isQuery)
                index += 3
                continue
            }
            let isFine = Characters.isPathCharacter(byte) || byte == UInt8(ascii: "/") || (isQuery && byte == UInt8(ascii: "?"))
            guard isFine else { throw isQuery ? .queryCharacter : .pathCharacter }
            index += 1
        }
    }

    /// The byte that a triplet at the beginning means.
    private static func decoded(_ bytes: ArraySlice<UInt8>) -> UInt8? {
        let triplet = Array(bytes.prefix(3))
        guard triplet.count == 3, triplet[0] == UInt8(ascii: "%"), let high = Characters.hexValue(triplet[1]),
            let low = Characters.hexValue(triplet[2])
        else { return nil }
        return high << 4 | low
    }

    private static func check(encoded value: UInt8, followedBy rest: ArraySlice<UInt8>, isQuery: Bool) throws(EgressRefusal) {
        if isQuery {
            guard value != 0, value != 0x0d, value != 0x0a else { throw .percentControl }
            return
        }
        switch value {
        case 0..<0x20, 0x7f: throw .percentControl
        case UInt8(ascii: "/"), UInt8(ascii: "\\"): throw .pathEncodedSeparator
        case UInt8(ascii: "%"):
            // %252e: a server that decodes twice sees what the rules above keep out.
            guard let twice = decoded([UInt8(ascii: "%")] + rest.prefix(2)) else { return }
            guard ![0, UInt8(ascii: "."), UInt8(ascii: "/"), UInt8(ascii: "\\"), UInt8(ascii: "%")].contains(twice) else { throw .pathDoubleEncoding }
        default: return
        }
    }

    /// Refuses `.` and `..`, encoded or not, also before a parameter: some servers cut `..;x` at the semicolon before they resolve it.
    private static func check(segment: ArraySlice<UInt8>) throws(EgressRefusal) {
        var plain: [UInt8] = []
        var index = segment.startIndex
        while index < segment.endIndex, plain.count <= 2 {
            let value = decoded(segment[index...])
            let byte = value ?? segment[index]
            if byte == UInt8(ascii: ";") { break }
            plain.append(byte)
            index += value == nil ? 1 : 3
        }
        guard plain != Array(".".utf8), plain != Array("..".utf8) else { throw .pathDotSegment }
    }
}
