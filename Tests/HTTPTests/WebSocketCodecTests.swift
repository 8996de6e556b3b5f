import IO
import TestKit
import Testing

@testable import HTTP

@Suite struct WebSocketCodecTests {
    @Test("the accept key is RFC 6455's own example, and SHA-1 and base64 are RFC 3174's and RFC 4648's")
    func vectors() {
        #expect(WebSocketHandshake.accept("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        let hex = { (text: String) in SHA1.digest(Array(text.utf8)).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined() }
        #expect(hex("abc") == "a9993e364706816aba3e25717850c26c9cd0d89d")
        #expect(hex("") == "da39a3ee5e6b4b0d3255bfef95601890afd80709")
        #expect(hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") == "84983e441c3bd26ebaae4aa1f95129e5e54670f1")
        for count in 55...65 { #expect(SHA1.digest([UInt8](repeating: 0x61, count: count)).count == 20) }
        #expect(["", "f", "fo", "foo", "foob"].map { Base64.encode(Array($0.utf8)) } == ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg=="])
        #expect(Base64.isSixteenBytes("AAAAAAAAAAAAAAAAAAAAAA==") && !Base64.isSixteenBytes("AAAAAAAAAAAAAAAAAAAAAB=="))
        #expect(!Base64.isSixteenBytes("AAAAAAAAAAAAAAAAAAAAAAA=") && !Base64.isSixteenBytes("AAAAAAAAAAAAAAAAAAA A==="))
    }

    @Test("frames of RFC 6455, 5.7 and messages of RFC 7692, 7.2.3 are what they are said to be")
    func examples() throws {
        var out: [UInt8] = []
        WebSocketFrameHead(opcode: .text, length: 5, mask: 0x3d21_fa37).encode(into: &out, payload: Array("Hello".utf8))
        #expect(out == [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58])
        for payload: [UInt8] in [
            // One block, two, with context, stored, and with BFINAL.
            [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00], [0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00],
            [0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00], [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00],
        ] {
            for size in [100, 3, 1] {
                let answer = converse([fragments(1, payload, size: size, rsv: 4)], deflate: PerMessageDeflate())
                let inflated = try #require(heard(answer)?.first)
                var message: [UInt8] = []
                let inflater = try #require(Inflater(windowBits: 15))
                if inflated.isCompressed {
                    try inflater.append(inflated.payload, &message, bytesMax: 10)
                    try inflater.finish(&message, bytesMax: 10)
                } else {
                    message = inflated.payload
                }
                #expect(message == Array("Hello".utf8), "\(payload)")
            }
        }
        var kept = PerMessageDeflate()
        kept.clientStartsAfresh = false
        kept.bytesMin = 100
        let twice = frame(1, [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00], rsv: 4) + frame(1, [0xf2, 0x00, 0x11, 0x00, 0x00], rsv: 4)
        #expect(heard(converse([twice], deflate: kept)) == [.text("Hello"), .text("Hello")])
    }

    @Test(
        "a frame that breaks the rules fails the connection with the rule's code",
        arguments: [
            ("not masked", frame(1, [0x61], isMasked: false), 1002), ("16-bit length of 125", [0x81, 0xfe, 0, 125, 0, 0, 0, 0], 1002),
            ("64-bit length of 65535", [0x82, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0], 1002),
            ("highest bit of a length", [0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 1002),
            ("longer than allowed", [0x82, 0xff, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0], 1009),
            ("compressed fragment", frame(1, [0x61], fin: false) + frame(0, [0x61], rsv: 4), 1002),
            ("compressed ping", frame(9, [], rsv: 4), 1002), ("no deflate stream", frame(1, [0xff, 0xff, 0xff], rsv: 4), 1007),
            ("compressed text that is not UTF-8", frame(1, [0x00, 0x01, 0x00, 0xfe, 0xff, 0xff, 0x00], rsv: 4), 1007),
            ("endless empty fragments", frame(1, fin: false) + (0..<300).flatMap { _ in frame(0, fin: false) }, 1008),
            ("endless ends of a stream", frame(2, (0..<40).flatMap { _ in [UInt8(0x03), 0x00] }, rsv: 4), 1007),
        ] as [(String, [UInt8], Int)])
    func rules(item: (name: String, bytes: [UInt8], code: Int)) {
        for pieces in [[item.bytes], chopped(item.bytes, 1)] {
            #expect(heard(converse(pieces, deflate: PerMessageDeflate()))?.map(\.brief) == [.close(item.code)], "\(item.name)")
        }
    }

    @Test("a message that decompresses to more than the limit is cut off there, however small it was (a bomb)")
    func bomb() throws {
        let compressor = try #require(Deflater(level: 9, windowBits: 15))
        let bomb = compressor.compress([UInt8](repeating: 0, count: 64 << 20))
        #expect(bomb.count < 70_000)
        var configuration = roomy()
        configuration.messageBytesMax = 1 << 20
        #expect(heard(converse([frame(2, bomb, rsv: 4)], configuration, deflate: PerMessageDeflate()))?.map(\.brief) == [.close(1009)])
        var whole: [UInt8] = []
        let inflater = try #require(Inflater(windowBits: 15))
        #expect(throws: Inflater.Fault.tooBig) { try inflater.append(bomb, &whole, bytesMax: 1 << 20) }
        #expect(whole.count <= 1 << 20)
    }

    @Test("messages, frames and bytes over the limits are refused, at the limit they are taken")
    func limits() {
        var configuration = roomy()
        (configuration.messageBytesMax, configuration.frameBytesMax) = (100, 60)
        let fill = { [UInt8](repeating: 0x61, count: $0) }
        #expect(heard(converse([fragments(1, fill(100), size: 60)], configuration)) == [.text(fill(100))])
        #expect(heard(converse([fragments(1, fill(101), size: 60)], configuration))?.map(\.brief) == [.close(1009)])
        #expect(heard(converse([frame(1, fill(61))], configuration))?.map(\.brief) == [.close(1009)])
        configuration = roomy { ($0.framesPerSecond, $0.framesBurst) = (1, 3) }
        let answers = heard(converse([(0..<4).flatMap { _ in frame(1, "a") }], configuration))?.map(\.brief)
        #expect(answers == [.text("a"), .text("a"), .text("a"), .close(1008)])
        configuration = roomy { ($0.bytesPerSecond, $0.bytesBurst, $0.frameBytesMax) = (1, 1, 100) }
        let many = heard(converse([(0..<9).flatMap { _ in frame(2, fill(35)) }], configuration))?.map(\.brief)
        #expect(many == Array(repeating: .binary(fill(35)), count: 4) + [.close(1008)])
        var bucket = TokenBucket(perSecond: 2, burst: 2)
        let at = { Deadline(nanoseconds: 1_000_000_000).adding(milliseconds: $0) }
        #expect(
            [0, 0, 0, 400, 500, 900, 1000, 9000, 9000, 9000].map { bucket.take(1, now: at($0)) } == [
                true, true, false, false, true, false, true, true, true, false,
            ])
    }

    @Test("any split of the bytes is heard the same", arguments: AutobahnCase.all.filter { $0.pieces.joined().count < 1200 })
    func splits(item: AutobahnCase) {
        let bytes = Array(item.pieces.joined())
        let whole = converse([bytes])
        #expect(converse(chopped(bytes, 1)) == whole, "\(item.number), byte by byte")
        for cut in stride(from: 1, to: bytes.count, by: max(1, bytes.count / 60)) {
            #expect(converse([Array(bytes[..<cut]), Array(bytes[cut...])]) == whole, "\(item.number), cut at \(cut)")
        }
    }

    @Test("whatever a client's machine sends, a server's hears, in any pieces and with any parameters", arguments: UInt64(1)...40)
    func roundTrip(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var deflate: PerMessageDeflate?
        if seed % 4 != 0 {
            var agreed = PerMessageDeflate()
            (agreed.clientStartsAfresh, agreed.clientWindowBits, agreed.bytesMin) = (seed % 2 == 0, Int.random(in: 9...15, using: &random), 1)
            deflate = agreed
        }
        var client = WebSocketMachine(role: .client, configuration: roomy(), deflate: deflate)
        var server = WebSocketMachine(configuration: roomy(), deflate: deflate)
        var sent: [WebSocketMachine.Step] = []
        var wire: [UInt8] = []
        for _ in 0..<20 {
            let content = (0..<Int.random(in: 0...3000, using: &random)).map { _ in UInt8.random(in: 0x61...0x66, using: &random) }
            switch Int.random(in: 0..<4, using: &random) {
            case 0:
                client.ping(Array(content.prefix(125)), into: &wire)
                sent.append(.ping(Array(content.prefix(125))))
            case 1: sent += client.send(.binary(content), into: &wire) ? [.message(.binary(content))] : []
            default:
                let text = WebSocketMessage.text(String(decoding: content, as: UTF8.self) + "µ")
                sent += client.send(text, into: &wire) ? [.message(text)] : []
            }
        }
        client.close(WebSocketClose(.normal, "done"), into: &wire)
        sent.append(.close(WebSocketClose(.normal, "done")))
        var seen: [WebSocketMachine.Step] = []
        var start = 0
        while start < wire.count {
            let end = min(wire.count, start + Int.random(in: 1...700, using: &random))
            wire[start..<end].withUnsafeBufferPointer { bytes in
                var position = 0
                while true {
                    let step = server.advance(bytes, &position, now: Deadline(nanoseconds: 1))
                    if step == .needMore { return }
                    seen.append(step)
                }
            }
            start = end
        }
        #expect(seen == sent, "seed \(seed)")
    }

    @Test("only codes that exist may travel, and a reason is cut at a character")
    func codes() {
        let received = (0...5000).filter { WebSocketCloseCode(rawValue: $0).mayBeReceived }
        #expect(received == [1000, 1001, 1002, 1003] + Array(1007...1014) + Array(3000...4999))
        #expect(!WebSocketCloseCode(rawValue: 1010).maySend(as: .server) && WebSocketCloseCode(rawValue: 1010).maySend(as: .client))
        let long = WebSocketClose(.normal, String(repeating: "€", count: 100)).payload
        #expect(long.count == 2 + 41 * 3 && String(validating: long[2...], as: UTF8.self) != nil)
    }
}
