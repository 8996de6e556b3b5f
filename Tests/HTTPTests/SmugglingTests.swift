import TestKit
import Testing

@testable import HTTP

@Suite struct SmugglingTests {
    @Test("what is malformed or ambiguous gets its exact status (API-13)", arguments: SmugglingCase.all)
    func table(item: SmugglingCase) {
        let result = parse(item.text)
        #expect(result.status == item.status, "\(item.name): \(result)")
        if item.status >= 400 { #expect(result.requests.isEmpty) }
    }

    @Test("any split of the bytes over reads is parsed the same", arguments: SmugglingCase.all)
    func splits(item: SmugglingCase) {
        let bytes = Array(item.text.utf8)
        let whole = parse([bytes])
        if bytes.count < 2000 {
            #expect(parse(bytes.map { [$0] }) == whole, "\(item.name), byte by byte")
            for cut in 0...bytes.count { #expect(parse([Array(bytes[..<cut]), Array(bytes[cut...])]) == whole, "\(item.name), cut at \(cut)") }
        } else {
            for cut in stride(from: 0, through: bytes.count, by: 977) {
                #expect(parse([Array(bytes[..<cut]), Array(bytes[cut...])]) == whole, "\(item.name), cut at \(cut)")
            }
        }
    }

    @Test("pipelined requests of all framings, cut at random, come out the same", arguments: 0..<50)
    func randomSplits(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let whole = SmugglingCase.all.filter { $0.status == 200 }.map(\.text)
        var text = ""
        for _ in 0..<8 { text += whole.randomElement(using: &random) ?? "" }
        let bytes = Array(text.utf8)
        var pieces: [[UInt8]] = []
        var start = 0
        while start < bytes.count {
            let end = min(bytes.count, start + Int.random(in: 1...40, using: &random))
            pieces.append(Array(bytes[start..<end]))
            start = end
        }
        let expected = parse([bytes])
        #expect(expected.requests.count == 8, "seed \(seed)")
        #expect(parse(pieces) == expected, "seed \(seed)")
    }

    @Test("no bytes make the parser trap or depend on how they were split", arguments: 0..<20)
    func mutations(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        for _ in 0..<200 {
            var bytes = Array((SmugglingCase.all.randomElement(using: &random)?.text ?? "").utf8.prefix(400))
            for _ in 0..<Int.random(in: 1...6, using: &random) where !bytes.isEmpty {
                let index = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[index] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes.remove(at: index)
                default: bytes.insert(contentsOf: [0x0d, 0x0a].shuffled(using: &random), at: index)
                }
            }
            let whole = parse([bytes])
            #expect(parse(bytes.map { [$0] }) == whole, "seed \(seed): \(bytes)")
        }
    }

    @Test("the token masks are those of the definition")
    func tokens() {
        let (low, high) = Characters.tokenMasks
        for byte in UInt8.min...UInt8.max {
            let expected = byte < 64 ? low >> UInt64(byte) & 1 == 1 : byte < 128 && high >> UInt64(byte & 63) & 1 == 1
            #expect(Characters.isToken(byte) == expected, "byte \(byte)")
        }
    }

    @Test("path and query are decoded once")
    func decoding() throws {
        var parser = RequestParser()
        let bytes = Array("GET /a%20b/%C3%A4+?x=1+2&y=%2541&z&=q HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
        guard case .head(let head, let taken) = bytes.withUnsafeBufferPointer({ parser.advance($0) }) else {
            Issue.record("no head")
            return
        }
        #expect(taken == bytes.count)
        #expect(head.path == "/a b/ä+")
        #expect(head.query.map { "\($0.name)=\($0.value)" } == ["x=1 2", "y=%41", "z=", "=q"])
    }
}
