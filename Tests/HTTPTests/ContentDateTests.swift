import TestKit
import Testing

@testable import HTTP

@Suite("HTTP content: dates and entity tags")
struct ContentDateTests {
    @Test(
        "all three forms of a date are read (RFC 9110, 5.6.7)",
        arguments: ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"])
    func forms(text: String) { #expect(HTTPDate(text, now: HTTPDate(seconds: 1_795_000_000))?.seconds == 784_111_777) }

    @Test(
        "what is no date, or a day that never was, is none",
        arguments: [
            "", "0", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 06 Nov 1994 08:49:37 GMT ", " Sun, 06 Nov 1994 08:49:37 GMT",
            "Mon, 06 Nov 1994 08:49:37 GMT", "Sun, 6 Nov 1994 08:49:37 GMT", "sun, 06 nov 1994 08:49:37 gmt", "Thu, 31 Apr 2026 00:00:00 GMT",
            "Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 Nov 1994 08:60:37 GMT", "Sun, 06 Nov 1994 08:49:61 GMT", "Sun, 00 Nov 1994 08:49:37 GMT",
            "Sun Nov 06 08:49:37 94", "Sun Nov 6 08:49:37 1994", "Sun, 06 Nov 19a4 08:49:37 GMT", "Sun, 06 Nov 0000 08:49:37 GMT",
            "1994-11-06T08:49:37Z",
            "Sun, 06 Nov 1994 08:49:37 GMTSun, 06 Nov 1994 08:49:37 GMT",
        ])
    func none(text: String) { #expect(HTTPDate(text) == nil) }

    @Test("every second of years 1 to 9999 is written in one form and read as itself")
    func roundTrip() {
        var random = SeededRandom()
        for _ in 0..<5000 {
            let date = HTTPDate(seconds: Int.random(in: -62_135_596_800...253_402_300_799, using: &random))
            #expect(HTTPDate(date.text) == date, "seed \(random.seed): \(date.text)")
            #expect(date.bytes.count == 29)
        }
        #expect(HTTPDate(seconds: 784_111_777).text == "Sun, 06 Nov 1994 08:49:37 GMT")
        #expect(HTTPDate(seconds: .max).text == "Fri, 31 Dec 9999 23:59:59 GMT" && HTTPDate(seconds: .min).bytes.count == 29)
    }

    @Test(
        "two digits mean the year that is no more than 50 years ahead",
        arguments: [(94, 1994), (26, 2026), (75, 2075), (76, 2076), (77, 1977), (0, 2000), (99, 1999)])
    func twoDigits(digits: Int, year: Int) { #expect(HTTPDate.year(digits, now: HTTPDate(seconds: 1_795_000_000)) == year) }

    @Test("tags are compared strongly and weakly as RFC 9110, 8.8.3.2 says")
    func comparison() {
        let (weak, strong) = (EntityTag("1", isWeak: true), EntityTag("1"))
        #expect(strong.isIdentical(to: strong) && !strong.isIdentical(to: weak) && !weak.isIdentical(to: weak))
        #expect(strong.isEquivalent(to: weak) && weak.isEquivalent(to: weak) && !strong.isEquivalent(to: EntityTag("2")))
    }

    @Test(
        "lists of tags are read with their commas, and nothing else is a list",
        arguments: [
            (["*"], .any), ([" * "], .any), (["\"a\""], .tags([EntityTag("a")])),
            (["W/\"a\", \"b,c\""], .tags([EntityTag("a", isWeak: true), EntityTag("b,c")])),
            (["\"a\"", "\"b\""], .tags([EntityTag("a"), EntityTag("b")])), ([",\"\" ,,"], .tags([EntityTag("")])), (["a"], .malformed),
            (["\"a\" \"b\""], .malformed), (["*, \"a\""], .malformed), (["\"a"], .malformed), (["w/\"a\""], .malformed), ([""], .malformed),
            (["\"a b\""], .malformed), (["*", "*"], .malformed), ([String(repeating: "\"a\",", count: 65)], .malformed),
        ] as [([String], EntityTagCondition)])
    func lists(values: [String], expected: EntityTagCondition) {
        var headers = HTTPHeaders()
        for value in values { headers.add("If-Match", value) }
        #expect(EntityTagCondition("If-Match", in: headers) == expected)
        #expect(EntityTagCondition("If-None-Match", in: headers) == nil)
    }
}
