internal import COpenSSL

/// Ed25519 signatures (RFC 8032), pure, deterministic.
package enum Ed25519 {
    /// Bytes in a private key's seed and in a public key.
    package static let keyByteCount = 32
    /// Bytes in a signature.
    package static let signatureByteCount = 64

    /// A private key: its 32-byte seed. Not printable, so that no log can hold it by accident.
    package struct PrivateKey: Sendable, CustomStringConvertible, CustomDebugStringConvertible {
        /// The 32-byte seed.
        package let seed: [UInt8]

        /// Wraps a seed; throws `.malformed` for any length but 32.
        package init(seed: [UInt8]) throws(CryptoError) {
            guard seed.count == keyByteCount else { throw CryptoError(.malformed, "an Ed25519 seed of \(seed.count) bytes") }
            self.seed = seed
        }

        /// A new random key.
        package static func generate() throws(CryptoError) -> PrivateKey { try PrivateKey(seed: secureRandom(keyByteCount)) }

        /// Never the seed.
        package var description: String { "Ed25519.PrivateKey(redacted)" }
        /// Never the seed.
        package var debugDescription: String { description }
    }

    /// The 32-byte public key that belongs to a private one.
    package static func publicKey(of key: PrivateKey) throws(CryptoError) -> [UInt8] {
        guard let handle = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nil, key.seed, key.seed.count) else {
            throw CryptoError(.refused, "reading an Ed25519 private key")
        }
        defer { EVP_PKEY_free(handle) }
        var bytes = [UInt8](repeating: 0, count: keyByteCount)
        var count = bytes.count
        guard EVP_PKEY_get_raw_public_key(handle, &bytes, &count) == 1, count == keyByteCount else {
            throw CryptoError(.refused, "deriving an Ed25519 public key")
        }
        return bytes
    }

    /// The 64-byte signature of a message.
    package static func sign(_ message: [UInt8], with key: PrivateKey) throws(CryptoError) -> [UInt8] {
        guard let handle = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nil, key.seed, key.seed.count) else {
            throw CryptoError(.refused, "reading an Ed25519 private key")
        }
        defer { EVP_PKEY_free(handle) }
        guard let context = EVP_MD_CTX_new() else { throw CryptoError(.refused, "making a signing context") }
        defer { EVP_MD_CTX_free(context) }
        var signature = [UInt8](repeating: 0, count: signatureByteCount)
        var count = signature.count
        guard EVP_DigestSignInit(context, nil, nil, nil, handle) == 1,
            EVP_DigestSign(context, &signature, &count, message, message.count) == 1, count == signatureByteCount
        else { throw CryptoError(.refused, "signing with Ed25519") }
        return signature
    }

    /// Whether a signature is by the holder of a public key over exactly this message; malformed input is simply not valid.
    package static func isValid(_ signature: [UInt8], for message: [UInt8], publicKey: [UInt8]) -> Bool {
        guard signature.count == signatureByteCount, publicKey.count == keyByteCount,
            let handle = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nil, publicKey, publicKey.count)
        else { return false }
        defer { EVP_PKEY_free(handle) }
        guard let context = EVP_MD_CTX_new() else { return false }
        defer { EVP_MD_CTX_free(context) }
        return EVP_DigestVerifyInit(context, nil, nil, nil, handle) == 1
            && EVP_DigestVerify(context, signature, signature.count, message, message.count) == 1
    }
}
