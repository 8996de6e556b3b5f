import TestKit
import Testing

@testable import HTTP

@Suite("HTTP content: multipart/form-data")
struct MultipartTests {
    struct Part: Equatable, Sendable {
        var head: MultipartPartHead
        var content: [UInt8] = []
    }

    static func limits(_ change: (inout MultipartLimits) -> Void = { _ in }) -> MultipartLimits {
        var limits = MultipartLimits()
        change(&limits)
        return limits
    }

    static func boundary(_ text: String = "XX") -> MultipartBoundary {
        guard let boundary = try? MultipartBoundary(contentType: "multipart/form-data; boundary=\(text)") else { preconditionFailure("a boundary") }
        return boundary
    }

    /// Reads a body in pieces.
    static func read(_ pieces: [[UInt8]], _ boundary: MultipartBoundary = boundary(), _ limits: MultipartLimits = MultipartLimits())
        throws(HTTPFailure) -> [Part]
    {
        var parser = MultipartParser(boundary: boundary, limits: limits)
        var parts: [Part] = []
        var open = false
        var ended = false
        for piece in pieces {
            parser.feed(piece)
            while let event = try parser.next() {
                #expect(!ended)
                switch event {
                case .head(let head):
                    #expect(!open)
                    open = true
                    parts.append(Part(head: head))
                case .content(let bytes):
                    #expect(open && !bytes.isEmpty)
                    parts[parts.count - 1].content += bytes
                case .partEnd:
                    #expect(open)
                    open = false
                case .end:
                    #expect(!open)
                    ended = true
                }
            }
        }
        try parser.finish()
        #expect(ended)
        return parts
    }

    static func text(_ lines: String...) -> [UInt8] { Array(lines.joined(separator: "\r\n").utf8) }

    static let usual = text(
        "--XX", "Content-Disposition: form-data; name=\"title\"", "", "a story", "--XX",
        "content-disposition: form-data; name=f; filename=\"r\u{e9}sum\u{e9}.txt\"", "Content-Type: text/plain; charset=utf-8", "X-Other: y", "",
        "one\r\n--X\r\n\r\r\n--XY two\r\n", "--XX", "Content-Disposition: form-data; name=\"empty\"", "", "", "--XX--", "")

    static let usualParts = [
        Part(head: MultipartPartHead(name: "title", filename: nil, contentType: nil), content: Array("a story".utf8)),
        Part(
            head: MultipartPartHead(name: "f", filename: "r\u{e9}sum\u{e9}.txt", contentType: "text/plain; charset=utf-8"),
            content: Array("one\r\n--X\r\n\r\r\n--XY two\r\n".utf8)),
        Part(head: MultipartPartHead(name: "empty", filename: nil, contentType: nil)),
    ]

    @Test("a form is read alike however it is cut: whole, byte by byte, and at every single place")
    func cuts() throws {
        #expect(try Self.read([Self.usual]) == Self.usualParts)
        #expect(try Self.read(Self.usual.map { [$0] }) == Self.usualParts)
        for place in 0...Self.usual.count {
            #expect(try Self.read([Array(Self.usual[..<place]), Array(Self.usual[place...])]) == Self.usualParts, "cut at \(place)")
        }
        #expect(try Self.read([Array(Self.usual.dropLast(2))]) == Self.usualParts, "the last line end may be missing")
    }

    static let head = "Content-Disposition: form-data; name=\"a\"\r\n\r\n"

    @Test(
        "what is malformed is refused, never mended",
        arguments: [
            "", "--XX", "--XX--\r\n", "--XX\r\n--XX--\r\n", "preamble\r\n--XX\r\n\(head)x\r\n--XX--\r\n", "\r\n--XX\r\n\(head)x\r\n--XX--\r\n",
            "--XX\n\(head)x\n--XX--\n", "--XX \r\n\(head)x\r\n--XX--\r\n", "--XX\r\n\(head)x\r\n--XX", "--XX\r\n\(head)x",
            "--XX\r\n\(head)x\r\n--XX-\r\n",
            "--XX\r\n\(head)x\r\n--XX--\r\nepilogue", "--XX\r\n\(head)x\r\n--XX--\r\n\r\n", "--XX\r\n\(head)x\r\n--XX--\n",
            "--XX\r\n\(head)x\r\n--XX--\r",
            "--XX\r\n\(head)x\r\n--XXY\r\n", "--XX\r\n\r\nx\r\n--XX--\r\n", "--XX\r\nContent-Type: a/b\r\n\r\nx\r\n--XX--\r\n",
            "--XX\r\nContent-Disposition: form-data; name=\"a\"\n\nx\r\n--XX--\r\n", "--XX\r\n folded: x\r\n\(head)x\r\n--XX--\r\n",
            "--XX\r\nContent-Disposition : form-data; name=\"a\"\r\n\r\nx\r\n--XX--\r\n", "--XX\r\nno colon\r\n\(head)x\r\n--XX--\r\n",
            "--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\(head)x\r\n--XX--\r\n",
            "--XX\r\nContent-Type: a/b\r\nContent-Type: a/b\r\n\(head)x\r\n--XX--\r\n",
            "--XX\r\nContent-Transfer-Encoding: base64\r\n\(head)x\r\n--XX--\r\n",
        ])
    func malformed(body: String) {
        #expect(throws: HTTPFailure.self) { try Self.read([Array(body.utf8)]) }
        #expect(throws: HTTPFailure.self) { try Self.read(body.utf8.map { [$0] }) }
    }

