/// The header fields of a plugin's request, checked before any of them is sent.
package enum EgressHeaders {
    /// What belongs to the proxy: framing, the connection, the target's name, and what speaks to proxies.
    private static let reserved: Set<String> = [
        "host", "content-length", "transfer-encoding", "connection", "keep-alive", "te", "trailer", "upgrade", "expect", "via", "forwarded",
        "http2-settings", "max-forwards",
    ]

    /// What is left behind when a redirect leads to another origin (WHATWG Fetch, HTTP-redirect fetch, and what else carries a session).
    package static let credentials: Set<String> = ["authorization", "cookie", "cookie2", "proxy-authorization", "www-authenticate"]

    /// Checks names (RFC 9110 section 5.1), values (section 5.5, without obs-text), and who may set them.
    package static func check(_ fields: [(name: String, value: String)]) throws(EgressRefusal) {
        guard fields.count <= Limits.fieldsMax else { throw .fieldsTooMany }
        var bytes = 0
        for field in fields {
            try check(name: field.name)
            try check(value: field.value)
            bytes += field.name.utf8.count + field.value.utf8.count
        }
        guard bytes <= Limits.fieldBytesMax else { throw .fieldsTooMany }
    }

    private static func check(name: String) throws(EgressRefusal) {
        let bytes = name.utf8
        guard (1...Limits.fieldNameBytesMax).contains(bytes.count), bytes.allSatisfy(Characters.isToken) else { throw .fieldName }
        let lower = String(decoding: bytes.map(Characters.lower), as: UTF8.self)
        guard !reserved.contains(lower), !lower.hasPrefix("proxy-"), !lower.hasPrefix("x-forwarded-") else { throw .fieldForbidden }
    }

    private static func check(value: String) throws(EgressRefusal) {
        let bytes = value.utf8
        let isBlank = { (byte: UInt8) in byte == 0x20 || byte == 0x09 }
        guard bytes.allSatisfy({ (0x20...0x7e).contains($0) || $0 == 0x09 }) else { throw .fieldValue }
        if let first = bytes.first, let last = bytes.last, isBlank(first) || isBlank(last) { throw .fieldValue }
    }
}
