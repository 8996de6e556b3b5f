import Crypto
import Glibc
import Testing

@Suite struct HashTests {
    @Test(
        "SHA-256 gives the published values",
        arguments: [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
            ),
        ])
    func published(text: String, hex: String) {
        #expect(SHA256.hash(text).hex == hex)
    }

    @Test("feeding bytes in pieces of any size gives the digest of the whole", arguments: [1, 3, 63, 64, 65, 1000])
    func pieces(size: Int) {
        let bytes = (0..<5000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        var hasher = SHA256()
        for start in stride(from: 0, to: bytes.count, by: size) { hasher.update(Array(bytes[start..<min(start + size, bytes.count)])) }
        #expect(hasher.finalize() == SHA256.hash(bytes))
    }

    @Test("a file is hashed from its first byte wherever its descriptor stands, and its chunks are the bytes hashed")
    func descriptor() throws {
        let path = "/tmp/limen-crypto-\(getpid())-\(UUIDv7.make())"
        let bytes = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        let fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        defer {
            close(fd)
            unlink(path)
        }
        #expect(write(fd, bytes, bytes.count) == bytes.count)
        var seen: [UInt8] = []
        let digest = try SHA256.hash(descriptor: fd, bytesMax: 1 << 20) { seen.append(contentsOf: $0) }
        #expect(digest.digest == SHA256.hash(bytes))
        #expect(digest.byteCount == bytes.count)
        #expect(seen == bytes)
        #expect(throws: CryptoError.self) { try SHA256.hash(descriptor: fd, bytesMax: bytes.count - 1) }
    }

    @Test("a descriptor that cannot be read is an error with its errno")
    func unreadable() {
        #expect(throws: CryptoError(.system(EBADF), "reading a file to hash")) { try SHA256.hash(descriptor: -1, bytesMax: 1) }
    }

    @Test("HMAC-SHA-256 gives the values of RFC 4231")
    func hmac() {
        let code = HMACSHA256.authenticate(Array("what do ya want for nothing?".utf8), key: Array("Jefe".utf8))
        #expect(Hex.encode(code) == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
        let long = HMACSHA256.authenticate(
            Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8), key: Array(repeating: 0xaa, count: 131))
        #expect(Hex.encode(long) == "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54")
        #expect(HMACSHA256.isValid(code, for: Array("what do ya want for nothing?".utf8), key: Array("Jefe".utf8)))
        #expect(!HMACSHA256.isValid(code, for: Array("what do ya want for nothing!".utf8), key: Array("Jefe".utf8)))
    }

    @Test("digests are read only from 64 lower-case digits")
    func digestText() {
        let hex = SHA256.hash("x").hex
        #expect(SHA256Digest(hex: hex)?.hex == hex)
        #expect(SHA256Digest(hex: hex.uppercased()) == nil)
        #expect(SHA256Digest(hex: String(hex.dropLast(2))) == nil)
        #expect(SHA256Digest(hex: "zz" + hex.dropFirst(2)) == nil)
    }
}
