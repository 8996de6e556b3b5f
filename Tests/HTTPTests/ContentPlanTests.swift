import TestKit
import Testing

@testable import HTTP

@Suite("HTTP content: conditions and ranges")
struct ContentPlanTests {
    static let old = "Sun, 06 Nov 1994 08:49:37 GMT"
    static let new = "Sun, 06 Nov 1994 08:49:38 GMT"
    static let state = Validators(entityTag: EntityTag("a"), lastModified: HTTPDate(old))

    struct Case: Sendable {
        let method: HTTPMethod
        let fields: [(String, String)]
        let verdict: Preconditions.Verdict
        var state: Validators? = ContentPlanTests.state

        init(_ method: HTTPMethod, _ fields: [(String, String)], _ verdict: Preconditions.Verdict, state: Validators? = ContentPlanTests.state) {
            (self.method, self.fields, self.verdict, self.state) = (method, fields, verdict, state)
        }
    }

    static let cases: [Case] = [
        Case(.get, [], .proceed),
        Case(.put, [("If-Match", "\"a\"")], .proceed), Case(.put, [("If-Match", "\"b\"")], .failed), Case(.get, [("If-Match", "\"b\"")], .failed),
        Case(.put, [("If-Match", "W/\"a\"")], .failed), Case(.put, [("If-Match", "*")], .proceed),
        Case(.put, [("If-Match", "*")], .failed, state: nil),
        Case(.put, [("If-Match", "nonsense")], .failed),
        // If-Match is there, so the date is not looked at.
        Case(.put, [("If-Match", "\"a\""), ("If-Unmodified-Since", "Sat, 05 Nov 1994 08:49:37 GMT")], .proceed),
        Case(.put, [("If-Unmodified-Since", old)], .proceed), Case(.put, [("If-Unmodified-Since", new)], .proceed),
        Case(.put, [("If-Unmodified-Since", "Sat, 05 Nov 1994 08:49:37 GMT")], .failed),
        Case(.put, [("If-Unmodified-Since", "yesterday")], .proceed),
        Case(.put, [("If-Unmodified-Since", "Sat, 05 Nov 1994 08:49:37 GMT")], .proceed, state: Validators(entityTag: EntityTag("a"))),
        Case(.get, [("If-None-Match", "\"a\"")], .notModified), Case(.head, [("If-None-Match", "W/\"a\"")], .notModified),
        Case(.put, [("If-None-Match", "\"a\"")], .failed), Case(.get, [("If-None-Match", "\"b\", \"c\"")], .proceed),
        Case(.get, [("If-None-Match", "*")], .notModified), Case(.put, [("If-None-Match", "*")], .failed),
        Case(.put, [("If-None-Match", "*")], .proceed, state: nil), Case(.get, [("If-None-Match", "x")], .proceed),
        Case(.put, [("If-None-Match", "x")], .failed),
        // If-None-Match is there, so the date is not looked at.
        Case(.get, [("If-None-Match", "\"b\""), ("If-Modified-Since", new)], .proceed),
        Case(.get, [("If-Modified-Since", old)], .notModified), Case(.head, [("If-Modified-Since", new)], .notModified),
        Case(.get, [("If-Modified-Since", "Sat, 05 Nov 1994 08:49:37 GMT")], .proceed), Case(.post, [("If-Modified-Since", new)], .proceed),
        Case(.get, [("If-Modified-Since", old), ("If-Modified-Since", old)], .proceed), Case(.get, [("If-Modified-Since", "0")], .proceed),
        // Steps 1 and 2 come before 3 and 4.
        Case(.get, [("If-Match", "\"b\""), ("If-None-Match", "\"a\"")], .failed),
        Case(.get, [("If-Match", "\"a\""), ("If-None-Match", "\"a\"")], .notModified),
        Case(.options, [("If-Match", "\"b\"")], .proceed), Case(.trace, [("If-None-Match", "*")], .proceed),
    ]

    @Test("conditions are judged in the order of RFC 9110, 13.2.2", arguments: cases.indices)
    func verdicts(index: Int) {
        let example = Self.cases[index]
        #expect(Preconditions(Self.headers(example.fields)).verdict(example.method, on: example.state) == example.verdict, "\(example)")
    }

