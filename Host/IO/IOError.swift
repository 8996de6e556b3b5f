import Glibc

/// An operating-system error number with its text.
package struct Errno: Error, Hashable, Sendable, CustomStringConvertible {
    package let code: Int32
    package init(_ code: Int32) { self.code = code }
    /// The calling thread's `errno`.
    package static var last: Errno { Errno(errno) }

    package var description: String {
        var buffer = [CChar](repeating: 0, count: 128)
        guard strerror_r(code, &buffer, buffer.count) == 0 else { return "errno \(code)" }
        return buffer.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" }
    }
}

/// Why an I/O operation did not happen.
package struct IOError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kinds of failure callers tell apart.
    package enum Code: Hashable, Sendable {
        /// The deadline passed.
        case timedOut
        /// The task was cancelled.
        case cancelled
        /// The other side, or the owner, closed the descriptor, loop or pool.
        case closed
        /// A system call failed.
        case system(Errno)
        /// A queue was full; nothing was started.
        case overloaded
        /// TLS failed, in the handshake or later.
        indirect case tls(TLSError)
    }

    package let code: Code
    /// What was being done, in a word or two, for the log.
    package let operation: StaticString

    package init(_ code: Code, _ operation: StaticString) {
        self.code = code
        self.operation = operation
    }

    package var description: String {
        switch code {
        case .timedOut: "\(operation): the deadline passed"
        case .cancelled: "\(operation): cancelled"
        case .closed: "\(operation): closed"
        case .system(let errno): "\(operation): \(errno)"
        case .overloaded: "\(operation): the queue is full"
        case .tls(let error): "\(operation): \(error)"
        }
    }

    package static func == (left: IOError, right: IOError) -> Bool {
        left.code == right.code && left.operation.description == right.operation.description
    }

    package func hash(into hasher: inout Hasher) { hasher.combine(code) }
}
