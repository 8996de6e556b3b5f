/// What the fields of a head say about its body and its connection (RFC 9112, 6 and 9).
struct Framing: Sendable {
    private(set) var contentLength: Int?
    private(set) var isChunked = false
    private(set) var hasHost = false
    private(set) var hostStart = 0
    private(set) var hostEnd = 0
    private(set) var closes = false
    private(set) var keepsAlive = false
    private(set) var expectsContinue = false

    /// Takes one field; the answer is what is wrong with it.
    mutating func take(_ field: HTTPHeaders.Field, in bytes: UnsafeBufferPointer<UInt8>) -> HTTPFailure? {
        let name = UnsafeBufferPointer(rebasing: bytes[Int(field.nameStart)..<Int(field.nameEnd)])
        switch name.count {
        case 4 where Characters.equals(name, "host"): return takeHost(field, bytes)
        case 6 where Characters.equals(name, "expect"): return takeExpect(value(field, bytes))
        case 10 where Characters.equals(name, "connection"): return takeConnection(value(field, bytes))
        case 14 where Characters.equals(name, "content-length"): return takeLength(value(field, bytes))
        case 17 where Characters.equals(name, "transfer-encoding"): return takeEncoding(value(field, bytes))
        default: return nil
        }
    }

    private func value(_ field: HTTPHeaders.Field, _ bytes: UnsafeBufferPointer<UInt8>) -> UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(rebasing: bytes[Int(field.valueStart)..<Int(field.valueEnd)])
    }

    private mutating func takeHost(_ field: HTTPHeaders.Field, _ bytes: UnsafeBufferPointer<UInt8>) -> HTTPFailure? {
        if hasHost { return HTTPFailure(400, "There is more than one Host field.") }
        hasHost = true
        hostStart = Int(field.valueStart)
        hostEnd = Int(field.valueEnd)
        return Authority.isSound(value(field, bytes)) ? nil : HTTPFailure(400, "The Host field is not a host with an optional port.")
    }

    private mutating func takeLength(_ value: UnsafeBufferPointer<UInt8>) -> HTTPFailure? {
        if contentLength != nil { return HTTPFailure(400, "There is more than one Content-Length field.") }
        if isChunked { return HTTPFailure(400, "There are both Content-Length and Transfer-Encoding.") }
        guard !value.isEmpty, value.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else {
            return HTTPFailure(400, "Content-Length is not a decimal number.")
        }
        // Correct by RFC 9110, but nobody sends it, and some read it as octal.
        if value.count > 1 && value[0] == 0x30 { return HTTPFailure(400, "Content-Length begins with a zero.") }
        guard value.count <= 18 else { return HTTPFailure(413, "The body is larger than can be counted.") }
        contentLength = value.reduce(0) { $0 * 10 + Int($1 - 0x30) }
        return nil
    }

    private mutating func takeEncoding(_ value: UnsafeBufferPointer<UInt8>) -> HTTPFailure? {
        if isChunked { return HTTPFailure(400, "There is more than one Transfer-Encoding field.") }
        if contentLength != nil { return HTTPFailure(400, "There are both Content-Length and Transfer-Encoding.") }
        isChunked = true
        if Characters.equals(value, "chunked") { return nil }
        let codings = value.split(separator: 0x2c, omittingEmptySubsequences: false).map { Framing.trimmed(Array($0)) }
        let areTokens = codings.allSatisfy { coding in coding.withUnsafeBufferPointer { Characters.isToken($0) } }
        let chunkedCount = codings.count { coding in coding.withUnsafeBufferPointer { Characters.equals($0, "chunked") } }
        if !areTokens || chunkedCount > 1 { return HTTPFailure(400, "Transfer-Encoding is malformed.") }
        return HTTPFailure(501, "No transfer coding but chunked is understood.")
    }

    private mutating func takeConnection(_ value: UnsafeBufferPointer<UInt8>) -> HTTPFailure? {
        for part in value.split(separator: 0x2c) {
            Framing.trimmed(Array(part)).withUnsafeBufferPointer { token in
                if Characters.equals(token, "close") { closes = true }
                if Characters.equals(token, "keep-alive") { keepsAlive = true }
            }
        }
        return nil
    }

    private mutating func takeExpect(_ value: UnsafeBufferPointer<UInt8>) -> HTTPFailure? {
        guard Characters.equals(value, "100-continue") else { return HTTPFailure(417, "No expectation but 100-continue is understood.") }
        expectsContinue = true
        return nil
    }

    static func trimmed(_ bytes: [UInt8]) -> [UInt8] {
        let isBlank: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 }
        guard let first = bytes.firstIndex(where: { !isBlank($0) }), let last = bytes.lastIndex(where: { !isBlank($0) }) else { return [] }
        return Array(bytes[first...last])
    }
}

/// The host and port of a Host field or of an absolute target.
enum Authority {
    /// Whether it is a name, an IPv4 or a bracketed IPv6 address, with an optional port.
    static func isSound(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        var end = 0
        if bytes.first == 0x5b {
            guard let close = bytes.firstIndex(of: 0x5d), close > 1 else { return false }
            for byte in bytes[1..<close] where Characters.hexValue(byte) == nil && byte != 0x3a && byte != 0x2e { return false }
            end = close + 1
        } else {
            while end < bytes.count && isNameByte(bytes[end]) { end += 1 }
            if end == 0 || end > 255 { return false }
        }
        if end == bytes.count { return true }
        guard bytes[end] == 0x3a else { return false }
        let port = bytes[(end + 1)...]
        guard port.count <= 5, port.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return false }
        return port.reduce(0) { $0 * 10 + Int($1 - 0x30) } <= 65535
    }

    @inline(__always)
    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x2e, 0x5f, 0x7e: true
        default: false
        }
    }
}
