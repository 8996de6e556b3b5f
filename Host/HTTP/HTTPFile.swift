import CLinux
import Glibc
package import IO

/// An open regular file that replies are made of; closed when the last reply has let go of it.
package final class HTTPFile: Sendable {
    private let descriptor: FileDescriptor
    /// Bytes when it was opened.
    package let size: Int
    /// When it was last changed, in seconds since 1970.
    package let modified: Int
    /// A strong validator made of size, time of change and place on the disk (RFC 9110, 8.8.3): a file that is replaced gets another.
    package let entityTag: String

    /// Takes over a descriptor that is open for reading; throws when it is no regular file.
    package init(_ descriptor: consuming FileDescriptor) throws(IOError) {
        var information = stat()
        guard fstat(descriptor.raw, &information) == 0 else { throw IOError(.system(.last), "file") }
        guard information.st_mode & S_IFMT == S_IFREG else { throw IOError(.system(Errno(EINVAL)), "file") }
        size = Int(information.st_size)
        modified = information.st_mtim.tv_sec
        let parts = [
            UInt64(information.st_ino), UInt64(information.st_size), UInt64(bitPattern: Int64(information.st_mtim.tv_sec)),
            UInt64(information.st_mtim.tv_nsec),
        ]
        entityTag = "\"" + parts.map { String($0, radix: 36) }.joined(separator: "-") + "\""
        self.descriptor = descriptor
    }

    /// The kernel's number; valid as long as this object lives.
    var raw: Int32 { descriptor.raw }

    /// All of it.
    package var whole: Slice { Slice(file: self, offset: 0, count: size) }

    /// A piece of a file.
    package struct Slice: Sendable {
        let file: HTTPFile
        let offset: Int
        let count: Int

        /// `count` bytes from `offset` on, which must lie within the file.
        package init(file: HTTPFile, offset: Int, count: Int) {
            precondition(offset >= 0 && count >= 0 && offset + count <= file.size, "a slice lies within its file")
            (self.file, self.offset, self.count) = (file, offset, count)
        }

        /// What is handed to the kernel next when `sent` bytes have gone.
        func window(after sent: Int) -> Window { Window(offset: offset + sent, count: min(count - sent, HTTPLimits.fileWindowBytes)) }
    }

    /// A piece that is handed to the kernel at once.
    struct Window: Sendable {
        let offset: Int
        let count: Int
    }

    /// Sees to it that sending `window` does not wait for the disk.
    func load(_ window: Window, _ pool: BlockingPool?, until deadline: Deadline) async throws {
        guard let pool, !isCached(window) else { return }
        try await pool.run(deadline: deadline) { [self] in
            withUnsafeTemporaryAllocation(byteCount: HTTPLimits.fileWindowBytes, alignment: 4096) { buffer in
                // A file that cannot be read ends the reply when it is sent.
                _ = pread(raw, buffer.baseAddress, window.count, off_t(window.offset))
            }
        }
    }

    /// Whether its first and its last byte are in memory, as far as the file system can tell.
    private func isCached(_ window: Window) -> Bool {
        clinux_byte_is_cached(raw, Int64(window.offset)) != 0 && clinux_byte_is_cached(raw, Int64(window.offset + window.count - 1)) != 0
    }
}
