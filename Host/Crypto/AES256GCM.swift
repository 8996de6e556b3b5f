internal import COpenSSL

/// Authenticated encryption with AES-256 in Galois/counter mode (NIST SP 800-38D): a box is nonce, ciphertext and tag.
///
/// The nonce is 96 random bits, so one key seals at most 2^32 boxes (section 8.3); every caller of ours stays far below.
package enum AES256GCM {
    /// Bytes of a key.
    package static let keyBytes = 32
    /// Bytes of a nonce.
    package static let nonceBytes = 12
    /// Bytes of a tag; none are ever cut off.
    package static let tagBytes = 16
    /// Bytes that a box has more than what is in it.
    package static let overheadBytes = nonceBytes + tagBytes

    /// A new random key.
    package static func newKey() -> [UInt8] { secureRandom(keyBytes) }

    /// Encrypts `plaintext` and binds it to `additional`, which must be given again to open the box.
    package static func seal(_ plaintext: [UInt8], key: [UInt8], additional: [UInt8]) throws(CryptoError) -> [UInt8] {
        let nonce = secureRandom(nonceBytes)
        let cipher = try Cipher(.seal, key: key, nonce: nonce, additional: additional)
        let sealed = try cipher.update(plaintext)
        guard cipher.finish() else { throw CryptoError(.refused, "sealing data") }
        return nonce + sealed + (try cipher.tag())
    }

    /// Decrypts a box. Every reason to refuse it gives the same error: key, additional data, a bit of the box, or its length.
    package static func open(_ box: [UInt8], key: [UInt8], additional: [UInt8]) throws(CryptoError) -> [UInt8] {
        guard box.count >= overheadBytes else { throw CryptoError(.refused, "opening sealed data") }
        let cipher = try Cipher(.open, key: key, nonce: Array(box.prefix(nonceBytes)), additional: additional)
        let plaintext = try cipher.update(Array(box[nonceBytes..<(box.count - tagBytes)]))
        guard cipher.expect(tag: Array(box.suffix(tagBytes))), cipher.finish() else { throw CryptoError(.refused, "opening sealed data") }
        return plaintext
    }
}

/// One run of libcrypto's cipher; frees, and thereby clears, its key schedule.
private struct Cipher: ~Copyable {
    enum Direction: Int32 { case open = 0, seal = 1 }

    private let context: OpaquePointer
    private let operation: String

    init(_ direction: Direction, key: [UInt8], nonce: [UInt8], additional: [UInt8]) throws(CryptoError) {
        operation = direction == .seal ? "sealing data" : "opening sealed data"
        guard let context = EVP_CIPHER_CTX_new() else { preconditionFailure("out of memory for a cipher") }
        self.context = context
        guard key.count == AES256GCM.keyBytes, additional.count <= Limits.sealedBytesMax else { throw CryptoError(.malformed, operation) }
        guard EVP_CipherInit_ex(context, EVP_aes_256_gcm(), nil, key, nonce, direction.rawValue) == 1 else {
            throw CryptoError(.refused, operation)
        }
        var count: Int32 = 0
        guard additional.isEmpty || EVP_CipherUpdate(context, nil, &count, additional, Int32(additional.count)) == 1 else {
            throw CryptoError(.refused, operation)
        }
    }

    deinit { EVP_CIPHER_CTX_free(context) }

    /// Encrypts or decrypts; what was decrypted is worth nothing before `finish`.
    borrowing func update(_ bytes: [UInt8]) throws(CryptoError) -> [UInt8] {
        guard bytes.count <= Limits.sealedBytesMax else { throw CryptoError(.malformed, operation) }
        guard !bytes.isEmpty else { return [] }
        var isDone = false
        let context = self.context
        let out = [UInt8](unsafeUninitializedCapacity: bytes.count) { buffer, written in
            var count: Int32 = 0
            isDone = EVP_CipherUpdate(context, buffer.baseAddress, &count, bytes, Int32(bytes.count)) == 1 && Int(count) == bytes.count
            written = isDone ? bytes.count : 0
        }
        guard isDone else { throw CryptoError(.refused, operation) }
        return out
    }

    /// Names the tag that the data must have.
    borrowing func expect(tag: [UInt8]) -> Bool {
        var tag = tag
        return EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, Int32(tag.count), &tag) == 1
    }

    /// Ends the run; false when the tag is another, found in constant time.
    borrowing func finish() -> Bool {
        var none: [UInt8] = [0]
        var count: Int32 = 0
        return EVP_CipherFinal_ex(context, &none, &count) == 1
    }

    /// The tag of what was encrypted.
    borrowing func tag() throws(CryptoError) -> [UInt8] {
        var tag = [UInt8](repeating: 0, count: AES256GCM.tagBytes)
        guard EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, Int32(tag.count), &tag) == 1 else { throw CryptoError(.refused, operation) }
        return tag
    }
}
