import CLinux
import Glibc
package import IO

/// An open regular file that replies are made of; closed when the last reply has let go of it.
package final class HTTPFile: Sendable {
    private let descriptor: FileDescriptor
    /// Bytes when it was opened.
    package let size: Int
    /// A strong tag of place on the disk, size and time of change, so that a file that is replaced or written to gets another; and that time.
    package let validators: Validators

    /// Takes over a descriptor that is open for reading; throws when it is no regular file.
    package init(_ descriptor: consuming FileDescriptor) throws(IOError) {
        var information = stat()
        guard fstat(descriptor.raw, &information) == 0 else { throw IOError(.system(.last), "file") }
        guard information.st_mode & S_IFMT == S_IFREG else { throw IOError(.system(Errno(EINVAL)), "file") }
        size = Int(information.st_size)
        let changed = information.st_mtim
        let parts = [Int(truncatingIfNeeded: information.st_ino), size, changed.tv_sec, changed.tv_nsec]
        validators = Validators(
            entityTag: EntityTag(parts.map { String(UInt(bitPattern: $0), radix: 36) }.joined(separator: "-")),
            lastModified: HTTPDate(seconds: changed.tv_sec))
        self.descriptor = descriptor
    }

    /// The kernel's number; valid as long as this object lives.
    var raw: Int32 { descriptor.raw }

    /// Answers a GET or HEAD: whole, in parts, or that the client has it. A 412 or 416 comes without content, which the caller may add.
    package func reply(to request: HTTPRequest, contentType: String) -> HTTPResponse {
        let representation = Representation(contentType: contentType, length: size, validators: validators)
        let plan = ContentPlan(request.method, request.headers, of: representation)
        return HTTPResponse(status: plan.status, headers: plan.headers, body: plan.pieces.isEmpty ? .bytes([]) : .file(self, plan.pieces))
    }

    /// Sees to it that sending `window` does not wait for the disk.
    func load(_ window: Range<Int>, _ pool: BlockingPool?, until deadline: Deadline) async throws {
        guard let pool, !isCached(window) else { return }
        try await pool.run(deadline: deadline) { [self] in
            withUnsafeTemporaryAllocation(byteCount: HTTPLimits.fileWindowBytes, alignment: 4096) { buffer in
                // A file that cannot be read ends the reply when it is sent.
                _ = pread(raw, buffer.baseAddress, min(window.count, buffer.count), off_t(window.lowerBound))
            }
        }
    }

    /// Whether its first and its last byte are in memory, as far as the file system can tell.
    private func isCached(_ window: Range<Int>) -> Bool {
        clinux_byte_is_cached(raw, Int64(window.lowerBound)) != 0 && clinux_byte_is_cached(raw, Int64(window.upperBound - 1)) != 0
    }
}
