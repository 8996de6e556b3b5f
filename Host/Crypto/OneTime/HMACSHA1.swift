internal import COpenSSL

/// HMAC with SHA-1 (RFC 2104): for one-time codes alone, which authenticator applications compute with it (RFC 6238).
package enum HMACSHA1 {
    /// Bytes of a code.
    package static let byteCount = 20

    /// The 20-byte authentication code of `message` under `key`.
    package static func authenticate(_ message: [UInt8], key: [UInt8]) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
            var written: UInt32 = 0
            let made = HMAC(EVP_sha1(), key, Int32(key.count), message, message.count, buffer.baseAddress, &written)
            precondition(made != nil, "libcrypto has no HMAC-SHA-1")
            count = Int(written)
        }
    }
}
