/// Turns replies into bytes; no I/O.
struct ResponseWriter: Sendable {
    /// How the end of the content is told.
    enum Framing: Hashable, Sendable {
        case length(Int)
        case chunked
        /// The connection's end (HTTP/1.0).
        case close
        /// There is no content and no length (1xx, 204, 304).
        case none
        /// Frames follow (101).
        case webSocket
    }

    /// Fields of every reply, ready to send, and their names to look for replacements.
    private let defaults: [(name: String, line: [UInt8])]
    private let defaultBlock: [UInt8]

    init(defaults headers: HTTPHeaders) {
        defaults = headers.pairs.map { ($0.name, Array("\($0.name): \($0.value)\r\n".utf8)) }
        defaultBlock = defaults.flatMap { $0.line }
    }

    /// Appends a head to `out`.
    func head(
        _ out: inout [UInt8], status: Int, headers: HTTPHeaders, framing: Framing, keepsAlive: Bool, minorVersion: Int, requestID: String,
        date: [UInt8]
    ) {
        ResponseWriter.statusLine(&out, status)
        appendDefaults(&out, replacedBy: headers)
        headers.bytes.withUnsafeBufferPointer { bytes in
            for field in headers.fields where !ResponseWriter.isOurs(field, bytes) {
                out.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[Int(field.nameStart)..<Int(field.nameEnd)]))
                ResponseWriter.append(&out, ": ")
                out.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[Int(field.valueStart)..<Int(field.valueEnd)]))
                ResponseWriter.append(&out, "\r\n")
            }
        }
        ResponseWriter.append(&out, "Date: ")
        out.append(contentsOf: date)
        ResponseWriter.append(&out, "\r\nX-Request-Id: ")
        out.append(contentsOf: requestID.utf8)
        switch framing {
        case .length(let count):
            ResponseWriter.append(&out, "\r\nContent-Length: ")
            ResponseWriter.append(&out, count)
        case .chunked: ResponseWriter.append(&out, "\r\nTransfer-Encoding: chunked")
        case .webSocket: ResponseWriter.append(&out, "\r\nConnection: Upgrade\r\nUpgrade: websocket")
        case .close, .none: break
        }
        if !keepsAlive {
            ResponseWriter.append(&out, "\r\nConnection: close")
        } else if minorVersion == 0 {
            ResponseWriter.append(&out, "\r\nConnection: keep-alive")
        }
        ResponseWriter.append(&out, "\r\n\r\n")
    }

    private static func statusLine(_ out: inout [UInt8], _ status: Int) {
        if status == 200 { return append(&out, "HTTP/1.1 200 OK\r\n") }
        append(&out, "HTTP/1.1 ")
        append(&out, min(999, max(100, status)))
        append(&out, " ")
        append(&out, HTTPStatus.reason(status))
        append(&out, "\r\n")
    }

    private func appendDefaults(_ out: inout [UInt8], replacedBy headers: HTTPHeaders) {
        if !defaults.contains(where: { headers.contains($0.name) }) { return out.append(contentsOf: defaultBlock) }
        for (name, line) in defaults where !headers.contains(name) { out.append(contentsOf: line) }
    }

    /// Fields that only the server writes.
    private static func isOurs(_ field: HTTPHeaders.Field, _ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        let name = UnsafeBufferPointer(rebasing: bytes[Int(field.nameStart)..<Int(field.nameEnd)])
        return switch name.count {
        case 4: Characters.equals(name, "date")
        case 10: Characters.equals(name, "connection")
        case 12: Characters.equals(name, "x-request-id")
        case 14: Characters.equals(name, "content-length")
        case 17: Characters.equals(name, "transfer-encoding")
        default: false
        }
    }

    /// Appends one chunk; an empty one would end the body and is left out.
    static func chunk(_ out: inout [UInt8], _ bytes: [UInt8]) {
        if bytes.isEmpty { return }
        out.append(contentsOf: String(bytes.count, radix: 16).utf8)
        append(&out, "\r\n")
        out.append(contentsOf: bytes)
        append(&out, "\r\n")
    }

    static func lastChunk(_ out: inout [UInt8], _ trailers: HTTPHeaders = HTTPHeaders()) {
        append(&out, "0\r\n")
        for (name, value) in trailers.pairs { out.append(contentsOf: "\(name): \(value)\r\n".utf8) }
        append(&out, "\r\n")
    }

    @inline(__always)
    static func append(_ out: inout [UInt8], _ text: StaticString) {
        out.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    static func append(_ out: inout [UInt8], _ number: Int) {
        if number < 10 { return out.append(0x30 + UInt8(number)) }
        append(&out, number / 10)
        out.append(0x30 + UInt8(number % 10))
    }

    /// The present time as RFC 9110, 5.6.7 wants it.
    static func dateNow() -> [UInt8] { HTTPDate.now().bytes }
}
