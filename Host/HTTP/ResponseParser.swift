/// Reads replies out of bytes for the client: strict, no I/O. One parser reads one reply.
package struct ResponseParser: Sendable {
    private enum State: Sendable {
        /// Goes to any of the others.
        case head
        /// Goes to `over`.
        case body(remaining: Int)
        /// Goes to `over`.
        case chunked(ChunkedDecoder)
        /// Ends with the connection.
        case untilClose
        /// Nothing follows.
        case over
    }

    /// What to do next; counts are of bytes taken from the beginning.
    package enum Step: Sendable {
        case needMore
        case head(status: Int, headers: HTTPHeaders, taken: Int)
        case skip(taken: Int)
        case content(taken: Int)
        case end(taken: Int)
        case failure(HTTPFailure)
    }

    private let isHead: Bool
    private var state = State.head
    private var scanner = FieldScanner(bytesMax: HTTPLimits.headBytesMax)
    private var fields: [HTTPHeaders.Field] = []
    private var framing = Framing()
    private var status = 0
    private var minorVersion = 1

    /// `isHead` says that the request was HEAD, whose reply has no content.
    package init(isHead: Bool) { self.isHead = isHead }

    /// Whether the connection can carry another request after this reply.
    package var keepsAlive: Bool {
        if case .untilClose = state { return false }
        return !framing.closes && (minorVersion == 1 || framing.keepsAlive)
    }

    /// Whether the end of the connection now is the end of the content.
    package var endsWithConnection: Bool {
        if case .untilClose = state { true } else { false }
    }

    package mutating func advance(_ bytes: UnsafeBufferPointer<UInt8>) -> Step {
        switch state {
        case .head: return advanceHead(bytes)
        case .over: return .end(taken: 0)
        case .untilClose: return bytes.isEmpty ? .needMore : .content(taken: bytes.count)
        case .body(let remaining):
            if remaining == 0 {
                state = .over
                return .end(taken: 0)
            }
            if bytes.isEmpty { return .needMore }
            let count = min(remaining, bytes.count)
            state = .body(remaining: remaining - count)
            return .content(taken: count)
        case .chunked(var decoder):
            let step = decoder.advance(bytes)
            state = .chunked(decoder)
            switch step {
            case .needMore: return .needMore
            case .skip(let count): return .skip(taken: count)
            case .data(let count): return .content(taken: count)
            case .failure(let failure): return .failure(failure)
            case .end(let count):
                state = .over
                return .end(taken: count)
            }
        }
    }

    private mutating func advanceHead(_ bytes: UnsafeBufferPointer<UInt8>) -> Step {
        while true {
            switch scanner.next(bytes) {
            case .needMore: return .needMore
            case .failure(let failure): return .failure(failure)
            case .line(let start, let end):
                if status == 0 {
                    guard takeStatusLine(bytes, start, end) else { return .failure(HTTPFailure(502, "The status line is malformed.")) }
                } else if start == end {
                    return finish(bytes)
                } else {
                    if fields.count >= HTTPLimits.fieldsMax { return .failure(HTTPFailure(502, "The reply has too many fields.")) }
                    switch FieldScanner.field(bytes, start, end) {
                    case .failure(let failure): return .failure(failure)
                    case .success(let field):
                        fields.append(field)
                        if let failure = framing.take(field, in: bytes) { return .failure(failure) }
                    }
                }
            }
        }
    }

    private mutating func takeStatusLine(_ bytes: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int) -> Bool {
        guard end - start >= 12, bytes[start..<(start + 7)].elementsEqual("HTTP/1.".utf8), bytes[start + 8] == 0x20,
            bytes[start + 7] == 0x30 || bytes[start + 7] == 0x31, end - start == 12 || bytes[start + 12] == 0x20
        else { return false }
        minorVersion = Int(bytes[start + 7] - 0x30)
        for byte in bytes[(start + 9)..<(start + 12)] {
            guard byte >= 0x30 && byte <= 0x39 else { return false }
            status = status * 10 + Int(byte - 0x30)
        }
        return status >= 100
    }

    private mutating func finish(_ bytes: UnsafeBufferPointer<UInt8>) -> Step {
        let taken = scanner.position
        if status < 200 && status != 101 {
            // An interim reply; the final one follows.
            self = ResponseParser(isHead: isHead)
            return .skip(taken: taken)
        }
        let headers = HTTPHeaders(bytes: Array(bytes[..<taken]), fields: fields)
        if isHead || status == 204 || status == 304 {
            state = .over
        } else if framing.isChunked {
            state = .chunked(ChunkedDecoder())
        } else if let length = framing.contentLength {
            state = .body(remaining: length)
        } else {
            state = .untilClose
        }
        return .head(status: status, headers: headers, taken: taken)
    }
}
