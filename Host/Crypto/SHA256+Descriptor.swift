internal import Glibc

/// What was read from a descriptor: its digest and its length.
package struct DescriptorDigest: Sendable, Hashable {
    /// The digest of all bytes.
    package let digest: SHA256Digest
    /// How many bytes there were.
    package let byteCount: Int
}

extension SHA256 {
    /// Hashes an open file from its first byte by `pread`, so that the descriptor's own position does not matter.
    ///
    /// `each` sees every chunk in order, which lets a caller copy exactly the bytes that were hashed. Throws
    /// `.malformed` when the file is longer than `bytesMax`, `.system` when it cannot be read, and whatever `each` throws.
    package static func hash(
        descriptor: Int32, bytesMax: Int, each: (UnsafeRawBufferPointer) throws -> Void = { _ in }
    ) throws -> DescriptorDigest {
        var hasher = SHA256()
        var offset = 0
        try withUnsafeTemporaryAllocation(byteCount: Limits.readChunkBytes, alignment: 64) { chunk in
            while true {
                let count = pread(descriptor, chunk.baseAddress, chunk.count, off_t(offset))
                if count < 0, errno == EINTR { continue }
                guard count >= 0 else { throw CryptoError(.system(errno), "reading a file to hash") }
                guard count > 0 else { return }
                offset += count
                guard offset <= bytesMax else { throw CryptoError(.malformed, "a file longer than \(bytesMax) bytes") }
                let read = UnsafeRawBufferPointer(rebasing: chunk[..<count])
                hasher.update(read)
                try each(read)
            }
        }
        return DescriptorDigest(digest: hasher.finalize(), byteCount: offset)
    }
}
