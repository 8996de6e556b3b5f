/// What a proxy says to its client.
enum TunnelReply {
    static let established = Array("HTTP/1.1 200 Connection established\r\n\r\n".utf8)

    static func refusal(_ rule: EgressRefusal) -> [UInt8] { text(403, "Forbidden", "\(rule.rawValue): \(rule.explanation)") }

    static func shortage(_ shortage: TunnelBudget.Shortage) -> [UInt8] {
        switch shortage {
        case .tooMany: text(429, "Too Many Requests", "This plugin has as many tunnels open as it may; close one first.", ["Retry-After: 1"])
        case .tooFast: text(429, "Too Many Requests", "This plugin opens tunnels faster than its manifest's egress.rate allows.", ["Retry-After: 10"])
        }
    }

    static func failure(_ failure: TunnelFailure) -> [UInt8] {
        switch failure {
        case .resolve: text(502, "Bad Gateway", "resolve: the host was not found, or the name service did not answer.")
        case .connect: text(502, "Bad Gateway", "connect: the server did not take the connection.")
        case .timeOut: text(504, "Gateway Timeout", "time-out: the server was not reached in time.")
        }
    }

    static func malformed(_ status: Int, _ message: String) -> [UInt8] {
        text(status, reasons[status] ?? "Bad Request", message, status == 405 ? ["Allow: CONNECT"] : [])
    }

    private static let reasons = [
        400: "Bad Request", 405: "Method Not Allowed", 408: "Request Timeout", 413: "Content Too Large", 414: "URI Too Long",
        417: "Expectation Failed", 431: "Request Header Fields Too Large", 501: "Not Implemented", 505: "HTTP Version Not Supported",
    ]

    private static func text(_ status: Int, _ reason: String, _ message: String, _ fields: [String] = []) -> [UInt8] {
        let body = message + "\n"
        let head =
            ["HTTP/1.1 \(status) \(reason)", "Content-Type: text/plain; charset=utf-8", "Content-Length: \(body.utf8.count)", "Connection: close"]
            + fields
        return Array((head.joined(separator: "\r\n") + "\r\n\r\n" + body).utf8)
    }
}
