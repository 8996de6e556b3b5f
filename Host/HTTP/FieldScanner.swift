import Glibc

/// Finds the lines of a head or trailer section in bytes that always begin at the section's start, and checks each once.
struct FieldScanner: Sendable {
    /// What the next line is.
    enum Line {
        case needMore
        /// The line between these offsets, without its CRLF.
        case line(start: Int, end: Int)
        case failure(HTTPFailure)
    }

    let bytesMax: Int
    /// Where the next line begins.
    private(set) var position = 0
    /// How far the search for its end has come.
    private var searched = 0

    init(bytesMax: Int) { self.bytesMax = bytesMax }

    mutating func next(_ bytes: UnsafeBufferPointer<UInt8>) -> Line {
        guard let base = bytes.baseAddress, searched < bytes.count else { return unfinished(bytes) }
        guard let found = memchr(base + searched, 0x0a, bytes.count - searched) else {
            searched = bytes.count
            return unfinished(bytes)
        }
        let end = UnsafeRawPointer(base).distance(to: UnsafeRawPointer(found))
        if end + 1 > bytesMax { return .failure(FieldScanner.tooLong) }
        guard end > position, bytes[end - 1] == 0x0d else { return .failure(HTTPFailure(400, "A line ends with a bare line feed.")) }
        let start = position
        position = end + 1
        searched = position
        return .line(start: start, end: end - 1)
    }

    private static var tooLong: HTTPFailure { HTTPFailure(431, "The fields are too large.") }

    private func unfinished(_ bytes: UnsafeBufferPointer<UInt8>) -> Line {
        bytes.count >= bytesMax ? .failure(FieldScanner.tooLong) : .needMore
    }

    /// Splits and checks one field line.
    static func field(_ bytes: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int) -> Result<HTTPHeaders.Field, HTTPFailure> {
        if bytes[start] == 0x20 || bytes[start] == 0x09 { return .failure(HTTPFailure(400, "A field is folded over lines.")) }
        var nameEnd = start
        while nameEnd < end && Characters.isToken(bytes[nameEnd]) { nameEnd += 1 }
        guard nameEnd > start, nameEnd < end, bytes[nameEnd] == 0x3a else {
            return .failure(HTTPFailure(400, "A field name is not a token followed by a colon."))
        }
        var valueStart = nameEnd + 1
        var valueEnd = end
        while valueStart < valueEnd && isBlank(bytes[valueStart]) { valueStart += 1 }
        while valueEnd > valueStart && isBlank(bytes[valueEnd - 1]) { valueEnd -= 1 }
        for index in valueStart..<valueEnd where !Characters.isFieldValue(bytes[index]) {
            return .failure(HTTPFailure(400, "A field value holds a control character."))
        }
        return .success(
            HTTPHeaders.Field(
                nameStart: UInt32(start), nameEnd: UInt32(nameEnd), valueStart: UInt32(valueStart), valueEnd: UInt32(valueEnd)))
    }

    @inline(__always)
    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
}
