/// Mailboxes of RFC 5321 section 4.1.2, and international ones of RFC 6531.
enum EmailFormat {
    static func isEmail(_ bytes: [UInt8], international: Bool) -> Bool {
        guard bytes.count <= 320, let at = bytes.lastIndex(of: UInt8(ascii: "@")), at > 0, at <= 64 || international else { return false }
        return isLocalPart(bytes[..<at], international) && isDomain(Array(bytes[(at + 1)...]), international)
    }

    private static func isLocalPart(_ bytes: ArraySlice<UInt8>, _ international: Bool) -> Bool {
        let quote = UInt8(ascii: "\"")
        if bytes.first == quote {
            guard bytes.count >= 2, bytes.last == quote else { return false }
            return isQuoted(bytes.dropFirst().dropLast(), international)
        }
        return bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).allSatisfy { atom in
            !atom.isEmpty
                && atom.allSatisfy {
                    ASCII.isAlphanumeric($0) || ASCII.isOne($0, of: "!#$%&'*+-/=?^_`{|}~") || international && $0 >= 0x80
                }
        }
    }

    private static func isQuoted(_ bytes: ArraySlice<UInt8>, _ international: Bool) -> Bool {
        var isEscaped = false
        for byte in bytes {
            guard (0x20...0x7e).contains(byte) || international && byte >= 0x80 else { return false }
            if isEscaped {
                isEscaped = false
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if byte == UInt8(ascii: "\"") {
                return false
            }
        }
        return !isEscaped
    }

    private static func isDomain(_ bytes: [UInt8], _ international: Bool) -> Bool {
        if bytes.first == UInt8(ascii: "["), bytes.last == UInt8(ascii: "]") {
            let literal = bytes.dropFirst().dropLast()
            let tag = Array("IPv6:".utf8)
            return literal.starts(with: tag) ? AddressFormat.isIPv6(literal.dropFirst(tag.count)) : AddressFormat.isIPv4(literal)
        }
        return international ? HostFormat.isInternationalHostname(String(decoding: bytes, as: UTF8.self)) : HostFormat.isHostname(bytes)
    }
}
