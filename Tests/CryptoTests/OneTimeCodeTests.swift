import Crypto
import Testing

@Suite struct OneTimeCodeTests {
    private static let secret = Array("12345678901234567890".utf8)

    @Test("codes by counter are those of RFC 4226")
    func counter() {
        let published = ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"]
        for (counter, code) in published.enumerated() { #expect(OneTimeCode.code(secret: Self.secret, counter: Int64(counter)) == code) }
    }

    @Test(
        "codes by time are those of RFC 6238",
        arguments: [
            (59, "94287082"), (1_111_111_109, "07081804"), (1_111_111_111, "14050471"), (1_234_567_890, "89005924"), (2_000_000_000, "69279037"),
            (20_000_000_000, "65353130"),
        ] as [(Int64, String)])
    func time(seconds: Int64, code: String) {
        #expect(OneTimeCode.code(secret: Self.secret, counter: OneTimeCode.step(atMilliseconds: seconds * 1000), digits: 8) == code)
    }

    @Test("a code counts in its own half minute and the ones beside it, and never twice")
    func window() {
        let now: Int64 = 1_111_111_110_000
        let step = OneTimeCode.step(atMilliseconds: now)
        func found(_ counter: Int64, after last: Int64 = 0) -> Int64? {
            OneTimeCode.step(
                of: OneTimeCode.code(secret: Self.secret, counter: counter), secret: Self.secret, atMilliseconds: now, after: last)
        }
        #expect(found(step) == step && found(step - 1) == step - 1 && found(step + 1) == step + 1)
        #expect(found(step - 2) == nil && found(step + 2) == nil)
        #expect(found(step, after: step) == nil && found(step - 1, after: step) == nil && found(step + 1, after: step) == step + 1)
        for code in ["", "1", "1234567", "abcdef", "١٢٣٤٥٦"] {
            #expect(OneTimeCode.step(of: code, secret: Self.secret, atMilliseconds: now, after: 0) == nil)
        }
    }

    @Test(
        "base 32 gives the values of RFC 4648 without their padding, and reads nothing else",
        arguments: [
            ("", ""), ("f", "MY"), ("fo", "MZXQ"), ("foo", "MZXW6"), ("foob", "MZXW6YQ"), ("fooba", "MZXW6YTB"), ("foobar", "MZXW6YTBOI"),
        ])
    func base32(text: String, encoded: String) {
        #expect(Base32.encode(Array(text.utf8)) == encoded)
        #expect(Base32.decode(encoded) == Array(text.utf8))
    }

    @Test("text that no bytes have is refused", arguments: ["M", "MY======", "my", "MZ", "M1", "MZX", "MZXW6Y", "M Y"])
    func base32Refused(text: String) { #expect(Base32.decode(text) == nil) }
}
