/// Takes the chunked coding off a body (RFC 9112, 7.1); strict, and without I/O.
struct ChunkedDecoder: Sendable {
    private enum State: Sendable {
        /// Goes to `data`, or to `trailers` after the last chunk.
        case size
        /// Goes to `dataEnd`.
        case data(remaining: Int)
        /// Goes to `size`.
        case dataEnd
        /// Nothing follows.
        case trailers(FieldScanner)
    }

    /// What to do with the bytes that were given.
    enum Step {
        /// Nothing can be taken before more comes.
        case needMore
        /// Framing was taken.
        case skip(Int)
        /// So many bytes of content were taken.
        case data(Int)
        /// The body has ended after so many more bytes.
        case end(Int)
        case failure(HTTPFailure)
    }

    private var state = State.size
    /// The trailer fields that have come; their offsets count from where the trailer section begins.
    private(set) var trailers: [HTTPHeaders.Field] = []

    /// Looks at `bytes`, which begin where the last step ended.
    mutating func advance(_ bytes: UnsafeBufferPointer<UInt8>) -> Step {
        switch state {
        case .size: return size(bytes)
        case .data(let remaining):
            if bytes.isEmpty { return .needMore }
            let count = min(remaining, bytes.count)
            state = count == remaining ? .dataEnd : .data(remaining: remaining - count)
            return .data(count)
        case .dataEnd:
            if bytes.isEmpty { return .needMore }
            if bytes[0] != 0x0d || (bytes.count > 1 && bytes[1] != 0x0a) { return bad("A chunk is longer than its size.") }
            if bytes.count < 2 { return .needMore }
            state = .size
            return .skip(2)
        case .trailers(let scanner): return takeTrailers(bytes, scanner)
        }
    }

    private func bad(_ message: StaticString) -> Step { .failure(HTTPFailure(400, message)) }

    private mutating func size(_ bytes: UnsafeBufferPointer<UInt8>) -> Step {
        var value = 0
        var index = 0
        while index < bytes.count, let digit = Characters.hexValue(bytes[index]) {
            if index >= HTTPLimits.chunkDigitsMax { return bad("A chunk size has too many digits.") }
            value = value << 4 | Int(digit)
            index += 1
        }
        if index == bytes.count { return .needMore }
        if index == 0 { return bad("A chunk size is not a hexadecimal number.") }
        // Extensions are checked and dropped; they never change the framing.
        if bytes[index] == 0x3b {
            while index < bytes.count && Characters.isFieldValue(bytes[index]) {
                index += 1
                if index > HTTPLimits.chunkLineBytesMax { return bad("A chunk extension is too long.") }
            }
            if index == bytes.count { return .needMore }
        }
        guard bytes[index] == 0x0d else { return bad("A chunk-size line is malformed.") }
        if index + 1 == bytes.count { return .needMore }
        guard bytes[index + 1] == 0x0a else { return bad("A chunk-size line is malformed.") }
        if value == 0 {
            state = .trailers(FieldScanner(bytesMax: HTTPLimits.trailerBytesMax))
        } else {
            state = .data(remaining: value)
        }
        return .skip(index + 2)
    }

    private mutating func takeTrailers(_ bytes: UnsafeBufferPointer<UInt8>, _ start: FieldScanner) -> Step {
        var scanner = start
        while true {
            switch scanner.next(bytes) {
            case .needMore:
                state = .trailers(scanner)
                return .needMore
            case .failure(let failure): return .failure(failure)
            case .line(let start, let end) where start == end: return .end(scanner.position)
            case .line(let start, let end):
                if trailers.count >= HTTPLimits.fieldsMax { return .failure(HTTPFailure(431, "There are too many trailer fields.")) }
                switch FieldScanner.field(bytes, start, end) {
                case .failure(let failure): return .failure(failure)
                case .success(let field):
                    let name = UnsafeBufferPointer(rebasing: bytes[Int(field.nameStart)..<Int(field.nameEnd)])
                    if ChunkedDecoder.forbidden.contains(where: { Characters.equals(name, $0) }) {
                        return bad("A trailer field may not change the framing, the routing or who asks.")
                    }
                    trailers.append(field)
                }
            }
        }
    }

    /// What must be known before a body is read (RFC 9110, 6.5.1).
    private static let forbidden: [StaticString] = [
        "content-length", "transfer-encoding", "host", "connection", "expect", "trailer", "te", "upgrade", "content-encoding", "content-type",
        "content-range", "authorization", "cookie", "x-session", "idempotency-key", "x-request-id", "traceparent",
    ]
}
