import Glibc
import HTTP
import IO
import TestKit

/// A site over https on loopback, with a certificate of an authority of its own.
final class TLSSite: Sendable, HTTPHandler {
    private let group: EventLoopGroup
    private let server = Lock<HTTPServer?>(nil)
    private let answer: @Sendable (HTTPRequest) async -> HTTPResponse
    private let bodyBytesMax: Int
    let port: Int
    /// Where any account may read the authority.
    let authority: String

    init(names: [String] = ["DNS:localhost"], bodyBytesMax: Int = 1 << 20, _ answer: @escaping @Sendable (HTTPRequest) async -> HTTPResponse) throws {
        (self.answer, self.bodyBytesMax) = (answer, bodyBytesMax)
        group = try EventLoopGroup(count: 1)
        let issuer = try TestAuthority()
        let issued = try issuer.issue("site", names: names)
        authority = "\(Command.temporary())/ca.pem"
        try Command.write(Command.text(issuer.root), to: authority)
        chmod(authority, 0o644)
        guard let any = SocketAddress("127.0.0.1", port: 0) else { throw Command.Failure("address") }
        var configuration = HTTPServerConfiguration(address: any)
        configuration.tls = try TLSServerContext([.init(certificate: issued.certificate, key: issued.key)])
        // The port is known only once it is bound, and the handler is this object: bind first.
        let socket = try Sockets.listen(on: any)
        port = Int(try Sockets.localAddress(socket.raw).port)
        let made = HTTPServer(configuration: configuration, group: group, handler: self)
        _ = try made.start(on: socket)
        server.withLock { $0 = made }
    }

    func admit(_ head: HTTPRequestHead, remoteAddress: String, requestID: String) -> HTTPAdmission { .accept(bodyBytesMax: bodyBytesMax) }

    func handle(_ request: HTTPRequest) async -> HTTPResponse { await answer(request) }

    /// The settings of a host that lets the name `localhost` in, without the authority.
    static let opened = ["LIMEN_EGRESS_PRIVATE_NETWORKS": "localhost=127.0.0.0/8"]
    /// The same with the authority.
    var environment: [String: String] { Self.opened.merging(["LIMEN_EGRESS_CA_FILE": authority]) { $1 } }

    func stop() async {
        let running = server.withLock { $0 }
        await running?.drain(within: 200)
        await group.shutdown()
    }
}
