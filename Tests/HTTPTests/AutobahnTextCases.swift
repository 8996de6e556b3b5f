@testable import HTTP

extension AutobahnCase {
    private static let greek: [UInt8] = [0xce, 0xba, 0xe1, 0xbd, 0xb9, 0xcf, 0x83, 0xce, 0xbc, 0xce, 0xb5]

    /// 6.*: text must be UTF-8, and is refused at the first byte that cannot be.
    static let utf8: [AutobahnCase] = {
        let mixed = Array("Hello-µ@ßöäüàá-UTF-8!!".utf8)
        let wrong = greek + [0xed, 0xa0, 0x80] + Array("edited".utf8)
        let past: [UInt8] = [0xf4, 0x90, 0x80, 0x80]
        let edited = Array("edited".utf8)
        let octets = { (bytes: [UInt8]) in fragments(1, bytes, size: 1) }
        var cases: [AutobahnCase] = [
            .good("6.1.1", frame(1), [.text("")]),
            .good("6.1.2", frame(1, fin: false) + frame(0, fin: false) + frame(0), [.text("")]),
            .good("6.1.3", frame(1, fin: false) + frame(0, "middle frame payload", fin: false) + frame(0), [.text("middle frame payload")]),
            .good("6.2.1", frame(1, mixed), [.text(mixed)]),
            .good("6.2.2", frame(1, Array(mixed[..<12]), fin: false) + frame(0, Array(mixed[12...])), [.text(mixed)]),
            .good("6.2.3", octets(mixed), [.text(mixed)]), .good("6.2.4", octets(greek), [.text(greek)]), .bad("6.3.1", [frame(1, wrong)], 1007),
            .bad("6.3.2", [octets(wrong)], 1007),
            // The message never ends, so only a check on the fly can refuse it.
            .bad("6.4.1", [frame(1, greek, fin: false), frame(0, past, fin: false)], 1007),
            .bad("6.4.2", [frame(1, greek + past[..<1], fin: false), frame(0, [past[1]], fin: false)], 1007),
            .bad("6.4.3", [Array(frame(1, greek + past + edited).dropLast(edited.count))], 1007),
            .bad("6.4.4", [Array(frame(1, greek + past + edited).dropLast(edited.count + 2))], 1007),
        ]
        for (group, sequences) in sequences.enumerated() {
            for (index, sequence) in sequences.enumerated() {
                let number = "6.\(group + 5).\(index + 1)"
                let text = frame(1, sequence.bytes)
                cases.append(sequence.isValid ? .good(number, text, [.text(sequence.bytes)]) : .bad(number, [text], 1007))
            }
        }
        return cases
    }()

    private typealias Sample = (isValid: Bool, bytes: [UInt8])