    @Test(
        "names come as they were sent, or not at all",
        arguments: [
            ("form-data; name=a", "a", nil), ("form-data; name=\"a b\"", "a b", nil), ("FORM-DATA; NAME=\"a\"; FileName=\"b;c=\"", "a", "b;c="),
            ("form-data;name=\"a\";filename=\"\"", "a", ""), ("form-data; name=\"a\"; filename=\"%22%2e.txt\"", "a", "%22%2e.txt"),
            ("form-data; name=\"a\"; filename=\"...\"", "a", "..."), ("form-data", nil, nil), ("form-data; name=\"\"", nil, nil),
            ("form-data; name=", nil, nil),
            ("form-data; name", nil, nil), ("form-data; name=\"a", nil, nil), ("form-data; name=\"a\" b", nil, nil),
            ("form-data; name=\"a\\\"b\"", nil, nil),
            ("form-data; name=\"a\"; name=\"b\"", nil, nil), ("attachment; name=\"a\"", nil, nil),
            ("form-data; name=\"a\"; filename*=UTF-8''b", nil, nil),
            ("form-data; name=\"a\"; filename=\"../b\"", nil, nil), ("form-data; name=\"a\"; filename=\"/etc/passwd\"", nil, nil),
            ("form-data; name=\"a\"; filename=\"c:\\b\"", nil, nil), ("form-data; name=\"a\"; filename=\"..\"", nil, nil),
            ("form-data; name=\"a\"; filename=\".\"", nil, nil),
            ("form-data; name=\"a\"; filename=\"b\"; filename=\"c\"", nil, nil), ("form-data; name=\"a\"; size=1", nil, nil),
            ("form-data; name=\"a\u{85}\"", nil, nil), ("form-data; name=\"a\tb\"", nil, nil), ("form-data; name=\"a\";", nil, nil),
            ("; name=\"a\"", nil, nil),
        ] as [(String, String?, String?)])
    func names(disposition: String, name: String?, filename: String?) throws {
        let body = Self.text("--XX", "Content-Disposition: \(disposition)", "", "x", "--XX--", "")
        if let name {
            let part = try #require(try Self.read([body]).first)
            #expect(part.head.name == name && part.head.filename == filename && part.head.isFile == (filename != nil))
        } else {
            #expect(throws: HTTPFailure.self) { try Self.read([body]) }
        }
    }

    @Test("a name that is not UTF-8 is refused")
    func latin() {
        let body = Self.text("--XX", "Content-Disposition: form-data; name=\"") + [0xe9] + Self.text("\"", "", "x", "--XX--", "")
        #expect(throws: HTTPFailure(400, "A part's name is not UTF-8 without control characters.")) { try Self.read([body]) }
    }

    @Test(
        "parts, fields, names, values, files and the whole are bounded, each with 413",
        arguments: [
            limits { $0.partsMax = 2 }, limits { $0.headBytesMax = 80 }, limits { $0.fieldsMax = 2 }, limits { $0.nameBytesMax = 4 },
            limits { $0.valueBytesMax = 6 }, limits { $0.fileBytesMax = 10 }, limits { $0.bytesMax = usual.count - 1 },
        ])
    func caps(limits: MultipartLimits) {
        for pieces in [[Self.usual], Self.usual.map { [$0] }] {
            do {
                _ = try Self.read(pieces, Self.boundary(), limits)
                Issue.record("nothing was refused")
            } catch {
                #expect(error.status == 413)
            }
        }
    }

    @Test("a form at each limit is read")
    func atLimits() throws {
        let limits = Self.limits {
            ($0.partsMax, $0.fieldsMax, $0.valueBytesMax, $0.bytesMax) = (3, 3, 7, Self.usual.count)
            ($0.nameBytesMax, $0.fileBytesMax) = (12, Self.usualParts[1].content.count)
        }
        #expect(try Self.read([Self.usual], Self.boundary(), limits) == Self.usualParts)
    }