    static func headers(_ fields: [(String, String)]) -> HTTPHeaders {
        var headers = HTTPHeaders()
        for (name, value) in fields { headers.add(name, value) }
        return headers
    }

    @Test(
        "a range names the bytes that RFC 9110, 14.1.2 says, or is ignored",
        arguments: [
            ("bytes=0-9", 100, .some([0..<10])), ("bytes=0-", 100, .some([0..<100])), ("BYTES=5-5", 100, .some([5..<6])),
            ("bytes=-1", 100, .some([99..<100])),
            ("bytes=-200", 100, .some([0..<100])), ("bytes=90-200", 100, .some([90..<100])), ("bytes=100-", 100, .unsatisfiable),
            ("bytes=-0", 100, .unsatisfiable), ("bytes=200-300, 100-", 100, .unsatisfiable), ("bytes=0-0, 200-", 100, .some([0..<1])),
            ("bytes=0-0 ,, -1", 100, .some([0..<1, 99..<100])), ("bytes=50-59,0-9", 100, .some([50..<60, 0..<10])),
            ("bytes=0-9,10-19", 100, .some([0..<10, 10..<20])), ("bytes=0-9,9-19", 100, .whole), ("bytes=0-,-1", 100, .whole),
            ("bytes=9-0", 100, .whole), ("bytes=a-9", 100, .whole), ("bytes=0-9a", 100, .whole), ("bytes=0", 100, .whole), ("bytes=-", 100, .whole),
            ("bytes=", 100, .whole), ("bytes=,", 100, .whole), ("bytes", 100, .whole), ("lines=0-9", 100, .whole), ("bytes=0-9-", 100, .whole),
            ("bytes=+0-9", 100, .whole), ("bytes=0-0,2-2,4-4,6-6,8-8,10-10,12-12,14-14", 100, .some((0..<8).map { $0 * 2..<$0 * 2 + 1 })),
            ("bytes=0-0,2-2,4-4,6-6,8-8,10-10,12-12,14-14,16-16", 100, .whole), ("bytes=99999999999999999999-", 100, .unsatisfiable),
            ("bytes=0-99999999999999999999", 100, .some([0..<100])), ("bytes=-99999999999999999999", 100, .some([0..<100])),
            ("bytes=0-", 0, .unsatisfiable), ("bytes=-5", 0, .whole), ("bytes=-0", 0, .unsatisfiable),
        ] as [(String, Int, ByteRanges)])
    func ranges(value: String, length: Int, expected: ByteRanges) { #expect(ByteRanges(["Range": value], of: length) == expected) }

    @Test("a second Range field, or an endless one, is ignored")
    func oddRanges() {
        #expect(ByteRanges(Self.headers([("Range", "bytes=0-1"), ("Range", "bytes=0-1")]), of: 10) == .whole)
        #expect(ByteRanges(["Range": "bytes=0-1" + String(repeating: ",", count: 600)], of: 10) == .whole)
        #expect(ByteRanges([:], of: 10) == .whole)
    }

    private static let file = Representation(contentType: "text/plain", length: 100, validators: state)

    private static func plan(_ fields: [(String, String)], _ method: HTTPMethod = .get, of representation: Representation = file) -> ContentPlan {
        ContentPlan(method, headers(fields), of: representation, boundary: "b")
    }

    @Test("one range is 206 with its Content-Range, none that exists 416 with the length")
    func single() {
        let part = Self.plan([("Range", "bytes=10-19")])
        #expect(part.status == 206 && part.pieces == [.content(10..<20)] && part.length == 10)
        #expect(part.headers["Content-Range"] == "bytes 10-19/100" && part.headers["Content-Type"] == "text/plain" && part.headers["ETag"] == "\"a\"")
        let none = Self.plan([("Range", "bytes=100-")])
        #expect(none.status == 416 && none.pieces.isEmpty && none.headers["Content-Range"] == "bytes */100")
    }

    @Test("several ranges are one multipart/byteranges body in the order of the request")
    func multiple() {
        let plan = Self.plan([("Range", "bytes=90-99,0-4")])
        #expect(plan.status == 206 && plan.headers["Content-Type"] == "multipart/byteranges; boundary=b" && plan.headers["Content-Range"] == nil)
        var text = ""
        for piece in plan.pieces {
            switch piece {
            case .bytes(let bytes): text += String(decoding: bytes, as: UTF8.self)
            case .content(let range): text += String(repeating: "x", count: range.count)
            }
        }
        #expect(
            text == "--b\r\nContent-Type: text/plain\r\nContent-Range: bytes 90-99/100\r\n\r\nxxxxxxxxxx"
                + "\r\n--b\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-4/100\r\n\r\nxxxxx\r\n--b--\r\n")
        #expect(plan.length == text.utf8.count)
    }

