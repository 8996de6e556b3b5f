package import HTTP
package import IO

extension EgressCases {
    /// The server of `policy` and `redirects`.
    package static let pages: @Sendable (HTTPRequest) async -> HTTPResponse = { request in
        let parts = request.target.split(separator: "?", maxSplits: 1).map(String.init)
        let location: String? =
            switch parts[0] {
            case "/to": parts.count > 1 ? parts[1] : nil
            case "/loop": "/loop"
            case let path where path.hasPrefix("/count/"): "/count/\((Int(path.dropFirst(7)) ?? 0) + 1)"
            default: nil
            }
        return location.map { HTTPResponse(status: 302, headers: ["Location": $0]) } ?? HTTPResponse(contentType: "text/plain", Array("ok".utf8))
    }
}

/// That server on a port of loopback.
package final class CasePages: Sendable {
    package let port: Int
    private let server: HTTPServer

    package init(on group: EventLoopGroup) throws {
        guard let any = SocketAddress("127.0.0.1", port: 0) else { throw IOError(.closed, "address") }
        server = HTTPServer(configuration: HTTPServerConfiguration(address: any), group: group, handler: Pages())
        port = Int(try server.start().port)
    }

    private struct Pages: HTTPHandler {
        func handle(_ request: HTTPRequest) async -> HTTPResponse { await EgressCases.pages(request) }
    }

    package func stop() async { await server.drain(within: 200) }
}
