import TestKit
import Testing

@testable import HTTP

@Suite("CONNECT requests (RFC 9110, 9.3.6)")
struct ConnectParserTests {
    private func parse(_ text: String, splitAt cut: Int? = nil) -> ConnectParser.Step {
        var parser = ConnectParser()
        let bytes = Array(text.utf8)
        if let cut {
            let first = bytes[..<cut].withUnsafeBufferPointer { parser.advance($0) }
            if first != .needMore { return first }
        }
        return bytes.withUnsafeBufferPointer { parser.advance($0) }
    }

    private static let accepted: [(String, String)] = [
        (
            "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\nUser-Agent: curl/7.88.1\r\nProxy-Connection: Keep-Alive\r\n\r\n",
            "example.com:443"
        ),
        ("CONNECT example.com:443 HTTP/1.1\r\nHost: EXAMPLE.com:443\r\n\r\n", "example.com:443"),
        ("CONNECT [2001:db8::1]:8443 HTTP/1.1\r\nHost: [2001:db8::1]:8443\r\n\r\n", "[2001:db8::1]:8443"),
        // As clients of Python's before 3.12 have it.
        ("CONNECT example.com:443 HTTP/1.0\r\n\r\n", "example.com:443"),
        ("CONNECT /path HTTP/1.1\r\nHost: /path\r\n\r\n", ""),
    ]

    @Test("a request gives its target, wherever its bytes were cut", arguments: accepted.dropLast())
    func accepts(text: String, target: String) {
        #expect(parse(text) == .connect(target: target))
        for cut in 0..<text.utf8.count { #expect(parse(text, splitAt: cut) == .connect(target: target), "cut at \(cut)") }
    }

    private static let refused: [(String, Int)] = [
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", 405), ("connect a:1 HTTP/1.1\r\n\r\n", 405), ("CONNECTS a:1 HTTP/1.1\r\n\r\n", 405),
        ("CONNECT a:1 HTTP/1.1\r\n\r\n", 400), ("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 400), ("CONNECT a:1 HTTP/1.1\r\nHost: a:01\r\n\r\n", 400),
        ("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nHost: a:1\r\n\r\n", 400), ("CONNECT a:1 HTTP/1.0\r\nHost: b:1\r\n\r\n", 400),
        ("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nContent-Length: 0\r\n\r\n", 400),
        ("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        ("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nExpect: 100-continue\r\n\r\n", 400), ("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\nx", 400),
        ("CONNECT a:1 HTTP/1.1\nHost: a:1\n\n", 400), ("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n folded\r\n\r\n", 400),
        ("CONNECT a:1 HTTP/1.1\r\nHost : a:1\r\n\r\n", 400), ("CONNECT  a:1 HTTP/1.1\r\n\r\n", 400), ("CONNECT a:1\r\n\r\n", 400),
        ("CONNECT a:1 HTTP/2.0\r\n\r\n", 505), ("\r\nCONNECT a:1 HTTP/1.1\r\n\r\n", 400), ("\u{16}", 400), (" ", 400),
        ("CONNECT a:1#b HTTP/1.1\r\n\r\n", 400), ("CONNECT \(String(repeating: "a", count: 8192)):1 HTTP/1.1\r\n\r\n", 431),
        ("CONNECT a:1 HTTP/1.1\r\n" + String(repeating: "A: b\r\n", count: 101), 431),
    ]

    @Test("everything else is refused with its status, wherever its bytes were cut", arguments: refused)
    func refuses(text: String, status: Int) {
        for cut in Set([0, 1, text.utf8.count / 2, text.utf8.count]) {
            guard case .failure(let failure) = parse(text, splitAt: cut) else {
                Issue.record("\(text.prefix(80)) cut at \(cut): \(parse(text, splitAt: cut))")
                continue
            }
            #expect(failure.status == status, "\(failure.message)")
        }
    }

    @Test("random bytes never crash it, and what it accepts is a whole head")
    func random() {
        var random = SeededRandom()
        let seeds = Self.accepted.map { Array($0.0.utf8) }
        for _ in 0..<20_000 {
            var bytes = seeds.randomElement(using: &random) ?? []
            for _ in 0..<Int.random(in: 0...4, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            var parser = ConnectParser()
            let step = bytes.withUnsafeBufferPointer { parser.advance($0) }
            if case .connect(let target) = step {
                #expect(!target.isEmpty && bytes.suffix(4).elementsEqual([13, 10, 13, 10]), "LIMEN_SEED=\(random.seed)")
            }
        }
    }
}
