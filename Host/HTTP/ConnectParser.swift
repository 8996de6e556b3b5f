/// Reads one CONNECT request (RFC 9110, 9.3.6) and nothing else: for a proxy, strict, no I/O.
///
/// The caller gives all bytes that have come, from the beginning, as often as more come. After a target or a failure the request is over.
package struct ConnectParser: Sendable {
    /// What to do next.
    package enum Step: Sendable, Hashable {
        /// The head's end has not come yet.
        case needMore
        /// The target as it was sent, an authority by its form; whoever judges it reads it.
        case connect(target: String)
        case failure(HTTPFailure)
    }

    private var scanner: FieldScanner
    private var line: RequestLine.Parts?
    private var fieldCount = 0
    private var framing = Framing()

    /// Takes heads of at most `headBytesMax` bytes.
    package init(headBytesMax: Int = HTTPLimits.connectHeadBytesMax) { scanner = FieldScanner(bytesMax: headBytesMax) }

    /// Looks at `bytes`, all that have come so far.
    package mutating func advance(_ bytes: UnsafeBufferPointer<UInt8>) -> Step {
        // What can never become a request is refused without waiting for its line to end.
        if line == nil, let first = bytes.first, !Characters.isToken(first) { return .failure(HTTPFailure(400, "This is not an HTTP request.")) }
        while true {
            switch scanner.next(bytes) {
            case .needMore: return .needMore
            case .failure(let failure): return .failure(failure)
            case .line(let start, let end):
                if start == end { return finish(bytes) }
                if let failure = take(bytes, start, end) { return .failure(failure) }
            }
        }
    }

    private mutating func take(_ bytes: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int) -> HTTPFailure? {
        guard line != nil else { return takeRequestLine(bytes, start, end) }
        fieldCount += 1
        if fieldCount > HTTPLimits.fieldsMax { return HTTPFailure(431, "There are too many fields.") }
        switch FieldScanner.field(bytes, start, end) {
        case .failure(let failure): return failure
        case .success(let field): return framing.take(field, in: bytes)
        }
    }

    private mutating func takeRequestLine(_ bytes: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int) -> HTTPFailure? {
        switch RequestLine.split(bytes, start, end) {
        case .failure(let failure): return failure
        case .success(let parts):
            guard HTTPMethod(UnsafeBufferPointer(rebasing: bytes[start..<parts.methodEnd])) == .connect else {
                return HTTPFailure(
                    405, "Only CONNECT is served here. Set https_proxy for https; for plain http make the client tunnel too (curl --proxytunnel).")
            }
            line = parts
            return nil
        }
    }

    private func finish(_ bytes: UnsafeBufferPointer<UInt8>) -> Step {
        guard let line else { return .failure(HTTPFailure(400, "The request line is missing.")) }
        if framing.contentLength != nil || framing.isChunked || framing.expectsContinue {
            return .failure(HTTPFailure(400, "CONNECT has no body."))
        }
        let target = bytes[line.targetStart..<line.targetEnd]
        if line.minorVersion == 1 && !framing.hasHost { return .failure(HTTPFailure(400, "The Host field is missing.")) }
        if framing.hasHost {
            let host = bytes[framing.hostStart..<framing.hostEnd]
            let isSame = host.elementsEqual(target) { Characters.lower($0) == Characters.lower($1) }
            if !isSame { return .failure(HTTPFailure(400, "The Host field differs from the request target.")) }
        }
        // Whatever came with the head was sent before anybody said that it goes to the target.
        if bytes.count > scanner.position { return .failure(HTTPFailure(400, "Bytes came before the answer.")) }
        return .connect(target: String(decoding: target, as: UTF8.self))
    }
}
