import Crypto
import Testing

@Suite struct EncodingTests {
    @Test(
        "base64url gives RFC 4648's values without padding",
        arguments: [("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"), ("fooba", "Zm9vYmE"), ("foobar", "Zm9vYmFy")])
    func base64(text: String, encoded: String) {
        #expect(Base64URL.encode(Array(text.utf8)) == encoded)
        #expect(Base64URL.decode(encoded) == Array(text.utf8))
    }

    @Test("base64url refuses what has a second spelling", arguments: ["Zg==", "Zh", "Z", "Zm9vY", "Zm+v", "Zm/v", "Zm 9v", "Zm9v\n", "é"])
    func base64Strict(text: String) {
        #expect(Base64URL.decode(text) == nil)
    }

    @Test("hex refuses odd counts and other characters", arguments: ["0", "0g", "é", " 0", "0x00"])
    func hexStrict(text: String) {
        #expect(Hex.decode(text) == nil)
    }

    @Test("every byte string comes back from hex and base64url", arguments: 0..<80)
    func roundTrip(count: Int) {
        let bytes = secureRandom(count)
        #expect(Hex.decode(Hex.encode(bytes)) == bytes, "bytes \(bytes)")
        #expect(Base64URL.decode(Base64URL.encode(bytes)) == bytes, "bytes \(bytes)")
    }

    @Test("constant-time comparison is equality")
    func constantTime() {
        #expect(constantTimeEquals([], []))
        #expect(constantTimeEquals([1, 2], [1, 2]))
        #expect(!constantTimeEquals([1, 2], [1, 3]))
        #expect(!constantTimeEquals([1, 2], [1]))
    }

    @Test("random bytes have the length asked for and do not repeat")
    func random() {
        #expect(secureRandom(0).isEmpty)
        #expect(Set((0..<100).map { _ in secureRandom(16) }).count == 100)
    }
}
