/// Something of known length that can be sent, such as a file.
package struct Representation: Sendable {
    package let contentType: String
    package let length: Int
    package let validators: Validators

    /// Control characters in the type become spaces: it stands in the framing of a multipart reply.
    package init(contentType: String, length: Int, validators: Validators = Validators()) {
        self.contentType = String(decoding: contentType.utf8.map { Characters.isFieldValue($0) ? $0 : 0x20 }, as: UTF8.self)
        self.length = length
        self.validators = validators
    }
}

/// What a GET or HEAD of a representation is answered with: all of it, parts of it, or that the client has it (RFC 9110, 13.2.2 and 14).
package struct ContentPlan: Sendable {
    /// A piece of the reply's content.
    package enum Piece: Sendable, Hashable {
        /// Framing of a multipart reply.
        case bytes([UInt8])
        /// These bytes of the representation.
        case content(Range<Int>)
    }

    /// 200, 206, 304, 412 or 416; a 412 or 416 has no content here, so that the caller can say why in its own way.
    package let status: Int
    /// Fields of the reply, Content-Type included.
    package private(set) var headers = HTTPHeaders()
    /// What to send, in order; for HEAD it is only what GET would send.
    package let pieces: [Piece]

    /// Bytes of all pieces.
    package var length: Int { ContentPlan.length(of: pieces) }

    static func length(of pieces: [Piece]) -> Int {
        pieces.reduce(0) { sum, piece in
            switch piece {
            case .bytes(let bytes): sum + bytes.count
            case .content(let range): sum + range.count
            }
        }
    }

    /// Plans the reply; `boundary` stands between the parts of a multipart reply and must not occur in what is sent.
    package init(
        _ method: HTTPMethod, _ request: HTTPHeaders, of representation: Representation, now: HTTPDate = .now(),
        boundary: @autoclosure () -> String = ContentPlan.randomBoundary()
    ) {
        let validators = representation.validators
        var ranges = ByteRanges.whole
        switch Preconditions(request).verdict(method, on: validators) {
        case .notModified: (status, pieces) = (304, [])
        case .failed: (status, pieces) = (412, [])
        case .proceed:
            if method == .get, Preconditions.allowsRange(request, of: validators, now: now) {
                ranges = ByteRanges(request, of: representation.length)
            }
            switch ranges {
            case .whole: (status, pieces) = (200, [.content(0..<representation.length)])
            case .unsatisfiable: (status, pieces) = (416, [])
            case .some(let ranges) where ranges.count == 1: (status, pieces) = (206, [.content(ranges[0])])
            case .some(let ranges):
                let marker = boundary()
                (status, pieces) = (206, ContentPlan.parts(ranges, of: representation, marker))
                headers.add("Content-Type", "multipart/byteranges; boundary=\(marker)")
            }
        }
        addHeaders(representation, ranges)
    }

    private mutating func addHeaders(_ representation: Representation, _ ranges: ByteRanges) {
        if status == 412 { return }
        if status == 416 { return headers.add("Content-Range", "bytes */\(representation.length)") }
        if status != 304 {
            if !headers.contains("Content-Type") { headers.add("Content-Type", representation.contentType) }
            headers.add("Accept-Ranges", "bytes")
        }
        if let tag = representation.validators.entityTag { headers.add("ETag", tag.text) }
        // A 304 repeats the date only where there is nothing better (15.4.5).
        if let date = representation.validators.lastModified, status != 304 || representation.validators.entityTag == nil {
            headers.add("Last-Modified", date.text)
        }
        if case .some(let ranges) = ranges, ranges.count == 1 {
            headers.add("Content-Range", ContentPlan.contentRange(ranges[0], representation.length))
        }
    }

    private static func contentRange(_ range: Range<Int>, _ length: Int) -> String {
        "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(length)"
    }

    /// The body of `multipart/byteranges` (14.6).
    private static func parts(_ ranges: [Range<Int>], of representation: Representation, _ boundary: String) -> [Piece] {
        var pieces: [Piece] = []
        for (index, range) in ranges.enumerated() {
            let head =
                "\(index == 0 ? "" : "\r\n")--\(boundary)\r\nContent-Type: \(representation.contentType)\r\n"
                + "Content-Range: \(contentRange(range, representation.length))\r\n\r\n"
            pieces += [.bytes(Array(head.utf8)), .content(range)]
        }
        return pieces + [.bytes(Array("\r\n--\(boundary)--\r\n".utf8))]
    }

    /// 32 characters that nobody could have put into the content beforehand.
    package static func randomBoundary() -> String {
        let half = { String(UInt64.random(in: .min ... .max), radix: 16) }
        return [half(), half()].map { String(repeating: "0", count: 16 - $0.utf8.count) + $0 }.joined()
    }
}
