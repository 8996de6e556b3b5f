internal import CLinux
internal import Glibc

/// A failed system call on a bundle.
struct FileError: Error {
    /// `errno`.
    let code: Int32
    /// The system's text for it.
    var reason: String { "cannot be read: " + String(cString: strerror(code)) }
}

/// An open descriptor with one owner, closed when the owner lets go of it.
struct OpenFile: ~Copyable {
    let descriptor: Int32

    /// Opens a path relative to a directory, through symbolic links; only for folders that the operator configured.
    init(trusted path: String, flags: Int32) throws(FileError) {
        let opened = clinux_open(AT_FDCWD, path, flags, 0)
        guard opened >= 0 else { throw FileError(code: errno) }
        descriptor = opened
    }

    /// Opens a path beneath a directory: no symbolic link, no `..`, no mount point, and no device is ever waited for.
    init(_ path: String, beneath directory: Int32, flags: Int32 = O_RDONLY) throws(FileError) {
        let opened = clinux_open_beneath(directory, path, UInt64(flags | O_NOFOLLOW | (flags & clinux_o_path != 0 ? 0 : O_NONBLOCK)))
        guard opened >= 0 else { throw FileError(code: errno) }
        descriptor = opened
    }

    /// Makes a file that must not exist.
    init(creating path: String, in directory: Int32) throws(FileError) {
        let opened = clinux_open(directory, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600)
        guard opened >= 0 else { throw FileError(code: errno) }
        descriptor = opened
    }

    deinit {
        let result = Glibc.close(descriptor)
        assert(result == 0, "a descriptor was closed by somebody else")
    }

    /// Gives the descriptor away.
    consuming func release() -> Int32 {
        let descriptor = descriptor
        discard self
        return descriptor
    }

    /// `fstat`.
    func status() throws(FileError) -> stat {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw FileError(code: errno) }
        return status
    }

    /// Writes all bytes.
    func write(_ bytes: [UInt8]) throws(FileError) {
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress?.advanced(by: written), $0.count - written) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw FileError(code: errno) }
            written += count
        }
    }

    /// Makes the file durable with its final mode.
    func seal(mode: mode_t) throws(FileError) {
        guard fchmod(descriptor, mode) == 0, fsync(descriptor) == 0 else { throw FileError(code: errno) }
    }
}
