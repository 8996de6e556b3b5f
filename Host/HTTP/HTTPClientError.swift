package import IO

/// Why a client has no whole reply: in which phase, and what happened (`IOError`, which holds what TLS said, or `HTTPFailure`).
package struct HTTPClientError: Error, CustomStringConvertible {
    /// How far the exchange had come.
    package enum Phase: String, Sendable, Hashable {
        /// The connection was being made.
        case connect
        /// The handshake, the server's certificate included.
        case tls
        /// The request was being sent.
        case request
        /// The reply's head was awaited.
        case headers
        /// The reply's content was awaited: its head has been seen.
        case body
    }

    package let phase: Phase
    package let cause: any Error

    package init(_ phase: Phase, _ cause: any Error) {
        self.phase = phase
        self.cause = cause
    }

    /// The cause, when it is one of input and output.
    package var ioError: IOError? { cause as? IOError }
    /// What TLS said, when it was TLS.
    package var tlsError: TLSError? {
        if case .tls(let error)? = ioError?.code { error } else { nil }
    }

    package var description: String { "\(phase.rawValue): \(cause)" }
}
