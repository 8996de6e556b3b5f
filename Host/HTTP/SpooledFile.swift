import Glibc
package import IO

/// A file without a name: gone with its last reference, whatever happens, unless it is kept.
package final class SpooledFile: Sendable {
    private let descriptor: FileDescriptor
    private let written = Lock(0)

    /// Makes one on the file system of `folder`, readable by its owner alone. Blocks.
    package init(in folder: String) throws(IOError) {
        // O_TMPFILE, whose macro Swift does not see: the kernel makes an inode that no folder names.
        let flags = 0o20_000_000 | O_DIRECTORY | O_RDWR | O_CLOEXEC
        do throws(Errno) {
            descriptor = FileDescriptor(try Syscall.retrying { open(folder, flags, 0o600) })
        } catch {
            throw IOError(.system(error), "make a file without a name")
        }
    }

    /// The kernel's number; valid as long as this object lives.
    package var raw: Int32 { descriptor.raw }
    /// Bytes written so far.
    package var size: Int { written.withLock { $0 } }

    /// Appends all of `bytes`. Blocks; one caller at a time.
    func append(_ bytes: [UInt8]) throws(IOError) {
        var done = 0
        while done < bytes.count {
            do throws(Errno) {
                done += try Syscall.retrying {
                    bytes.withUnsafeBytes { write(descriptor.raw, $0.baseAddress.map { $0 + done }, bytes.count - done) }
                }
            } catch {
                throw IOError(.system(error), "write a file without a name")
            }
        }
        written.withLock { $0 += bytes.count }
    }

    /// Everything that was written. Blocks.
    package func contents() throws(IOError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: size)
        var done = 0
        while done < bytes.count {
            do throws(Errno) {
                let count = try Syscall.retrying {
                    bytes.withUnsafeMutableBytes { pread(descriptor.raw, $0.baseAddress.map { $0 + done }, $0.count - done, off_t(done)) }
                }
                if count == 0 { throw Errno(EIO) }
                done += count
            } catch {
                throw IOError(.system(error), "read a file without a name")
            }
        }
        return bytes
    }

    /// Gives it a name on the same file system; fails when something has that name already. Blocks.
    package func keep(as path: String) throws(IOError) {
        do throws(Errno) {
            try Syscall.retrying { linkat(AT_FDCWD, "/proc/self/fd/\(descriptor.raw)", AT_FDCWD, path, AT_SYMLINK_FOLLOW) }
        } catch {
            throw IOError(.system(error), "give a file its name")
        }
    }
}