    @Test("a head without an end is refused before it is kept")
    func endlessHead() {
        var parser = MultipartParser(boundary: Self.boundary())
        #expect(throws: HTTPFailure(413, "A part's fields are too large.")) {
            parser.feed(Array("--XX\r\n".utf8))
            while try parser.next() != nil { continue }
            for _ in 0..<10 {
                parser.feed([UInt8](repeating: 0x61, count: 1000))
                while try parser.next() != nil { continue }
            }
        }
    }

    @Test(
        "the boundary is taken from the Content-Type, or the type is refused",
        arguments: [
            ("multipart/form-data; boundary=abc", "abc"), ("Multipart/Form-Data;boundary=\"a b:c\"", "a b:c"),
            ("multipart/form-data; charset=utf-8; boundary=x", "x"),
            ("multipart/form-data; boundary=\(String(repeating: "b", count: 70))", String(repeating: "b", count: 70)),
            ("multipart/form-data", nil), ("multipart/form-data; boundary=", nil), ("multipart/form-data; boundary=\"\"", nil),
            ("multipart/form-data; boundary=\"a \"", nil),
            ("multipart/form-data; boundary=a; boundary=b", nil), ("multipart/form-data; boundary=a_b{", nil),
            ("multipart/form-data; boundary=\"a;b\"", nil),
            ("multipart/form-data; boundary=\(String(repeating: "b", count: 71))", nil), ("multipart/form-data boundary=a", nil), ("", nil),
        ] as [(String, String?)])
    func boundaries(type: String, expected: String?) throws {
        if let expected {
            #expect(try MultipartBoundary(contentType: type)?.bytes == Array(expected.utf8))
        } else {
            #expect(throws: HTTPFailure.self) { try MultipartBoundary(contentType: type) }
        }
    }

    @Test("another type has no boundary")
    func otherType() throws { #expect(try MultipartBoundary(contentType: "application/json") == nil) }

    @Test("random forms, cut at random, come out as they went in")
    func anything() throws {
        var random = SeededRandom()
        let alphabet = Array("\r\n-Xa".utf8)
        for _ in 0..<400 {
            var body: [UInt8] = []
            var expected: [Part] = []
            for index in 0..<Int.random(in: 1...4, using: &random) {
                // Bytes that nearly make a delimiter; one that does would be another form.
                var content = (0..<Int.random(in: 0...40, using: &random)).map { _ in alphabet.randomElement(using: &random) ?? 0 }
                while String(decoding: content, as: UTF8.self).contains("XX") || content.last == 0x58 { content.removeLast() }
                body += Array("--XX\r\nContent-Disposition: form-data; name=\"p\(index)\"\r\n\r\n".utf8) + content + [0x0d, 0x0a]
                expected.append(Part(head: MultipartPartHead(name: "p\(index)", filename: nil, contentType: nil), content: content))
            }
            body += Array("--XX--\r\n".utf8)
            var pieces: [[UInt8]] = []
            var rest = body[...]
            while !rest.isEmpty {
                let count = Int.random(in: 0...min(24, rest.count), using: &random)
                pieces.append(Array(rest.prefix(count)))
                rest = rest.dropFirst(count)
            }
            #expect(try Self.read(pieces) == expected, "seed \(random.seed)")
        }
    }
}

@Suite("HTTP content: forms")
struct FormTests {
    @Test("a form's fields come in order, decoded once")
    func decode() throws {
        let fields = try FormCoding.decode(Array("a=1&b=x+y%2B&a=&c&&=d&e=%C3%A9%3D%26".utf8))
        #expect(fields.map { "\($0.name)|\($0.value)" } == ["a|1", "b|x y+", "a|", "c|", "|d", "e|\u{e9}=&"])
        #expect(try FormCoding.decode([]).isEmpty)
    }

    @Test("what is not well encoded is refused whole", arguments: ["a=%", "a=%4", "%zz=1", "a=%ff", "a=b&c=%C3"])
    func malformed(body: String) {
        #expect(throws: HTTPFailure(400, "The form is not well encoded.")) { try FormCoding.decode(Array(body.utf8)) }
    }

    @Test("the number of fields is bounded")
    func bound() throws {
        let body = Array(String(repeating: "a&", count: 10).utf8)
        #expect(throws: HTTPFailure(413, "The form has too many fields.")) { try FormCoding.decode(body, fieldsMax: 10) }
        #expect(try FormCoding.decode(body, fieldsMax: 11).count == 10)
    }
}
