import Crypto

/// What ties a request to the log, the plugin and the client's own trace.
package struct RequestIdentity: Sendable {
    /// The client's `X-Request-Id` when it is one, else a new UUID v7.
    package var requestID: String
    /// W3C trace context of this request, made anew or continuing the client's.
    package var traceparent: String

    /// Takes over what the client sent, where it is well formed.
    package init(requestID: String?, traceparent: String?) {
        self.requestID = requestID.flatMap(RequestIdentity.accepted) ?? UUIDv7.make()
        self.traceparent = RequestIdentity.continued(traceparent)
    }

    /// A request id is 1 to 255 characters of `A-Z a-z 0-9 . _ : -`.
    private static func accepted(_ text: String) -> String? {
        guard (1...Limits.identifierBytesMax).contains(text.utf8.count) else { return nil }
        let fits = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
            case UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: ":"), UInt8(ascii: "-"): true
            default: false
            }
        }
        return fits ? text : nil
    }

    /// `00-<trace id>-<new span id>-<flags>`; a malformed or absent header starts a new trace.
    private static func continued(_ header: String?) -> String {
        let span = Hex.encode(secureRandom(8))
        if let header {
            let parts = header.split(separator: "-", omittingEmptySubsequences: false)
            if parts.count == 4, parts[0] == "00", isHex(parts[1], 32), isHex(parts[2], 16), isHex(parts[3], 2) {
                return "00-\(parts[1])-\(span)-\(parts[3])"
            }
        }
        return "00-\(Hex.encode(secureRandom(16)))-\(span)-01"
    }

    /// Lower-case hex of that length, not all zeros (all zeros is invalid for ids; flags may be zero).
    private static func isHex(_ text: Substring, _ count: Int) -> Bool {
        guard text.utf8.count == count else { return false }
        let digits = text.utf8.allSatisfy {
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
        }
        return digits && (count == 2 || text.utf8.contains { $0 != UInt8(ascii: "0") })
    }
}

extension RequestIdentity {
    /// A new request id, for the server.
    package static let makeRequestID: @Sendable () -> String = { UUIDv7.make() }
}
