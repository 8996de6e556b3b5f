import Glibc

/// An open descriptor with one owner, closed when the owner lets go of it.
package struct FileDescriptor: ~Copyable, Sendable {
    /// The kernel's number; valid as long as this value lives.
    package let raw: Int32

    /// Takes ownership of an open descriptor.
    package init(_ raw: Int32) {
        precondition(raw >= 0, "not a descriptor")
        self.raw = raw
    }

    /// Closes it and reports what the kernel said (a delayed write error, for example).
    package consuming func close() throws(Errno) {
        let raw = raw
        discard self
        try Syscall.close(raw)
    }

    /// Gives the number away; the caller must close it.
    package consuming func release() -> Int32 {
        let raw = raw
        discard self
        return raw
    }

    deinit {
        // An owner that needs the error calls `close()`; here EBADF would mean that somebody closed what we own.
        let result = Glibc.close(raw)
        assert(result == 0 || errno != EBADF, "descriptor \(raw) was closed behind its owner's back")
    }
}