    /// Markus Kuhn's stress test, in the catalogue's order: 6.5 to 6.23.
    private static let sequences: [[Sample]] = {
        let good = { (list: [[UInt8]]) in list.map { Sample(true, $0) } }
        let bad = { (list: [[UInt8]]) in list.map { Sample(false, $0) } }
        let around = { (bytes: [UInt8]) in Array("hello".utf8) + bytes + Array("world".utf8) }
        let cut: [[UInt8]] = [
            [0xc0], [0xe0, 0x80], [0xf0, 0x80, 0x80], [0xf8, 0x80, 0x80, 0x80], [0xfc, 0x80, 0x80, 0x80, 0x80], [0xdf], [0xef, 0xbf],
            [0xf7, 0xbf, 0xbf], [0xfb, 0xbf, 0xbf, 0xbf], [0xfd, 0xbf, 0xbf, 0xbf, 0xbf],
        ]
        let lonely: [[UInt8]] = [(0xc0, 0xdf), (0xe0, 0xef), (0xf0, 0xf7), (0xf8, 0xfb), (0xfc, 0xfd)].map { (low: UInt8, high: UInt8) in
            (low..<high).flatMap { [$0, 0x20] }
        }
        var noCharacters: [[UInt8]] = [[0xef, 0xbf, 0xbe], [0xef, 0xbf, 0xbf]]
        // What lies above U+10FFFF and what would be overlong is left out.
        let seconds: [UInt8] = [0x8f, 0x9f, 0xaf, 0xbf]
        let planes: [[UInt8]] = (0xf0...0xf4).flatMap { (first: UInt8) in seconds.map { (second: UInt8) in [first, second] } }
        let lasts: [[UInt8]] = [[0xbf, 0xbe], [0xbf, 0xbf]]
        for plane: [UInt8] in planes.dropFirst().prefix(16) { noCharacters += lasts.map { plane + $0 } }
        let surrogates: [[UInt8]] = [
            [0xed, 0xa0, 0x80], [0xed, 0xad, 0xbf], [0xed, 0xae, 0x80], [0xed, 0xaf, 0xbf], [0xed, 0xb0, 0x80], [0xed, 0xbe, 0x80],
            [0xed, 0xbf, 0xbf],
        ]
        var unexpected: [[UInt8]] = [[0x80], [0xbf]]
        for count in 2...6 { unexpected.append((0..<count).map { $0 % 2 == 0 ? 0x80 : 0xbf }) }
        unexpected.append(Array(0x80..<0xbf))
        let lows: [[UInt8]] = [[0xed, 0xb0, 0x80], [0xed, 0xbf, 0xbf]]
        let pairs: [[UInt8]] = surrogates[..<4].flatMap { (high: [UInt8]) in lows.map { high + $0 } }
        let specials: [[UInt8]] = (0xb9...0xbf).map { (last: UInt8) in [0xef, 0xbf, last] }
        return [
            good([around([0x24]), around([0xc2, 0xa2]), around([0xe2, 0x82, 0xac]), around([0xf0, 0xa4, 0xad, 0xa2]), greek]),
            (1...greek.count).map { Sample(String(validating: greek[..<$0], as: UTF8.self) != nil, Array(greek[..<$0])) },
            good([[0], [0xc2, 0x80], [0xe0, 0xa0, 0x80], [0xf0, 0x90, 0x80, 0x80]]),
            bad([[0xf8, 0x88, 0x80, 0x80, 0x80], [0xfc, 0x84, 0x80, 0x80, 0x80, 0x80]]),
            good([[0x7f], [0xdf, 0xbf], [0xef, 0xbf, 0xbf], [0xf4, 0x8f, 0xbf, 0xbf]]),
            bad([[0xf7, 0xbf, 0xbf, 0xbf], [0xfb, 0xbf, 0xbf, 0xbf, 0xbf], [0xfd, 0xbf, 0xbf, 0xbf, 0xbf, 0xbf]]),
            good([[0xed, 0x9f, 0xbf], [0xee, 0x80, 0x80], [0xef, 0xbf, 0xbd], [0xf4, 0x8f, 0xbf, 0xbf]]) + bad([[0xf4, 0x90, 0x80, 0x80]]),
            bad(unexpected), bad(lonely),
            bad(cut), bad([cut.flatMap { $0 }]), bad([[0xfe], [0xff], [0xfe, 0xfe, 0xff, 0xff]]),
            bad([
                [0xc0, 0xaf], [0xe0, 0x80, 0xaf], [0xf0, 0x80, 0x80, 0xaf], [0xf8, 0x80, 0x80, 0x80, 0xaf], [0xfc, 0x80, 0x80, 0x80, 0x80, 0xaf],
            ]),
            bad([
                [0xc1, 0xbf], [0xe0, 0x9f, 0xbf], [0xf0, 0x8f, 0xbf, 0xbf], [0xf8, 0x87, 0xbf, 0xbf, 0xbf], [0xfc, 0x83, 0xbf, 0xbf, 0xbf, 0xbf],
            ]),
            bad([
                [0xc0, 0x80], [0xe0, 0x80, 0x80], [0xf0, 0x80, 0x80, 0x80], [0xf8, 0x80, 0x80, 0x80, 0x80], [0xfc, 0x80, 0x80, 0x80, 0x80, 0x80],
            ]),
            bad(surrogates), bad(pairs), good(noCharacters), good(specials),
        ]
    }()
}
