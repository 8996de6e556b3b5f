import Testing

@testable import HTTP

/// One case of the Autobahn TestSuite's catalogue, put as what a client sends and what an echoing server must answer.
struct AutobahnCase: Sendable, CustomTestStringConvertible {
    /// The catalogue's number.
    let number: String
    let pieces: [[UInt8]]
    let expected: [Heard]
    var testDescription: String { "Autobahn \(number)" }

    init(_ number: String, _ pieces: [[UInt8]], _ expected: [Heard]) {
        self.number = number
        self.pieces = pieces
        self.expected = expected
    }

    /// Frames that are answered as expected, and then closed in order.
    static func good(_ number: String, _ frames: [UInt8], _ expected: [Heard], chop: Int? = nil) -> AutobahnCase {
        let bytes = frames + closeFrame()
        return AutobahnCase(number, chop.map { chopped(bytes, $0) } ?? [bytes], expected + [.close(1000)])
    }

    /// Frames for which the connection is failed, after the answers that were due before.
    static func bad(_ number: String, _ frames: [[UInt8]], _ code: Int = 1002, after expected: [Heard] = [], chop: Int? = nil) -> AutobahnCase {
        AutobahnCase(number, chop.map { chopped(frames.flatMap { $0 }, $0) } ?? frames, expected + [.close(code)])
    }

    static let all = framing + pings + reserved + fragmentation + utf8 + closing + limits

    /// 1.*: texts and binaries of all length encodings.
    static let framing: [AutobahnCase] = {
        let sizes: [(Int, Int?)] = [(0, nil), (125, nil), (126, nil), (127, nil), (128, nil), (65_535, nil), (65_536, nil), (65_536, 997)]
        return sizes.enumerated().flatMap { index, size -> [AutobahnCase] in
            let text = [UInt8](repeating: 0x2a, count: size.0)
            let bytes = [UInt8](repeating: 0xfe, count: size.0)
            return [
                .good("1.1.\(index + 1)", frame(1, text), [.text(text)], chop: size.1),
                .good("1.2.\(index + 1)", frame(2, bytes), [.binary(bytes)], chop: size.1),
            ]
        }
    }()

    /// 2.*: pings and pongs.
    static let pings: [AutobahnCase] = {
        let content = [UInt8](repeating: 0xfe, count: 125)
        let ten = (0..<10).map { Array("payload-\($0)".utf8) }
        return [
            .good("2.1", frame(9), [.pong()]), .good("2.2", frame(9, "Hello, world!"), [.pong(Array("Hello, world!".utf8))]),
            .good("2.3", frame(9, [0, 0xff, 0xfe, 0xfd, 0xfc, 0xfb, 0, 0xff]), [.pong([0, 0xff, 0xfe, 0xfd, 0xfc, 0xfb, 0, 0xff])]),
            .good("2.4", frame(9, content), [.pong(content)]), .bad("2.5", [frame(9, content + [0xfe])]),
            .good("2.6", frame(9, content), [.pong(content)], chop: 1), .good("2.7", frame(10), []),
            .good("2.8", frame(10, "unsolicited pong payload"), []),
            .good("2.9", frame(10, "unsolicited pong payload") + frame(9, "ping payload"), [.pong(Array("ping payload".utf8))]),
            .good("2.10", ten.flatMap { frame(9, $0) }, ten.map { .pong($0) }),
            .good("2.11", ten.flatMap { frame(9, $0) }, ten.map { .pong($0) }, chop: 1),
        ]
    }()

    /// 3.* and 4.*: reserved bits and opcodes.
    static let reserved: [AutobahnCase] = {
        let hello = Array("Hello, world!".utf8)
        let ok = [Heard.text(hello)]
        var cases: [AutobahnCase] = [
            .bad("3.1", [frame(1, hello, rsv: 1)]), .bad("3.2", [frame(1, hello) + frame(1, hello, rsv: 2) + frame(9)], after: ok),
            .bad("3.3", [frame(1, hello), frame(1, hello, rsv: 3), frame(9)], after: ok),
            .bad("3.4", [frame(1, hello), frame(1, hello, rsv: 4), frame(9)], after: ok, chop: 1), .bad("3.5", [frame(2, hello, rsv: 5)]),
            .bad("3.6", [frame(9, hello, rsv: 6)]), .bad("3.7", [frame(8, hello, rsv: 7)]),
        ]
        for (family, first) in [("4.1", UInt8(3)), ("4.2", 11)] {
            for index in UInt8(0)..<5 {
                let number = "\(family).\(index + 1)"
                let odd = frame(first + index, index == 0 ? [] : hello)
                switch index {
                case 0, 1: cases.append(.bad(number, [odd]))
                case 2: cases.append(.bad(number, [frame(1, hello) + odd + frame(9)], after: ok))
                case 3: cases.append(.bad(number, [frame(1, hello), odd, frame(9)], after: ok))
                default: cases.append(.bad(number, [frame(1, hello), odd, frame(9)], after: ok, chop: 1))
                }
            }
        }
        return cases
    }()

