import COpenSSL

/// Why TLS did not happen: in which phase, what kind of failure, and OpenSSL's own words.
package struct TLSError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Where in the life of a connection it went wrong.
    package enum Phase: String, Hashable, Sendable { case configuration, handshake, read, write }

    /// What callers tell apart.
    package enum Kind: Hashable, Sendable {
        /// A file of ours (certificate, key, CA, revocation list) is missing or wrong.
        case file(String)
        /// The peer's certificate was not accepted.
        case untrusted
        /// The peer speaks plain HTTP.
        case plainHTTP
        /// The connection ended without the peer's goodbye: what came may not be all.
        case truncated
        /// The peer broke the protocol, or there is nothing that both speak.
        case protocolViolation
        /// A system call failed: the peer has gone, mostly.
        case system(Errno)
    }

    package let kind: Kind
    package let phase: Phase
    /// What is wrong, and for a file of ours what to do.
    package let reason: String

    package init(_ kind: Kind, _ phase: Phase, _ reason: String) {
        self.kind = kind
        self.phase = phase
        self.reason = reason
    }

    /// A file of ours is missing or wrong.
    static func file(_ path: String, _ reason: String) -> TLSError { TLSError(.file(path), .configuration, reason) }

    package var description: String {
        if case .file(let path) = kind { return "\(path): \(reason)" }
        return "TLS \(phase.rawValue): \(reason)"
    }
}

/// The calling thread's queue of OpenSSL errors.
enum OpenSSLErrors {
    /// Empties the queue; before each call whose failure is looked up afterwards.
    @inline(__always)
    static func clear() { ERR_clear_error() }

    /// Library and reason of the oldest error, which began the trouble, with its text; empties the queue.
    static func take() -> (library: Int32, reason: Int32, text: String)? {
        let code = ERR_get_error()
        if code == 0 { return nil }
        ERR_clear_error()
        return (ERR_GET_LIB(code), ERR_GET_REASON(code), text(code))
    }

    /// The text of the oldest error, or `otherwise`; empties the queue.
    static func text(otherwise: String) -> String { take()?.text ?? otherwise }

    private static func text(_ code: UInt) -> String {
        guard let reason = ERR_reason_error_string(code) else { return "OpenSSL error \(String(code, radix: 16))" }
        return String(cString: reason)
    }
}
