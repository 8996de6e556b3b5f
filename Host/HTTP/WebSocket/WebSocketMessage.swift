/// A whole message, whatever the number of its fragments (RFC 6455, 5.6).
package enum WebSocketMessage: Sendable, Hashable {
    case text(String)
    case binary([UInt8])

    /// Bytes it holds, text as UTF-8.
    package var count: Int {
        switch self {
        case .text(let text): text.utf8.count
        case .binary(let bytes): bytes.count
        }
    }

    /// The payload.
    package var bytes: [UInt8] {
        switch self {
        case .text(let text): Array(text.utf8)
        case .binary(let bytes): bytes
        }
    }

    var opcode: WebSocketOpcode {
        switch self {
        case .text: .text
        case .binary: .binary
        }
    }
}
