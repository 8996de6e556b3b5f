internal import COpenSSL

/// A public key of somebody else's, for signatures as JSON Web Tokens carry them (RFC 7518): RS256, ES256 and EdDSA, and no other algorithm.
package struct WebSignatureKey: Sendable, Hashable {
    /// What a key is, with its numbers as big-endian bytes.
    private enum Kind: Sendable, Hashable {
        case rsa(modulus: [UInt8], exponent: [UInt8])
        case p256(x: [UInt8], y: [UInt8])
        case ed25519([UInt8])
    }

    private let kind: Kind

    /// RSA of 2,048 to 8,192 bits; nil for others.
    package init?(rsaModulus modulus: [UInt8], exponent: [UInt8]) {
        guard Limits.rsaBytes.contains(modulus.count), modulus.first != 0, (1...8).contains(exponent.count),
            exponent.last.map({ $0 & 1 == 1 }) == true,
            exponent != [1]
        else { return nil }
        kind = .rsa(modulus: modulus, exponent: exponent)
    }

    /// A point on P-256; whether it is on the curve shows at the first signature.
    package init?(p256X x: [UInt8], y: [UInt8]) {
        guard x.count == 32, y.count == 32 else { return nil }
        kind = .p256(x: x, y: y)
    }

    /// Ed25519.
    package init?(ed25519 key: [UInt8]) {
        guard key.count == Ed25519.keyByteCount else { return nil }
        kind = .ed25519(key)
    }

    /// The one algorithm that this key is for: a token cannot choose another.
    package var algorithm: String {
        switch kind {
        case .rsa: "RS256"
        case .p256: "ES256"
        case .ed25519: "EdDSA"
        }
    }

    /// Whether a signature is by the holder of this key over exactly this message.
    package func isValid(_ signature: [UInt8], for message: [UInt8]) -> Bool {
        switch kind {
        case .ed25519(let key): return Ed25519.isValid(signature, for: message, publicKey: key)
        case .rsa(let modulus, let exponent):
            guard signature.count == modulus.count, let key = copenssl_rsa_public(modulus, modulus.count, exponent, exponent.count) else {
                return false
            }
            defer { EVP_PKEY_free(key) }
            return copenssl_verify_sha256(key, signature, signature.count, message, message.count) == 1
        case .p256(let x, let y):
            var point = [4] + x + y
            guard signature.count == 64, let key = copenssl_p256_public(&point) else { return false }
            defer { EVP_PKEY_free(key) }
            return copenssl_verify_p256(key, signature, message, message.count) == 1
        }
    }
}
