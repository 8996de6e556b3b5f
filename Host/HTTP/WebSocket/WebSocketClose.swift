/// Why a connection ends, as its close frame says (RFC 6455, 7.4 and the IANA registry of close codes).
package struct WebSocketCloseCode: RawRepresentable, Sendable, Hashable {
    package let rawValue: UInt16

    package init(rawValue: UInt16) { self.rawValue = rawValue }

    /// The purpose is fulfilled.
    package static let normal = WebSocketCloseCode(rawValue: 1000)
    /// The server goes down, or the page was left.
    package static let goingAway = WebSocketCloseCode(rawValue: 1001)
    package static let protocolError = WebSocketCloseCode(rawValue: 1002)
    /// A kind of data that is not taken.
    package static let unsupportedData = WebSocketCloseCode(rawValue: 1003)
    /// Text that is not UTF-8, or data that does not decompress.
    package static let invalidPayload = WebSocketCloseCode(rawValue: 1007)
    package static let policyViolation = WebSocketCloseCode(rawValue: 1008)
    package static let messageTooBig = WebSocketCloseCode(rawValue: 1009)
    package static let internalError = WebSocketCloseCode(rawValue: 1011)
    package static let tryAgainLater = WebSocketCloseCode(rawValue: 1013)

    /// Whether a peer may put it into a close frame: 1004 is reserved, 1005, 1006 and 1015 never travel, below 1000 and from
    /// 1016 to 2999 nothing is defined.
    package var mayBeReceived: Bool {
        switch rawValue {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }

    /// Whether this end may send it: as `mayBeReceived`, and 1010 (an extension is missing) is the client's alone.
    package func maySend(as role: WebSocketRole) -> Bool { mayBeReceived && !(rawValue == 1010 && role == .server) }
}

/// The content of a close frame (RFC 6455, 5.5.1).
package struct WebSocketClose: Sendable, Hashable {
    /// Nil when the frame was empty.
    package var code: WebSocketCloseCode?
    package var reason: String

    package init(_ code: WebSocketCloseCode?, _ reason: String = "") {
        self.code = code
        self.reason = reason
    }

    /// What a close frame's payload says.
    init(payload: [UInt8]) throws(WebSocketFault) {
        if payload.isEmpty {
            self.init(nil)
            return
        }
        guard payload.count >= 2 else { throw WebSocketFault(.protocolError, "a close frame has half a code") }
        let code = WebSocketCloseCode(rawValue: UInt16(payload[0]) << 8 | UInt16(payload[1]))
        guard code.mayBeReceived else { throw WebSocketFault(.protocolError, "a close frame's code is none that may be sent") }
        guard let reason = String(validating: payload[2...], as: UTF8.self) else {
            throw WebSocketFault(.invalidPayload, "a close frame's reason is not UTF-8")
        }
        self.init(code, reason)
    }

    /// The frame's payload; the reason is cut, at a character, to what a control frame holds.
    var payload: [UInt8] {
        guard let code else { return [] }
        var bytes = [UInt8(code.rawValue >> 8), UInt8(code.rawValue & 0xff)]
        for character in reason.unicodeScalars {
            let encoded = Array(String(character).utf8)
            if bytes.count + encoded.count > WebSocketLimits.controlBytesMax { break }
            bytes += encoded
        }
        return bytes
    }
}

/// What a peer did against the rules; the connection ends with this code.
package struct WebSocketFault: Error, Sendable, Hashable {
    package let code: WebSocketCloseCode
    package let message: String

    init(_ code: WebSocketCloseCode, _ message: String) {
        self.code = code
        self.message = message
    }
}
