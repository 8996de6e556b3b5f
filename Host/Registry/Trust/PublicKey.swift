package import Crypto

/// A publisher's Ed25519 public key, in the one text form that trust files and signatures use.
package struct PublicKey: Sendable, Hashable, CustomStringConvertible {
    /// 32 bytes: a canonical encoding of a point that is not of small order.
    package let bytes: [UInt8]

    /// Takes raw bytes; throws `.malformed` for a wrong length, an encoding that is not canonical, and the points whose signatures anybody can make.
    package init(bytes: [UInt8]) throws(CryptoError) {
        guard bytes.count == Ed25519.keyByteCount else { throw CryptoError(.malformed, "a public key of \(bytes.count) bytes") }
        guard Self.isCanonical(bytes) else { throw CryptoError(.malformed, "a public key that is no canonical encoding of a point") }
        guard !Self.smallOrder.contains(Self.withoutSign(bytes)) else { throw CryptoError(.malformed, "a public key of small order") }
        self.bytes = bytes
    }

    /// Reads 43 characters of base64url.
    package init(text: String) throws(CryptoError) {
        guard let bytes = Base64URL.decode(text) else { throw CryptoError(.malformed, "a public key that is not base64url") }
        try self.init(bytes: bytes)
    }

    /// 43 characters of base64url.
    package var text: String { Base64URL.encode(bytes) }

    /// `SHA256:` and the digest of the bytes in base64url: what people compare over the telephone.
    package var fingerprint: String { "SHA256:" + Base64URL.encode(SHA256.hash(bytes).bytes) }

    /// The fingerprint.
    package var description: String { fingerprint }

    private static func withoutSign(_ bytes: [UInt8]) -> [UInt8] { bytes.dropLast() + [bytes[31] & 0x7f] }

    /// Whether the encoded y is below 2^255 - 19 (RFC 8032 section 5.1.3).
    private static func isCanonical(_ bytes: [UInt8]) -> Bool {
        let y = withoutSign(bytes)
        return !(y[0] >= 0xed && y[1..<31].allSatisfy { $0 == 0xff } && y[31] == 0x7f)
    }

    /// y of the points of order 1, 2, 4 and 8: under such a key a signature proves nothing.
    private static let smallOrder: Set<[UInt8]> = Set(
        [
            "0000000000000000000000000000000000000000000000000000000000000000",
            "0100000000000000000000000000000000000000000000000000000000000000",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        ].compactMap { Hex.decode($0) })
}
