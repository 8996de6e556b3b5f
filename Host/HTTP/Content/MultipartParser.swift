import Glibc

/// Reads `multipart/form-data` (RFC 7578) as it comes: strict, bounded, no I/O, and nothing is mended.
///
/// Give it a piece with `feed`, take events with `next` until there is none, give the next piece; `finish` when the body has ended. How the body
/// was split over pieces changes nothing but the size of the content's pieces. After an error the body is over.
package struct MultipartParser: Sendable {
    private enum State: Sendable {
        /// The first delimiter, of which so many bytes have come; goes to `tail`.
        case start(matched: Int)
        /// What follows a delimiter; goes to `head`, or to `close` after the first hyphen.
        case tail(sawReturn: Bool)
        /// Goes to `epilogue`.
        case close
        /// A part's fields; goes to `content`.
        case head
        /// So many bytes of the next delimiter have come and may still turn out to be content; goes to itself and to `tail`.
        case content(matched: Int)
        /// Nothing, or one line end; goes to `ended`.
        case epilogue(count: Int)
        /// Nothing follows.
        case ended
    }

    private let limits: MultipartLimits
    /// CR LF hyphen hyphen boundary. A boundary holds no CR, so a broken match can begin anew at its end only.
    private let delimiter: [UInt8]
    private var state = State.start(matched: 2)
    private var piece: ArraySlice<UInt8> = []
    private var head: [UInt8] = []
    private var isFile = false
    private var partBytes = 0
    private var partCount = 0
    private var byteCount = 0

    /// - Parameter boundary: from the Content-Type, see `MultipartBoundary`.
    package init(boundary: MultipartBoundary, limits: MultipartLimits = MultipartLimits()) {
        self.limits = limits
        delimiter = Array("\r\n--".utf8) + boundary.bytes
    }

    /// Gives the next bytes of the body; the ones before must have been taken.
    package mutating func feed(_ bytes: [UInt8]) {
        precondition(piece.isEmpty, "`next` is called until there is nothing")
        piece = bytes[...]
        byteCount += bytes.count
    }

    /// The next event; nil when it takes more bytes to tell, or the body is over.
    package mutating func next() throws(HTTPFailure) -> MultipartEvent? {
        if byteCount > limits.bytesMax { throw HTTPFailure(413, "The form is larger than this route takes.") }
        while let byte = piece.first {
            switch state {
            case .start(let matched): try start(byte, matched)
            case .tail(let sawReturn): try tail(byte, sawReturn)
            case .close:
                if byte != 0x2d { throw MultipartParser.malformed }
                piece.removeFirst()
                state = .epilogue(count: 0)
                return .end
            case .head:
                if let event = try takeHead() { return event }
            case .content(let matched):
                if let event = try takeContent(matched) { return event }
            case .epilogue(let count):
                guard count < 2, byte == [0x0d, 0x0a][count] else { throw HTTPFailure(400, "Something follows the end of the form.") }
                piece.removeFirst()
                state = count == 1 ? .ended : .epilogue(count: 1)
            case .ended: throw HTTPFailure(400, "Something follows the end of the form.")
            }
        }
        return nil
    }

    /// Says that the body has ended; throws when the form has not.
    package func finish() throws(HTTPFailure) {
        switch state {
        case .ended, .epilogue(count: 0): return
        default: throw HTTPFailure(400, "The form ends before its last boundary.")
        }
    }

    private static var malformed: HTTPFailure { HTTPFailure(400, "A boundary is followed by something else than a line end or two hyphens.") }

    private mutating func start(_ byte: UInt8, _ matched: Int) throws(HTTPFailure) {
        if byte != delimiter[matched] { throw HTTPFailure(400, "The form does not begin with its boundary.") }
        piece.removeFirst()
        state = matched + 1 == delimiter.count ? .tail(sawReturn: false) : .start(matched: matched + 1)
    }

    private mutating func tail(_ byte: UInt8, _ sawReturn: Bool) throws(HTTPFailure) {
        switch (byte, sawReturn) {
        case (0x0d, false): state = .tail(sawReturn: true)
        case (0x2d, false):
            if partCount == 0 { throw HTTPFailure(400, "The form has no part.") }
            state = .close
        case (0x0a, true):
            partCount += 1
            if partCount > limits.partsMax { throw HTTPFailure(413, "The form has too many parts.") }
            head = []
            state = .head
        default: throw MultipartParser.malformed
        }
        piece.removeFirst()
    }

    /// Gathers a part's fields up to the empty line.
    private mutating func takeHead() throws(HTTPFailure) -> MultipartEvent? {
        while let end = piece.firstIndex(of: 0x0a) {
            head += piece[...end]
            piece = piece[(end + 1)...]
            if head.count > limits.headBytesMax { throw HTTPFailure(413, "A part's fields are too large.") }
            guard head.count == 2 || head.suffix(4) == [0x0d, 0x0a, 0x0d, 0x0a] else { continue }
            let read = try MultipartHeadReader(limits: limits).read(head)
            head = []
            isFile = read.isFile
            partBytes = 0
            state = .content(matched: 0)
            return .head(read)
        }
        head += piece
        piece = []
        if head.count > limits.headBytesMax { throw HTTPFailure(413, "A part's fields are too large.") }
        return nil
    }

    private mutating func takeContent(_ matched: Int) throws(HTTPFailure) -> MultipartEvent? {
        if matched == 0 {
            let count = lengthBeforeReturn()
            if count == 0 {
                state = .content(matched: 1)
                piece.removeFirst()
                return nil
            }
            let bytes = piece.prefix(count)
            piece = piece.dropFirst(count)
            return try content(bytes)
        }
        var position = matched
        var index = piece.startIndex
        while index < piece.endIndex, position < delimiter.count, piece[index] == delimiter[position] {
            position += 1
            index += 1
        }
        let isOver = index == piece.endIndex
        piece = piece[index...]
        if position == delimiter.count {
            state = .tail(sawReturn: false)
            return .partEnd
        }
        if isOver {
            state = .content(matched: position)
            return nil
        }
        // What looked like a delimiter was content.
        state = .content(matched: 0)
        return try content(delimiter[..<position])
    }

    private func lengthBeforeReturn() -> Int {
        piece.withUnsafeBufferPointer { bytes in
            guard let base = bytes.baseAddress, let found = memchr(base, 0x0d, bytes.count) else { return bytes.count }
            return UnsafeRawPointer(base).distance(to: UnsafeRawPointer(found))
        }
    }

    private mutating func content(_ bytes: ArraySlice<UInt8>) throws(HTTPFailure) -> MultipartEvent {
        partBytes += bytes.count
        if partBytes > (isFile ? limits.fileBytesMax : limits.valueBytesMax) {
            throw isFile ? HTTPFailure(413, "A file is larger than this route takes.") : HTTPFailure(413, "A field is larger than this route takes.")
        }
        return .content(bytes)
    }
}