    /// 5.*: fragments, and control frames between them.
    static let fragmentation: [AutobahnCase] = {
        let two = frame(1, "fragment1", fin: false) + frame(0, "fragment2")
        let ping = frame(1, "fragment1", fin: false) + frame(9, "ping payload") + frame(0, "fragment2")
        let both = [Heard.text("fragment1fragment2")]
        let pong = [Heard.pong(Array("ping payload".utf8))]
        let five =
            frame(1, "fragment1", fin: false) + frame(0, "fragment2", fin: false) + frame(9, "pongme 1!") + frame(0, "fragment3", fin: false)
            + frame(0, "fragment4", fin: false) + frame(9, "pongme 2!") + frame(0, "fragment5")
        let fiveHeard: [Heard] = [
            .pong(Array("pongme 1!".utf8)), .pong(Array("pongme 2!".utf8)), .text("fragment1fragment2fragment3fragment4fragment5"),
        ]
        let lone = { (fin: Bool) in [frame(0, "non-continuation payload", fin: fin), frame(1, "Hello, world!")] }
        return [
            .bad("5.1", [frame(9, "fragment1", fin: false) + frame(0, "fragment2")]),
            .bad("5.2", [frame(10, "fragment1", fin: false) + frame(0, "fragment2")]), .good("5.3", two, both), .good("5.4", two, both, chop: 15),
            .good("5.5", two, both, chop: 1), .good("5.6", ping, pong + both), .good("5.7", ping, pong + both, chop: 15),
            .good("5.8", ping, pong + both, chop: 1), .bad("5.9", [lone(true).flatMap { $0 }]), .bad("5.10", lone(true)),
            .bad("5.11", lone(true), chop: 1), .bad("5.12", [lone(false).flatMap { $0 }]), .bad("5.13", lone(false)),
            .bad("5.14", lone(false), chop: 1), .bad("5.15", [two] + lone(false), after: both),
            .bad("5.16", lone(false) + lone(false)), .bad("5.17", lone(true) + lone(true)),
            .bad("5.18", [frame(1, "fragment1", fin: false), frame(1, "fragment2")]), .good("5.19", five, fiveHeard),
            .good("5.20", five, fiveHeard, chop: 19),
        ]
    }()

    /// 7.*: the closing handshake and its codes.
    static let closing: [AutobahnCase] = {
        let hello = frame(1, "Hello World!")
        let large = [UInt8](repeating: 0x2a, count: 256 * 1024)
        let raw = { (payload: [UInt8]) in [frame(8, payload)] }
        var cases: [AutobahnCase] = [
            .good("7.1.1", hello, [.text("Hello World!")]), AutobahnCase("7.1.2", [closeFrame() + closeFrame()], [.close(1000)]),
            AutobahnCase("7.1.3", [closeFrame() + frame(9)], [.close(1000)]), AutobahnCase("7.1.4", [closeFrame() + hello], [.close(1000)]),
            AutobahnCase("7.1.5", [frame(1, "fragment1", fin: false) + closeFrame() + frame(0, "fragment2")], [.close(1000)]),
            AutobahnCase("7.1.6", [frame(1, large) + closeFrame() + frame(9)], [.text(large), .close(1000)]),
            AutobahnCase("7.3.1", raw([]), [.close(nil)]), .bad("7.3.2", raw([0x61])), AutobahnCase("7.3.3", [closeFrame()], [.close(1000)]),
            AutobahnCase("7.3.4", [closeFrame(1000, "Hello World!")], [.close(1000)]),
            AutobahnCase("7.3.5", [closeFrame(1000, String(repeating: "*", count: 123))], [.close(1000)]),
            .bad("7.3.6", [closeFrame(1000, String(repeating: "*", count: 124))]),
            .bad("7.5.1", raw([0x03, 0xe8, 0xce, 0xba, 0xe1, 0xbd, 0xb9, 0xf4, 0x90, 0x80, 0x80, 0x65]), 1007),
            .bad("7.13.1", [closeFrame(5000)]), .bad("7.13.2", raw([0, 1, 0, 0])),
        ]
        for (index, code) in [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999].enumerated() {
            // 1010 is the client's alone: the answer is 1000, as the catalogue allows.
            cases.append(AutobahnCase("7.7.\(index + 1)", [closeFrame(code)], [.close(code == 1010 ? 1000 : code)]))
        }
        for (index, code) in [0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999].enumerated() {
            cases.append(.bad("7.9.\(index + 1)", [closeFrame(code)]))
        }
        return cases
    }()

    /// 9.* at a sixteenth of its sizes and a twentieth of its counts, and 10.1.1.
    static let limits: [AutobahnCase] = {
        var cases: [AutobahnCase] = []
        let filled = { (size: Int) in [UInt8](repeating: 0x2a, count: size) }
        for (text, binary, opcode) in [("9.1", "9.2", UInt8(1)), ("9.3", "9.4", 1), ("9.5", "9.6", 1), ("9.7", "9.8", 1)].flatMap({
            [($0.0, $0.0, $0.2), ($0.1, $0.0, UInt8(2))]
        }) {
            let answer = { (bytes: [UInt8]) in Heard(opcode: opcode, payload: bytes) }
            switch binary {
            case "9.1":
                for (index, size) in [4096, 16_384, 65_536, 262_144, 524_288, 1_048_576].enumerated() {
                    cases.append(.good("\(text).\(index + 1)", frame(opcode, filled(size)), [answer(filled(size))]))
                }
            case "9.3":
                for (index, size) in [64, 256, 1024, 4096, 16_384, 65_536, 131_072, 200_000, 262_144].enumerated() {
                    cases.append(.good("\(text).\(index + 1)", fragments(opcode, filled(262_144), size: size), [answer(filled(262_144))]))
                }
            case "9.5":
                for (index, chop) in [64, 128, 256, 512, 1024, 2048].enumerated() {
                    cases.append(.good("\(text).\(index + 1)", frame(opcode, filled(65_536)), [answer(filled(65_536))], chop: chop))
                }
            default:
                for (index, size) in [0, 16, 64, 256, 1024, 4096].enumerated() {
                    let many = (0..<50).flatMap { _ in frame(opcode, filled(size)) }
                    cases.append(.good("\(text).\(index + 1)", many, Array(repeating: answer(filled(size)), count: 50)))
                }
            }
        }
        return cases + [.good("10.1.1", fragments(1, filled(65_536), size: 1300), [.text(filled(65_536))])]
    }()
}
