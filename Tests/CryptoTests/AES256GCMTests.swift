import Crypto
import Testing

@Suite("AES-256-GCM")
struct AES256GCMTests {
    struct Vector: Sendable {
        let key: String
        let nonce: String
        let plaintext: String
        let additional: String
        let sealed: String
    }

    /// Test cases 13 to 16 of McGrew and Viega's submission to NIST.
    static let published: [Vector] = [
        Vector(
            key: String(repeating: "00", count: 32), nonce: String(repeating: "00", count: 12), plaintext: "", additional: "",
            sealed: "530f8afbc74536b9a963b4f1c4cb738b"),
        Vector(
            key: String(repeating: "00", count: 32), nonce: String(repeating: "00", count: 12), plaintext: String(repeating: "00", count: 16),
            additional: "", sealed: "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"),
        Vector(
            key: "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", nonce: "cafebabefacedbaddecaf888",
            plaintext:
                "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255",
            additional: "",
            sealed:
                "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015adb094dac5d93471bdec1a502270e3cc6c"
        ),
        Vector(
            key: "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", nonce: "cafebabefacedbaddecaf888",
            plaintext:
                "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
            additional: "feedfacedeadbeeffeedfacedeadbeefabaddad2",
            sealed:
                "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b"
        ),
    ]

    /// Made with Python's cryptography 48.0.0: lengths around the block, with and without additional data.
    static let foreign: [Vector] = [
        Vector(
            key: "a54dca182530bb1d6d132cded6237b2ed91e3f721fcb1971174494d6493c9d5c", nonce: "3460be31201e69fedaa0eee8", plaintext: "b9",
            additional: "", sealed: "9bf3259931926a2a409bb50244e77bd003"),
        Vector(
            key: "997f5c7c2999fdafe593253cd654af4dfad71427a0aeb3fee9232f8af2211f9e", nonce: "e491c5b10becb5563bfc1e6f",
            plaintext: "93427ecbc8fe2955e5cd8e46dc8ed4", additional: "b7c276",
            sealed: "4b1866c8630659e74dac2f7d905e784230ed944be4f0874dbb4b9e765d4b3f"),
        Vector(
            key: "4d2a5a4d767706f85d8690024ad6bda3401be9c8cbccc935f6cd1f61226ae153", nonce: "38ae1a34004d33ba0d246ac0",
            plaintext: "4c81b1baf23e3bf9eef5f79f2b4934af", additional: "87f5520b69b94b0d982e85bb55b672a8",
            sealed: "627546fd99c4c0aa286afb9b4a5a7e99a10cd20c80a0c5452eaabe32e6318659"),
        Vector(
            key: "72637acd7466fcb60e0e8ff18463b0e4b2ba29703474f064ac68f700f5b02b3d", nonce: "c666f45bdeaa2ccaedcd2b51",
            plaintext: "57410e4dee4af2b34f430a073447de636c", additional: "0e806c957ba684d6431fb5ead7424d09e15d024c5848f23d1fa6f7361d7f61",
            sealed: "e3d1cc845987296b0217205d7d99c370ffe4cb36747e25c29a6014cf79dbb85c84"),
        Vector(
            key: "8d1532e70e20e2a6668de7f47e8467e546d53ec8e2a1257bdb256c9b3e4fbb49", nonce: "8146ef7030cbf9537252dcce", plaintext: "",
            additional: "add764b6a32fbb09adeae109c4a997203975352b", sealed: "e6887204bb7092d896fba2ffc1b3bd2c"),
    ]

    private func bytes(_ hex: String) throws -> [UInt8] { try #require(Hex.decode(hex)) }

    @Test("boxes of the published vectors, and of another implementation, open to their plaintexts", arguments: published + foreign)
    func vectors(vector: Vector) throws {
        let (key, additional) = (try bytes(vector.key), try bytes(vector.additional))
        let box = try bytes(vector.nonce + vector.sealed)
        #expect(try AES256GCM.open(box, key: key, additional: additional) == bytes(vector.plaintext))
    }

    @Test("what was sealed opens again, under a new nonce each time", arguments: [0, 1, 15, 16, 17, 4096, 70_000])
    func roundTrip(count: Int) throws {
        let (key, plaintext) = (AES256GCM.newKey(), secureRandom(count))
        let boxes = try (0..<8).map { _ in try AES256GCM.seal(plaintext, key: key, additional: [1, 2, 3]) }
        for box in boxes {
            #expect(box.count == count + AES256GCM.overheadBytes)
            #expect(try AES256GCM.open(box, key: key, additional: [1, 2, 3]) == plaintext)
        }
        #expect(Set(boxes.map { Array($0.prefix(AES256GCM.nonceBytes)) }).count == 8)
    }

    @Test("one flipped bit anywhere, another key, other additional data or a cut box give one and the same error")
    func refusals() throws {
        let key = AES256GCM.newKey()
        let box = try AES256GCM.seal(Array("a value".utf8), key: key, additional: [7])
        let refused = CryptoError(.refused, "opening sealed data")
        for place in box.indices {
            for bit in 0..<8 {
                var changed = box
                changed[place] ^= 1 << UInt8(bit)
                #expect(throws: refused) { try AES256GCM.open(changed, key: key, additional: [7]) }
            }
        }
        #expect(throws: refused) { try AES256GCM.open(box, key: AES256GCM.newKey(), additional: [7]) }
        for additional: [UInt8] in [[], [8], [7, 0]] {
            #expect(throws: refused) { try AES256GCM.open(box, key: key, additional: additional) }
        }
        for count in 0..<box.count { #expect(throws: refused) { try AES256GCM.open(Array(box.prefix(count)), key: key, additional: [7]) } }
        #expect(throws: refused) { try AES256GCM.open(box + [0], key: key, additional: [7]) }
    }

    @Test("a key of another length is refused", arguments: [0, 16, 31, 33])
    func keys(count: Int) {
        #expect(throws: CryptoError.self) { try AES256GCM.seal([1], key: [UInt8](repeating: 0, count: count), additional: []) }
        #expect(throws: CryptoError.self) {
            try AES256GCM.open([UInt8](repeating: 0, count: 40), key: [UInt8](repeating: 0, count: count), additional: [])
        }
    }
}
