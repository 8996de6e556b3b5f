import Crypto
import Testing

@Suite struct Ed25519Tests {
    @Test("keys and signatures are those of RFC 8032 section 7.1")
    func published() throws {
        let seed = try #require(Hex.decode("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"))
        let key = try Ed25519.PrivateKey(seed: seed)
        let publicKey = try Ed25519.publicKey(of: key)
        #expect(Hex.encode(publicKey) == "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
        let signature = try Ed25519.sign([0x72], with: key)
        #expect(
            Hex.encode(signature)
                == "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        )
        #expect(Ed25519.isValid(signature, for: [0x72], publicKey: publicKey))
    }

    @Test("a signature is valid for one message and one key only, and any flipped bit spoils it")
    func tampered() throws {
        let key = try Ed25519.PrivateKey.generate()
        let publicKey = try Ed25519.publicKey(of: key)
        let message = Array("plugin".utf8)
        let signature = try Ed25519.sign(message, with: key)
        #expect(Ed25519.isValid(signature, for: message, publicKey: publicKey))
        #expect(!Ed25519.isValid(signature, for: message + [0], publicKey: publicKey))
        let other = try Ed25519.publicKey(of: .generate())
        #expect(!Ed25519.isValid(signature, for: message, publicKey: other))
        for bit in stride(from: 0, to: 512, by: 37) {
            var changed = signature
            changed[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(!Ed25519.isValid(changed, for: message, publicKey: publicKey), "bit \(bit)")
        }
    }

    @Test("malformed keys and signatures are refused, and a key never prints itself")
    func malformed() throws {
        #expect(throws: CryptoError.self) { try Ed25519.PrivateKey(seed: [1, 2, 3]) }
        #expect(!Ed25519.isValid([], for: [], publicKey: []))
        let key = try Ed25519.PrivateKey(seed: Array(repeating: 7, count: 32))
        #expect("\(key)" == "Ed25519.PrivateKey(redacted)")
        #expect(String(reflecting: key) == "Ed25519.PrivateKey(redacted)")
    }
}
