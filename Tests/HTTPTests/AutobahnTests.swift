import IO
import TestKit
import Testing

@testable import HTTP

@Suite(.serialized) struct AutobahnTests {
    @Test("the Autobahn catalogue, cases 1 to 7, 9 and 10, is answered as it wants", arguments: AutobahnCase.all)
    func codec(item: AutobahnCase) {
        let answer = heard(converse(item.pieces))?.map(\.brief)
        #expect(answer == item.expected, "\(item.number)")
    }

    @Test("the catalogue has all its cases, each once")
    func numbers() {
        let numbers = AutobahnCase.all.map(\.number)
        #expect(Set(numbers).count == numbers.count)
        let expected = ["1": 16, "2": 11, "3": 7, "4": 10, "5": 20, "6": 145, "7": 37, "9": 54, "10": 1]
        #expect(Dictionary(grouping: numbers) { String($0.prefix { $0 != "." }) }.mapValues(\.count) == expected)
    }

    @Test("the Autobahn catalogue is answered the same over a socket")
    func socket() async throws {
        let running = try Running(echoing())
        for item in AutobahnCase.all {
            let client = try RawClient(running.address)
            let (head, rest) = try client.upgrade()
            #expect(head.hasPrefix("HTTP/1.1 101"), "\(item.number)")
            let reader = OwnedTask(on: nil) { rest + client.receiveBytes() }
            for piece in item.pieces {
                // A server that has failed the connection need not take the rest.
                do { try client.send(piece) } catch { break }
            }
            let answer = heard(try await reader.value)?.map(\.brief)
            #expect(answer == item.expected, "\(item.number): \(answer ?? [])")
        }
        #expect(try await running.becomesEmpty())
        await running.stop()
    }

    /// The parameters of 13.1 to 13.7; 12.* has the first. What is asked of the server, and what is agreed on.
    static let offers: [(family: String, offer: String, agreed: String)] =
        (1...5).map { ("12.\($0)", "permessage-deflate; client_max_window_bits", "permessage-deflate") } + [
            ("13.1", "permessage-deflate; client_max_window_bits", "permessage-deflate"),
            ("13.2", "permessage-deflate; server_no_context_takeover", "permessage-deflate; server_no_context_takeover"),
            ("13.3", "permessage-deflate; server_max_window_bits=9", "permessage-deflate; server_max_window_bits=9"),
            ("13.4", "permessage-deflate; server_max_window_bits=15", "permessage-deflate"),
            (
                "13.5", "permessage-deflate; server_no_context_takeover; server_max_window_bits=9",
                "permessage-deflate; server_no_context_takeover; server_max_window_bits=9"
            ),
            (
                "13.6", "permessage-deflate; server_no_context_takeover; server_max_window_bits=15",
                "permessage-deflate; server_no_context_takeover"
            ),
            (
                "13.7",
                "permessage-deflate; server_max_window_bits=8, permessage-deflate; server_no_context_takeover, permessage-deflate",
                "permessage-deflate; server_no_context_takeover"
            ),
        ]

    @Test("the Autobahn catalogue, cases 12 and 13: compressed messages of all sizes come back, whatever was agreed on", arguments: offers)
    func compression(item: (family: String, offer: String, agreed: String)) throws {
        let configuration = roomy { $0.compression?.keepsContext = true }
        let offers = try #require(WebSocketExtension.parse([item.offer]))
        let deflate = try #require(PerMessageDeflate(offers: offers, configuration.compression ?? WebSocketCompression()))
        #expect(deflate.header == item.agreed)
        let sizes = [16, 64, 256, 1024, 4096, 8192, 16_384, 32_768, 65_536, 131_072]
        for (index, size) in (sizes + sizes[2...]).enumerated() {
            let sent = (0..<3).map { AutobahnTests.data(item.family, size, seed: UInt64(size + $0)) }
            let opcode: UInt8 = item.family == "12.5" ? 2 : 1
            let compressor = try #require(Deflater(level: 6, windowBits: 15))
            let bytes = sent.flatMap { fragments(opcode, compressor.compress($0), size: index < 10 ? .max : 500, rsv: 4) }
            let frames = try #require(heard(converse(chopped(bytes, 4000), configuration, deflate: deflate)), "\(item.family).\(index + 1)")
            var inflater = try #require(Inflater(windowBits: deflate.serverWindowBits))
            var back: [[UInt8]] = []
            for frame in frames {
                var message: [UInt8] = []
                #expect(frame.opcode == opcode)
                if frame.isCompressed {
                    try inflater.append(frame.payload, &message, bytesMax: size)
                    try inflater.finish(&message, bytesMax: size)
                    if deflate.serverStartsAfresh { inflater = try #require(Inflater(windowBits: deflate.serverWindowBits)) }
                } else {
                    message = frame.payload
                }
                back.append(message)
            }
            #expect(back == sent, "\(item.family).\(index + 1)")
        }
    }

    /// Five kinds of data, as the catalogue has: words, JSON, one letter, mark-up, and what does not compress.
    private static func data(_ family: String, _ size: Int, seed: UInt64) -> [UInt8] {
        var random = SeededRandom(seed: seed)
        let words = ["lorem", "ipsum", "dolor", "sit", "amet", "µ", "ß", "κόσμε"]
        var bytes: [UInt8] = []
        while bytes.count < size {
            let word = words.randomElement(using: &random) ?? ""
            switch family {
            case "12.2": bytes += Array("{\"key\":\"\(word)\",\"n\":\(Int.random(in: 0...999, using: &random))},".utf8)
            case "12.3": bytes.append(0x2a)
            case "12.4": bytes += Array("<p class=\"\(word)\">\(word)</p>\n".utf8)
            case "12.5": bytes.append(UInt8.random(in: 0...255, using: &random))
            default: bytes += Array("\(word) ".utf8)
            }
        }
        // Text must not end within a character.
        return family == "12.5" ? Array(bytes[..<size]) : Array(String(decoding: bytes[..<size], as: UTF8.self).utf8.filter { $0 < 0x80 })
    }
}
