/// Why the store did not do something; the message is for the log and never for a client.
package struct StoreError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kinds of failure that callers tell apart.
    package enum Code: Sendable, Hashable {
        /// The deadline passed; a write may still have happened.
        case timedOut
        /// The queue is full; nothing was started.
        case overloaded
        /// A key, check or reference of the schema forbids it.
        case constraint
        /// A cap of the caller's own was reached; the associated text names it.
        case limit(String)
        /// The value cannot be stored, or the cursor cannot be read.
        case invalid
        /// What is stored is not what was written.
        case corrupt
        /// The disk is full or failing, or another process holds the database.
        case unavailable
        /// The store was closed.
        case closed
        /// The database is newer than this program, or its history was changed.
        case migration
        /// A statement of ours is wrong.
        case statement
    }

    /// The kind of failure.
    package let code: Code
    /// What happened, for the log.
    package let message: String

    /// Makes an error.
    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// One line for the log.
    package var description: String { "\(code): \(message)" }
}