/// What stands between the parts of a form.
package struct MultipartBoundary: Sendable, Hashable {
    let bytes: [UInt8]

    /// The boundary that a Content-Type of `multipart/form-data` names (RFC 2046, 5.1.1); nil for another type.
    /// - Throws: 400 when there is none, or none that can be used.
    package init?(contentType: String) throws(HTTPFailure) {
        guard contentType.utf8.count <= ContentLimits.contentTypeBytesMax, let (type, parameters) = FieldParameters.read(Array(contentType.utf8)[...])
        else { throw HTTPFailure(400, "The Content-Type is malformed.") }
        if type != "multipart/form-data" { return nil }
        let found = parameters.filter { $0.name == "boundary" }
        guard found.count == 1, let boundary = MultipartBoundary(found[0].value) else {
            throw HTTPFailure(400, "A form's Content-Type names one boundary of 1 to 70 characters.")
        }
        self = boundary
    }

    private init?(_ bytes: [UInt8]) {
        guard (1...ContentLimits.boundaryBytesMax).contains(bytes.count), bytes.last != 0x20, bytes.allSatisfy(MultipartBoundary.isAllowed) else {
            return nil
        }
        self.bytes = bytes
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
        case 0x20, 0x27, 0x28, 0x29, 0x2b, 0x2c, 0x2d, 0x2e, 0x2f, 0x3a, 0x3d, 0x3f, 0x5f: true
        default: false
        }
    }
}
