/// URIs of RFC 3986 and IRIs of RFC 3987.
enum URIFormat {
    static func isURI(_ bytes: ArraySlice<UInt8>, international: Bool, allowsRelative: Bool) -> Bool {
        var rest = bytes
        if let hash = rest.firstIndex(of: UInt8(ascii: "#")) {
            guard isText(rest[(hash + 1)...], ":@/?", international) else { return false }
            rest = rest[..<hash]
        }
        if let mark = rest.firstIndex(of: UInt8(ascii: "?")) {
            guard isText(rest[(mark + 1)...], ":@/?", international) else { return false }
            rest = rest[..<mark]
        }
        let first = rest.prefix { $0 != UInt8(ascii: "/") }
        var hasScheme = false
        if let colon = first.firstIndex(of: UInt8(ascii: ":")) {
            // A first segment with a colon can only be a scheme.
            guard isScheme(rest[..<colon]) else { return false }
            rest = rest[(colon + 1)...]
            hasScheme = true
        }
        guard hasScheme || allowsRelative else { return false }
        if rest.starts(with: [UInt8(ascii: "/"), UInt8(ascii: "/")]) {
            let authority = rest.dropFirst(2).prefix { $0 != UInt8(ascii: "/") }
            guard isAuthority(authority, international) else { return false }
            rest = rest[authority.endIndex...]
        }
        return isText(rest, ":@/", international)
    }

    private static func isScheme(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard let first = bytes.first, ASCII.isLetter(first) else { return false }
        return bytes.allSatisfy { ASCII.isAlphanumeric($0) || ASCII.isOne($0, of: "+-.") }
    }

    /// Unreserved characters, sub-delimiters, whole percent escapes and the characters of `extra`.
    private static func isText(_ bytes: ArraySlice<UInt8>, _ extra: StaticString, _ international: Bool) -> Bool {
        var rest = bytes
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%") {
                guard let high = rest.popFirst(), let low = rest.popFirst(), hexValue(high) != nil, hexValue(low) != nil else { return false }
                continue
            }
            let isPlain = ASCII.isAlphanumeric(byte) || ASCII.isOne(byte, of: "-._~!$&'()*+,;=") || ASCII.isOne(byte, of: extra)
            guard isPlain || international && byte >= 0x80 else { return false }
        }
        return true
    }

    private static func isAuthority(_ bytes: ArraySlice<UInt8>, _ international: Bool) -> Bool {
        var rest = bytes
        if let at = rest.lastIndex(of: UInt8(ascii: "@")) {
            guard isText(rest[..<at], ":", international) else { return false }
            rest = rest[(at + 1)...]
        }
        if rest.first == UInt8(ascii: "[") {
            guard let end = rest.firstIndex(of: UInt8(ascii: "]")), isIPLiteral(rest[(rest.startIndex + 1)..<end]) else { return false }
            rest = rest[(end + 1)...]
            guard rest.isEmpty || rest.first == UInt8(ascii: ":") else { return false }
        }
        let host = rest.prefix { $0 != UInt8(ascii: ":") }
        let port = rest[host.endIndex...].dropFirst()
        return isText(host, "", international) && port.allSatisfy { ASCII.isDigit($0) }
    }

    private static func isIPLiteral(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard let first = bytes.first, first | 0x20 == UInt8(ascii: "v") else { return AddressFormat.isIPv6(bytes) }
        guard let dot = bytes.firstIndex(of: UInt8(ascii: ".")) else { return false }
        let version = bytes[(bytes.startIndex + 1)..<dot], address = bytes[(dot + 1)...]
        return !version.isEmpty && version.allSatisfy { hexValue($0) != nil } && !address.isEmpty && !address.contains(UInt8(ascii: "%"))
            && isText(address, ":", false)
    }
}

/// URI templates of RFC 6570.
enum URITemplateFormat {
    static func isTemplate(_ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "{"):
                guard let end = rest.firstIndex(of: UInt8(ascii: "}")), isExpression(rest[..<end]) else { return false }
                rest = rest[(end + 1)...]
            case UInt8(ascii: "%"):
                guard let high = rest.popFirst(), let low = rest.popFirst(), hexValue(high) != nil, hexValue(low) != nil else { return false }
            case 0...0x20, 0x7f: return false
            default: if ASCII.isOne(byte, of: "\"'<>\\^`|}") { return false }
            }
        }
        return true
    }

    private static func isExpression(_ bytes: ArraySlice<UInt8>) -> Bool {
        var rest = bytes
        if let first = rest.first, ASCII.isOne(first, of: "+#./;?&=,!@|") { rest = rest.dropFirst() }
        return rest.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false).allSatisfy(isVariable)
    }

    private static func isVariable(_ bytes: ArraySlice<UInt8>) -> Bool {
        var name = bytes
        if name.last == UInt8(ascii: "*") {
            name = name.dropLast()
        } else if let colon = name.firstIndex(of: UInt8(ascii: ":")) {
            let length = name[(colon + 1)...]
            guard (1...4).contains(length.count), length.first != 0x30, length.allSatisfy({ ASCII.isDigit($0) }) else { return false }
            name = name[..<colon]
        }
        return name.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).allSatisfy { part in
            var rest = part
            guard !rest.isEmpty else { return false }
            while let byte = rest.popFirst() {
                if byte == UInt8(ascii: "%") {
                    guard let high = rest.popFirst(), let low = rest.popFirst(), hexValue(high) != nil, hexValue(low) != nil else { return false }
                } else if !ASCII.isAlphanumeric(byte), byte != UInt8(ascii: "_") {
                    return false
                }
            }
            return true
        }
    }
}
