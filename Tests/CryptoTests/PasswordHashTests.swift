import Crypto
import Testing

@Suite struct PasswordHashTests {
    @Test(
        "scrypt gives the values of RFC 7914",
        arguments: [
            (
                "", "", 4, 1, 1,
                "77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906"
            ),
            (
                "password", "NaCl", 10, 8, 16,
                "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b3731622eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640"
            ),
            (
                "pleaseletmein", "SodiumChloride", 14, 8, 1,
                "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887"
            ),
        ])
    func published(password: String, salt: String, log2N: Int, r: Int, p: Int, hex: String) throws {
        let cost = try #require(Scrypt.Cost(log2N: log2N, r: r, p: p))
        #expect(Hex.encode(try Scrypt.derive(Array(password.utf8), salt: Array(salt.utf8), cost: cost, byteCount: 64)) == hex)
    }

    @Test("a password costs what OWASP asks of scrypt: N = 2^17, r = 8, p = 1, 128 MiB")
    func standard() throws {
        #expect(Scrypt.Cost.owasp == Scrypt.Cost(log2N: 17, r: 8, p: 1) && Scrypt.Cost.owasp.memoryBytes == 128 << 20)
        let hash = try PasswordHash(of: Array("correct horse".utf8))
        #expect(hash.text.hasPrefix("$scrypt$ln=17,r=8,p=1$") && hash.text.utf8.count == 22 + 22 + 1 + 43)
        #expect(try hash.isOf(Array("correct horse".utf8)))
        #expect(try !hash.isOf(Array("correct horsf".utf8)))
    }

    @Test("a stored password is read again, and asks for a new hash when the cost has changed")
    func roundTrip() throws {
        let hash = try PasswordHash(of: Array("p".utf8), cost: .cheapestForTests)
        let read = try #require(PasswordHash(text: hash.text))
        #expect(read == hash && read.text == hash.text)
        #expect(try read.isOf([UInt8(ascii: "p")]))
        #expect(read.needsRehash() && !read.needsRehash(for: .cheapestForTests))
        #expect(try PasswordHash(of: Array("p".utf8), cost: .cheapestForTests) != hash)
        #expect(!"\(read)".contains(hash.text.suffix(20)) && !String(reflecting: read).contains(hash.text.suffix(20)))
    }

    @Test(
        "what is not exactly a stored password is refused, a cost beyond our means among it",
        arguments: [
            "", "$scrypt$", "$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA", "$scrypt$ln=17,r=8,p=1$c2FsdHNhbHQ",
            "$scrypt$ln=017,r=8,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA", "$scrypt$r=8,ln=17,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA",
            "$scrypt$ln=25,r=8,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA", "$scrypt$ln=20,r=8,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA",
            "$scrypt$ln=17,r=0,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA", "$scrypt$ln=17,r=8,p=1$c2FsdHNhbHQ$aGFzaA",
            "$scrypt$ln=17,r=8,p=1$c2FsdHNhbHQ=$aGFzaGhhc2hoYXNoaGFzaA", "$scrypt$ln=17,r=8,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFz-_",
            "$scrypt$ln=17,r=8,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA$",
        ])
    func malformed(text: String) {
        #expect(PasswordHash(text: text) == nil)
    }
}
