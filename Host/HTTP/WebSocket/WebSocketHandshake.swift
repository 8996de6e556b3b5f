/// The server's half of the opening handshake (RFC 6455, 4.2).
enum WebSocketHandshake {
    /// What was agreed on.
    struct Agreement: Sendable {
        var accept: String
        var subprotocol: String?
        var deflate: PerMessageDeflate?

        /// The answer's fields besides Connection and Upgrade.
        var headers: HTTPHeaders {
            var headers: HTTPHeaders = ["Sec-WebSocket-Accept": accept]
            if let subprotocol { headers.add("Sec-WebSocket-Protocol", subprotocol) }
            if let deflate { headers.add("Sec-WebSocket-Extensions", deflate.header) }
            return headers
        }
    }

    /// Why there is no WebSocket.
    struct Refused: Error {
        let failure: HTTPFailure
        var headers = HTTPHeaders()
    }

    /// Checks a request for which the handler wants a WebSocket.
    static func check(_ head: HTTPRequestHead, hasBody: Bool, _ configuration: WebSocketConfiguration) throws(Refused) -> Agreement {
        guard head.method == .get else { throw Refused(failure: HTTPFailure(405, "A WebSocket is opened by GET."), headers: ["Allow": "GET"]) }
        guard head.minorVersion >= 1, names(head, "Connection", "upgrade"), names(head, "Upgrade", "websocket") else {
            throw upgradeRequired("This is a WebSocket: connect with Upgrade: websocket over HTTP/1.1.")
        }
        guard head.headers.values("Sec-WebSocket-Version") == ["13"] else {
            throw upgradeRequired("The WebSocket version must be 13.")
        }
        if hasBody { throw bad("A WebSocket's request has no body.") }
        let keys = head.headers.values("Sec-WebSocket-Key")
        guard keys.count == 1, let key = keys.first, Base64.isSixteenBytes(key) else {
            throw bad("Sec-WebSocket-Key must be 16 bytes in base64, once.")
        }
        let origins = head.headers.values("Origin")
        guard origins.count <= 1, configuration.allowsOrigin(origins.first) else {
            throw Refused(failure: HTTPFailure(403, "This origin may not connect."))
        }
        guard let offers = WebSocketExtension.parse(head.headers.values("Sec-WebSocket-Extensions")) else {
            throw bad("Sec-WebSocket-Extensions is malformed.")
        }
        return Agreement(
            accept: accept(key), subprotocol: try subprotocol(head, configuration),
            deflate: configuration.compression.flatMap { PerMessageDeflate(offers: offers, $0) })
    }

    /// `Sec-WebSocket-Accept` for a key (RFC 6455, 4.2.2).
    static func accept(_ key: String) -> String {
        Base64.encode(SHA1.digest(Array((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8)))
    }

    /// The client's first choice among ours.
    private static func subprotocol(_ head: HTTPRequestHead, _ configuration: WebSocketConfiguration) throws(Refused) -> String? {
        let asked = head.headers.list("Sec-WebSocket-Protocol")
        guard asked.count <= WebSocketLimits.subprotocolsMax, asked.allSatisfy({ $0.utf8.allSatisfy { Characters.isToken($0) } }),
            Set(asked).count == asked.count
        else { throw bad("Sec-WebSocket-Protocol must name different tokens.") }
        let chosen = asked.first { configuration.subprotocols.contains($0) }
        if chosen == nil && configuration.requiresSubprotocol {
            throw bad("This WebSocket needs one of its subprotocols in Sec-WebSocket-Protocol.")
        }
        return chosen
    }

    private static func names(_ head: HTTPRequestHead, _ field: String, _ token: String) -> Bool {
        head.headers.list(field).contains { $0.utf8.elementsEqual(token.utf8) { Characters.lower($0) == $1 } }
    }

    private static func bad(_ message: StaticString) -> Refused { Refused(failure: HTTPFailure(400, message)) }

    /// 426 with what to upgrade to (RFC 9110, 15.5.22; RFC 6455, 4.2.2).
    private static func upgradeRequired(_ message: StaticString) -> Refused {
        Refused(failure: HTTPFailure(426, message), headers: ["Upgrade": "websocket", "Sec-WebSocket-Version": "13"])
    }
}