    @Test("a type that would break out of a part's head does not")
    func injection() {
        let plan = Self.plan([("Range", "bytes=0-1,3-4")], of: Representation(contentType: "a/b\r\nX: y\r\n\r\n", length: 9))
        guard case .bytes(let head)? = plan.pieces.first else { return #expect(Bool(false)) }
        #expect(String(decoding: head, as: UTF8.self).split(separator: "\r\n", omittingEmptySubsequences: false).count == 5)
    }

    @Test("HEAD has no range, a condition comes before the range, and 304 tells no type")
    func order() {
        #expect(Self.plan([("Range", "bytes=0-1")], .head).status == 200)
        #expect(Self.plan([("Range", "bytes=0-1"), ("If-Match", "\"b\"")]).status == 412)
        let same = Self.plan([("Range", "bytes=0-1"), ("If-None-Match", "\"a\"")])
        #expect(
            same.status == 304 && same.headers["ETag"] == "\"a\"" && !same.headers.contains("Content-Type") && !same.headers.contains("Last-Modified")
        )
        let whole = Self.plan([])
        #expect(whole.status == 200 && whole.headers["Accept-Ranges"] == "bytes" && whole.headers["Last-Modified"] == Self.old && whole.length == 100)
    }

    @Test(
        "If-Range lets a part be sent only for the very state that the client has (RFC 9110, 13.1.5)",
        arguments: [
            ("\"a\"", true, 206), ("\"b\"", true, 200), ("W/\"a\"", true, 200), (old, true, 200), (old, false, 206), (new, false, 200),
            ("x", true, 200),
            ("\"a\", \"b\"", true, 200),
        ])
    func ifRange(value: String, hasTag: Bool, status: Int) {
        let validators = Validators(entityTag: hasTag ? EntityTag("a") : nil, lastModified: HTTPDate(Self.old))
        let representation = Representation(contentType: "text/plain", length: 100, validators: validators)
        #expect(Self.plan([("Range", "bytes=0-1"), ("If-Range", value)], of: representation).status == status)
    }

    @Test("a date of this very second does not vouch for bytes")
    func freshDate() {
        let date = HTTPDate(seconds: 784_111_777)
        let headers = Self.headers([("If-Range", date.text)])
        #expect(!Preconditions.allowsRange(headers, of: Validators(lastModified: date), now: date))
        #expect(Preconditions.allowsRange(headers, of: Validators(lastModified: date), now: HTTPDate(seconds: date.seconds + 1)))
    }

    @Test("whatever a client asks for, the pieces lie within the content and never twice, and the length is their sum")
    func anything() {
        var random = SeededRandom()
        for _ in 0..<5000 {
            let length = [0, 1, 7, 100, 1 << 40].randomElement(using: &random) ?? 1
            let specs = (0..<Int.random(in: 1...10, using: &random)).map { _ in
                let numbers = (0..<2).map { _ in Bool.random(using: &random) ? String(Int.random(in: 0...120, using: &random)) : "" }
                return numbers.joined(separator: "-")
            }
            let value = "bytes=" + specs.joined(separator: ",")
            let plan = Self.plan([("Range", value)], of: Representation(contentType: "a/b", length: length))
            var seen: [Range<Int>] = []
            for case .content(let range) in plan.pieces where !range.isEmpty {
                #expect(
                    range.lowerBound >= 0 && range.upperBound <= length && !seen.contains { $0.overlaps(range) },
                    "seed \(random.seed): \(value) of \(length)")
                seen.append(range)
            }
            #expect([200, 206, 416].contains(plan.status) && seen.count <= ContentLimits.rangesMax)
        }
    }
}
