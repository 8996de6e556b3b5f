import Testing

@testable import HTTP

@Suite struct WebSocketHandshakeTests {
    private static let lines = [
        "Host: a", "Connection: keep-alive, Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ]

    /// The answer to a request with some lines replaced (by their name) or added: a status, or the agreement.
    private func check(
        _ changed: [String] = [], without: String? = nil, start: String = "GET / HTTP/1.1", hasBody: Bool = false,
        _ change: (inout WebSocketConfiguration) -> Void = { _ in }
    ) throws -> Result<WebSocketHandshake.Agreement, WebSocketHandshake.Refused> {
        let name = { (line: String) in line.prefix { $0 != ":" } }
        let kept = Self.lines.filter { line in name(line) != (without ?? "") && !changed.contains { name($0) == name(line) } }
        var parser = RequestParser()
        let bytes = Array(([start] + kept + changed + ["", ""]).joined(separator: "\r\n").utf8)
        let step = bytes.withUnsafeBufferPointer { parser.advance($0) }
        guard case .head(let head, _) = step else { throw HTTPFailure(400, "the test's request is malformed") }
        var configuration = WebSocketConfiguration()
        change(&configuration)
        return Result { () throws(WebSocketHandshake.Refused) in try WebSocketHandshake.check(head, hasBody: hasBody, configuration) }
    }

    private func status(_ result: Result<WebSocketHandshake.Agreement, WebSocketHandshake.Refused>) -> Int {
        switch result {
        case .success: 101
        case .failure(let refused): refused.failure.status
        }
    }

    @Test(
        "a handshake is refused for each thing that is wrong with it, with its status",
        arguments: [
            ("Connection: keep-alive", 426), ("Upgrade: h2c", 426), ("Sec-WebSocket-Version: 8", 426), ("Sec-WebSocket-Version: 13, 8", 426),
            ("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j", 400), ("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=", 400),
            ("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZR==", 400),
            ("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", 400),
            ("Origin: https://elsewhere.example", 403), ("Sec-WebSocket-Extensions: permessage-deflate; =1", 400),
            ("Sec-WebSocket-Extensions: permessage-deflate; a=\"x y\"", 400), ("Sec-WebSocket-Extensions: ,", 400),
            ("Sec-WebSocket-Protocol: a b", 400), ("Sec-WebSocket-Protocol: chat, chat", 400),
            ("CONNECTION: upgrade", 101), ("Upgrade: WebSocket", 101), ("Upgrade: h2c, websocket", 101),
        ])
    func refusals(item: (line: String, status: Int)) throws {
        // A name in another case stands beside the one that it replaces.
        #expect(status(try check([item.line], without: item.line.hasPrefix("CONN") ? "Connection" : nil)) == item.status, "\(item.line)")
    }

    @Test("the method is GET, the version HTTP/1.1, nothing may be missing and there is no body")
    func shape() throws {
        #expect(status(try check()) == 101)
        for (name, expected) in [("Connection", 426), ("Upgrade", 426), ("Sec-WebSocket-Version", 426), ("Sec-WebSocket-Key", 400)] {
            #expect(status(try check(without: name)) == expected, "\(name)")
        }
        #expect(status(try check(start: "OPTIONS / HTTP/1.1")) == 405)
        #expect(status(try check(start: "GET / HTTP/1.0")) == 426)
        #expect(status(try check(hasBody: true)) == 400)
        guard case .failure(let refused) = try check(["Sec-WebSocket-Version: 12"]) else { throw HTTPFailure(500, "not refused") }
        #expect(refused.headers["Sec-WebSocket-Version"] == "13" && refused.headers["Upgrade"] == "websocket")
    }

    @Test("an origin is let in by the route's hook alone, and a client without one is no page")
    func origins() throws {
        #expect(status(try check(["Origin: https://a.example"]) { $0.allowsOrigin = { $0 == "https://a.example" } }) == 101)
        #expect(status(try check(["Origin: https://b.example"]) { $0.allowsOrigin = { $0 == "https://a.example" } }) == 403)
        #expect(status(try check { $0.allowsOrigin = { $0 != nil } }) == 403)
        #expect(status(try check(["Origin: https://a.example", "Origin: https://a.example"]) { $0.allowsOrigin = { _ in true } }) == 403)
    }

    @Test("the client's first subprotocol that the route speaks is chosen")
    func subprotocols() throws {
        let asked = ["Sec-WebSocket-Protocol: x, chat.v2, chat.v1"]
        #expect(try check(asked) { $0.subprotocols = ["chat.v1", "chat.v2"] }.get().subprotocol == "chat.v2")
        #expect(try check(asked) { $0.subprotocols = ["other"] }.get().subprotocol == nil)
        #expect(status(try check(asked) { ($0.subprotocols, $0.requiresSubprotocol) = (["other"], true) }) == 400)
    }

    @Test(
        "of the offers of permessage-deflate the first that can be met is taken",
        arguments: [
            ("permessage-deflate", "permessage-deflate; server_no_context_takeover; client_no_context_takeover"),
            (
                "permessage-deflate; server_max_window_bits=10",
                "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10"
            ),
            (
                "permessage-deflate; client_max_window_bits=\"11\"",
                "permessage-deflate; server_no_context_takeover; client_no_context_takeover; client_max_window_bits=11"
            ),
            ("permessage-deflate; server_max_window_bits=8", ""), ("permessage-deflate; server_max_window_bits=16", ""),
            ("permessage-deflate; server_max_window_bits=010", ""), ("permessage-deflate; server_max_window_bits", ""),
            ("permessage-deflate; server_no_context_takeover=1", ""), ("permessage-deflate; unknown", ""),
            ("permessage-deflate; client_no_context_takeover; client_no_context_takeover", ""), ("x-webkit-deflate-frame", ""),
            ("foo; a=\"b\", permessage-deflate; x, permessage-deflate", "permessage-deflate; server_no_context_takeover; client_no_context_takeover"),
        ])
    func negotiation(item: (offer: String, answer: String)) throws {
        let agreement = try check(["Sec-WebSocket-Extensions: \(item.offer)"]).get()
        #expect(agreement.deflate?.header ?? "" == item.answer)
        #expect(agreement.headers.contains("Sec-WebSocket-Extensions") == !item.answer.isEmpty)
        #expect(try check(["Sec-WebSocket-Extensions: \(item.offer)"]) { $0.compression = nil }.get().deflate == nil)
    }
}
