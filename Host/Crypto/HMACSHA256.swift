internal import COpenSSL

/// HMAC with SHA-256 (RFC 2104, FIPS 198-1).
package enum HMACSHA256 {
    /// The 32-byte authentication code of `message` under `key`.
    package static func authenticate(_ message: [UInt8], key: [UInt8]) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: SHA256.byteCount) { buffer, count in
            var written: UInt32 = 0
            let made = HMAC(EVP_sha256(), key, Int32(key.count), message, message.count, buffer.baseAddress, &written)
            precondition(made != nil, "libcrypto has no HMAC-SHA-256")
            count = Int(written)
        }
    }

    /// Whether `code` authenticates `message` under `key`, decided in constant time.
    package static func isValid(_ code: [UInt8], for message: [UInt8], key: [UInt8]) -> Bool {
        constantTimeEquals(code, authenticate(message, key: key))
    }
}
