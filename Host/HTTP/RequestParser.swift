/// Reads requests out of bytes: strict HTTP/1.1 (RFC 9112), no I/O.
///
/// The caller gives the bytes that no step has taken yet, from their beginning, as often as more come; how they were split
/// over reads changes nothing. After a failure the connection is over.
package struct RequestParser: Sendable {
    private enum State: Sendable {
        /// Goes to `body` or `chunked`, or to itself after a request without a body.
        case head(Head)
        /// Goes to `head`.
        case body(remaining: Int)
        /// Goes to `head`.
        case chunked(ChunkedDecoder)
        /// Nothing follows.
        case failed(HTTPFailure)
    }

    /// What is known of a head whose end has not come yet.
    private struct Head: Sendable {
        var scanner: FieldScanner
        var line: RequestLine?
        var fields: [HTTPHeaders.Field] = []
        var framing = Framing()
        var hasSkippedBlank = false

        init(_ bytesMax: Int) { scanner = FieldScanner(bytesMax: bytesMax) }
    }

    /// What to do next; counts are of bytes taken from the beginning.
    package enum Step: Sendable {
        /// Nothing can be taken before more comes.
        case needMore
        /// A head; its body, if any, follows in further steps, then `end`.
        case head(HTTPRequestHead, taken: Int)
        /// Framing only.
        case skip(taken: Int)
        /// All taken bytes are content.
        case content(taken: Int)
        /// The request is complete.
        case end(taken: Int)
        case failure(HTTPFailure)
    }

    private let headBytesMax: Int
    private var state: State
    /// The fields behind the last chunked body that was complete.
    package private(set) var trailers = HTTPHeaders()

    /// Takes heads of at most `headBytesMax` bytes: request line and fields together.
    package init(headBytesMax: Int = HTTPLimits.headBytesMax) {
        self.headBytesMax = headBytesMax
        state = .head(Head(headBytesMax))
    }

    /// Whether nothing of the next request has been seen.
    package var isAtStart: Bool {
        if case .head(let head) = state { return head.line == nil && !head.hasSkippedBlank }
        return false
    }

    /// Takes the next step over `bytes`.
    package mutating func advance(_ bytes: UnsafeBufferPointer<UInt8>) -> Step {
        switch state {
        case .failed(let failure): return .failure(failure)
        case .head(var head):
            state = .head(Head(headBytesMax))
            return advanceHead(&head, bytes)
        case .body(let remaining):
            if remaining == 0 {
                state = .head(Head(headBytesMax))
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
            case .end(let count):
                state = .head(Head(headBytesMax))
                trailers = HTTPHeaders(bytes: decoder.trailers.isEmpty ? [] : Array(bytes[..<count]), fields: decoder.trailers)
                return .end(taken: count)
            case .failure(let failure): return fail(failure)
            }
        }
    }

    private mutating func fail(_ failure: HTTPFailure) -> Step {
        state = .failed(failure)
        return .failure(failure)
    }

    private mutating func advanceHead(_ head: inout Head, _ bytes: UnsafeBufferPointer<UInt8>) -> Step {
        while true {
            if let failure = RequestParser.earlyFailure(head, bytes) { return fail(failure) }
            switch head.scanner.next(bytes) {
            case .needMore:
                state = .head(head)
                return .needMore
            case .failure(let failure):
                let isTargetLong = failure.status == 431 && head.line == nil
                return fail(isTargetLong ? HTTPFailure(414, "The request target is too long.") : failure)
            case .line(let start, let end):
                if let failure = takeLine(&head, bytes, start, end) { return fail(failure) }
                if start == end && head.line != nil { return finish(head, bytes) }
            }
        }
    }

    /// What can never become a request is refused without waiting for its line to end.
    private static func earlyFailure(_ head: Head, _ bytes: UnsafeBufferPointer<UInt8>) -> HTTPFailure? {
        guard head.line == nil, bytes.count > head.scanner.position else { return nil }
        let first = bytes[head.scanner.position]
        return Characters.isToken(first) || first == 0x0d ? nil : HTTPFailure(400, "The request line is malformed.")
    }

    private func takeLine(_ head: inout Head, _ bytes: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int) -> HTTPFailure? {
        guard head.line != nil else {
            if start == end {
                // One empty line before a request is forgiven (RFC 9112, 2.2).
                if head.hasSkippedBlank { return HTTPFailure(400, "There is more than one empty line before the request.") }
                head.hasSkippedBlank = true
                return nil
            }
            switch RequestLine.parse(bytes, start, end) {
            case .failure(let failure): return failure
            case .success(let line): head.line = line
            }
            head.fields.reserveCapacity(12)
            return nil
        }
        if start == end { return nil }
        if head.fields.count >= HTTPLimits.fieldsMax { return HTTPFailure(431, "There are too many fields.") }
        switch FieldScanner.field(bytes, start, end) {
        case .failure(let failure): return failure
        case .success(let field):
            head.fields.append(field)
            return head.framing.take(field, in: bytes)
        }
    }

    private mutating func finish(_ head: Head, _ bytes: UnsafeBufferPointer<UInt8>) -> Step {
        guard let line = head.line else { return fail(HTTPFailure(400, "The request line is missing.")) }
        if let failure = RequestParser.check(line, head.framing, bytes) { return fail(failure) }
        let framing = head.framing
        let taken = head.scanner.position
        if !trailers.fields.isEmpty { trailers = HTTPHeaders() }
        let storage = Array(UnsafeBufferPointer(rebasing: bytes[..<taken]))
        if !line.isPlain && !RequestParser.isSoundTarget(line, storage) {
            return fail(HTTPFailure(400, "The request target is not well encoded."))
        }
        let length: Int? = framing.isChunked ? nil : framing.contentLength ?? 0
        let keepsAlive = !framing.closes && (line.minorVersion == 1 || framing.keepsAlive)
        state = framing.isChunked ? .chunked(ChunkedDecoder()) : .body(remaining: framing.contentLength ?? 0)
        return .head(
            HTTPRequestHead(
                method: line.method, headers: HTTPHeaders(bytes: storage, fields: head.fields), contentLength: length,
                keepsAlive: keepsAlive, expectsContinue: framing.expectsContinue && line.minorVersion == 1 && length != 0,
                minorVersion: line.minorVersion, targetStart: line.targetStart, targetEnd: line.targetEnd, pathStart: line.pathStart,
                pathEnd: line.pathEnd, isPlain: line.isPlain), taken: taken)
    }

    /// What only the whole head shows.
    private static func check(_ line: RequestLine, _ framing: Framing, _ bytes: UnsafeBufferPointer<UInt8>) -> HTTPFailure? {
        if line.minorVersion == 1 && !framing.hasHost { return HTTPFailure(400, "The Host field is missing.") }
        if line.minorVersion == 0 && framing.isChunked { return HTTPFailure(400, "HTTP/1.0 has no Transfer-Encoding.") }
        if line.method == .trace && (framing.isChunked || framing.contentLength ?? 0 > 0) { return HTTPFailure(400, "TRACE has no body.") }
        guard !line.authority.isEmpty, framing.hasHost else { return nil }
        let host = bytes[framing.hostStart..<framing.hostEnd]
        let isSame = host.elementsEqual(bytes[line.authority]) { Characters.lower($0) == Characters.lower($1) }
        return isSame ? nil : HTTPFailure(400, "The Host field differs from the request target.")
    }

    private static func isSoundTarget(_ line: RequestLine, _ bytes: [UInt8]) -> Bool {
        let query = bytes[min(line.pathEnd + 1, line.targetEnd)..<line.targetEnd]
        return PercentCoding.isSoundPath(bytes[line.pathStart..<line.pathEnd]) && FormCoding.fields(query) != nil
    }
}
