/// A request line, taken apart and checked (RFC 9112, 3).
struct RequestLine: Sendable {
    let method: HTTPMethod
    let minorVersion: Int
    let targetStart: Int
    let targetEnd: Int
    let pathStart: Int
    let pathEnd: Int
    /// The authority of an absolute target, empty otherwise.
    let authority: Range<Int>
    /// Whether the target has no percent sign.
    let isPlain: Bool

    /// A request line in its three parts, before anybody asked what the method and the form of the target are.
    struct Parts: Sendable {
        let methodEnd: Int
        let targetStart: Int
        let targetEnd: Int
        let minorVersion: Int
        /// Where the target's first question mark is; -1 without one.
        let question: Int
        /// Whether the target has no percent sign.
        let isPlain: Bool
    }

    /// Takes a line apart at its two spaces.
    static func split(_ bytes: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int) -> Result<Parts, HTTPFailure> {
        var methodEnd = start
        while methodEnd < end && Characters.isToken(bytes[methodEnd]) { methodEnd += 1 }
        guard methodEnd > start, methodEnd < end, bytes[methodEnd] == 0x20 else { return .failure(malformed) }
        let targetStart = methodEnd + 1
        var targetEnd = targetStart
        var question = -1
        var isPlain = true
        while targetEnd < end && Characters.isVisible(bytes[targetEnd]) {
            switch bytes[targetEnd] {
            case 0x3f where question < 0: question = targetEnd
            case 0x25: isPlain = false
            case 0x23: return .failure(HTTPFailure(400, "The request target has a fragment."))
            default: break
            }
            targetEnd += 1
        }
        if targetEnd - targetStart > HTTPLimits.targetBytesMax { return .failure(HTTPFailure(414, "The request target is too long.")) }
        guard targetEnd > targetStart, targetEnd < end, bytes[targetEnd] == 0x20 else { return .failure(malformed) }
        return version(bytes, targetEnd + 1, end).map {
            Parts(
                methodEnd: methodEnd, targetStart: targetStart, targetEnd: targetEnd, minorVersion: $0, question: question, isPlain: isPlain)
        }
    }

    static func parse(_ bytes: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int) -> Result<RequestLine, HTTPFailure> {
        let parts: Parts
        switch split(bytes, start, end) {
        case .success(let found): parts = found
        case .failure(let failure): return .failure(failure)
        }
        guard let method = HTTPMethod(UnsafeBufferPointer(rebasing: bytes[start..<parts.methodEnd])), method != .connect else {
            return .failure(HTTPFailure(501, "The method is not implemented."))
        }
        let pathEnd = parts.question < 0 ? parts.targetEnd : parts.question
        guard let (pathStart, authority) = form(bytes, method, parts.targetStart, parts.targetEnd, pathEnd) else {
            return .failure(HTTPFailure(400, "The request target is malformed."))
        }
        return .success(
            RequestLine(
                method: method, minorVersion: parts.minorVersion, targetStart: parts.targetStart, targetEnd: parts.targetEnd,
                pathStart: pathStart, pathEnd: pathEnd, authority: authority, isPlain: parts.isPlain))
    }

    private static var malformed: HTTPFailure { HTTPFailure(400, "The request line is malformed.") }

    /// Exactly `HTTP/1.1` or `HTTP/1.0`; other digits are 505.
    private static func version(_ bytes: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int) -> Result<Int, HTTPFailure> {
        let isDigit: (UInt8) -> Bool = { $0 >= 0x30 && $0 <= 0x39 }
        guard end - start == 8, bytes[start] == 0x48, bytes[start + 1] == 0x54, bytes[start + 2] == 0x54, bytes[start + 3] == 0x50,
            bytes[start + 4] == 0x2f, isDigit(bytes[start + 5]), bytes[start + 6] == 0x2e, isDigit(bytes[start + 7])
        else { return .failure(HTTPFailure(400, "The request line is malformed.")) }
        guard bytes[start + 5] == 0x31, bytes[start + 7] <= 0x31 else {
            return .failure(HTTPFailure(505, "Only HTTP/1.1 and HTTP/1.0 are spoken here."))
        }
        return .success(Int(bytes[start + 7] - 0x30))
    }

    /// Where the path begins and which authority the target names; nil when it has no form that fits the method.
    private static func form(
        _ bytes: UnsafeBufferPointer<UInt8>, _ method: HTTPMethod, _ start: Int, _ end: Int, _ pathEnd: Int
    ) -> (Int, Range<Int>)? {
        if bytes[start] == 0x2f { return (start, start..<start) }
        if bytes[start] == 0x2a { return end == start + 1 && method == .options ? (start, start..<start) : nil }
        for scheme in ["http://", "https://"] as [StaticString] where end - start > scheme.utf8CodeUnitCount {
            let length = scheme.utf8CodeUnitCount
            guard Characters.equals(UnsafeBufferPointer(rebasing: bytes[start..<(start + length)]), scheme) else { continue }
            var authorityEnd = start + length
            while authorityEnd < pathEnd && bytes[authorityEnd] != 0x2f { authorityEnd += 1 }
            let authority = (start + length)..<authorityEnd
            return Authority.isSound(UnsafeBufferPointer(rebasing: bytes[authority])) ? (authorityEnd, authority) : nil
        }
        return nil
    }
}
