/// A cryptographic operation that could not be done; never says anything about key material.
package struct CryptoError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What kind of failure it was.
    package enum Code: Sendable, Hashable {
        /// A key, signature or encoding has the wrong length or form.
        case malformed
        /// libcrypto refused the operation.
        case refused
        /// A descriptor could not be read; the associated value is `errno`.
        case system(Int32)
    }

    /// The kind of failure.
    package let code: Code
    /// What was being attempted, for the log.
    package let operation: String

    /// Makes an error of a kind for a named operation.
    package init(_ code: Code, _ operation: String) {
        self.code = code
        self.operation = operation
    }

    /// One line for the log.
    package var description: String { "\(operation): \(code)" }
}
