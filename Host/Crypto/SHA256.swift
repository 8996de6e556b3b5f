internal import COpenSSL
internal import Glibc

/// A SHA-256 digest: exactly 32 bytes (FIPS 180-4).
package struct SHA256Digest: Sendable, Hashable, CustomStringConvertible {
    /// The 32 bytes.
    package let bytes: [UInt8]

    /// Wraps 32 bytes; nil for any other count.
    package init?(bytes: [UInt8]) {
        guard bytes.count == SHA256.byteCount else { return nil }
        self.bytes = bytes
    }

    /// Reads 64 lower-case hexadecimal digits; nil for anything else.
    package init?(hex: String) {
        guard let bytes = Hex.decode(hex), Hex.encode(bytes) == hex else { return nil }
        self.init(bytes: bytes)
    }

    fileprivate init(unchecked bytes: [UInt8]) { self.bytes = bytes }

    /// 64 lower-case hexadecimal digits.
    package var hex: String { Hex.encode(bytes) }
    /// The same as `hex`.
    package var description: String { hex }
}

/// SHA-256, incremental: feed bytes with `update`, end with `finalize`.
package struct SHA256: ~Copyable {
    /// Bytes in a digest.
    package static let byteCount = 32

    // An implicit fetch at every init would cost a microsecond in OpenSSL 3; this one is done once and never freed.
    // SAFETY: EVP_MD is reference-counted and immutable after the fetch, so any thread may use it.
    private nonisolated(unsafe) static let algorithm = EVP_MD_fetch(nil, "SHA256", nil)

    private let context: OpaquePointer

    /// Starts a digest over nothing.
    package init() {
        guard let context = EVP_MD_CTX_new() else { preconditionFailure("out of memory for a digest") }
        self.context = context
        precondition(EVP_DigestInit_ex(context, Self.algorithm, nil) == 1, "libcrypto has no SHA-256")
    }

    deinit { EVP_MD_CTX_free(context) }

    /// Adds bytes.
    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        precondition(EVP_DigestUpdate(context, bytes.baseAddress, bytes.count) == 1, "a digest was fed after its end")
    }

    /// Adds bytes.
    package mutating func update(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { update($0) }
    }

    /// Ends the digest and gives its value.
    package consuming func finalize() -> SHA256Digest {
        let context = self.context
        let bytes = [UInt8](unsafeUninitializedCapacity: Self.byteCount) { buffer, count in
            var written: UInt32 = 0
            precondition(EVP_DigestFinal_ex(context, buffer.baseAddress, &written) == 1, "libcrypto could not end a digest")
            count = Int(written)
        }
        return SHA256Digest(unchecked: bytes)
    }

    /// The digest of bytes in memory.
    package static func hash(_ bytes: [UInt8]) -> SHA256Digest {
        var hasher = SHA256()
        hasher.update(bytes)
        return hasher.finalize()
    }

    /// The digest of a string's UTF-8 bytes.
    package static func hash(_ text: String) -> SHA256Digest { hash(Array(text.utf8)) }
}
