/// What both ends agreed on for permessage-deflate (RFC 7692, 7).
package struct PerMessageDeflate: Sendable, Hashable {
    /// Whether the server starts each message with an empty window.
    package var serverStartsAfresh = true
    /// Whether the client does.
    package var clientStartsAfresh = true
    /// The server's window, as a power of two.
    package var serverWindowBits = 15
    /// The client's.
    package var clientWindowBits = 15
    package var bytesMin = 256
    package var level = 3

    package init() {}

    /// The first offer that can be met; nil when there is none, and messages are then sent as they are (RFC 7692, 5.1).
    init?(offers: [WebSocketExtension], _ ours: WebSocketCompression) {
        for offer in offers where offer.name == "permessage-deflate" {
            if let agreed = PerMessageDeflate(offer, ours) {
                self = agreed
                return
            }
        }
        return nil
    }

    private init?(_ offer: WebSocketExtension, _ ours: WebSocketCompression) {
        (level, bytesMin) = (ours.level, ours.bytesMin)
        (serverStartsAfresh, clientStartsAfresh) = (!ours.keepsContext, !ours.keepsContext)
        let windowBitsMax = min(15, max(9, ours.windowBitsMax))
        serverWindowBits = windowBitsMax
        var seen: Set<String> = []
        for parameter in offer.parameters {
            guard seen.insert(parameter.name).inserted else { return nil }
            switch (parameter.name, parameter.value) {
            case ("server_no_context_takeover", nil): serverStartsAfresh = true
            case ("client_no_context_takeover", nil): clientStartsAfresh = true
            case ("server_max_window_bits", .some(let value)):
                // zlib makes no raw stream with a window of 256 bytes, so an offer that insists on one cannot be met.
                guard let bits = PerMessageDeflate.windowBits(value), bits >= 9 else { return nil }
                serverWindowBits = min(bits, windowBitsMax)
            case ("client_max_window_bits", nil): clientWindowBits = windowBitsMax
            case ("client_max_window_bits", .some(let value)):
                guard let bits = PerMessageDeflate.windowBits(value) else { return nil }
                clientWindowBits = min(bits, windowBitsMax)
            default: return nil
            }
        }
    }

    /// 8...15 without leading zeros (RFC 7692, 7.1.2).
    private static func windowBits(_ text: String) -> Int? {
        guard text.utf8.first != 0x30, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let bits = Int(text) else { return nil }
        return (8...15).contains(bits) ? bits : nil
    }

    /// The answer's `Sec-WebSocket-Extensions`.
    var header: String {
        var text = "permessage-deflate"
        if serverStartsAfresh { text += "; server_no_context_takeover" }
        if clientStartsAfresh { text += "; client_no_context_takeover" }
        if serverWindowBits < 15 { text += "; server_max_window_bits=\(serverWindowBits)" }
        // Only a client that named the parameter gets it back; others have kept 15.
        if clientWindowBits < 15 { text += "; client_max_window_bits=\(clientWindowBits)" }
        return text
    }
}
