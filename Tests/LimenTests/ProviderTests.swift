import Glibc
import HTTP
import IO
import JSON
import TestKit
import Testing

@Suite("Limen: sign-in at an identity provider", .serialized)
struct ProviderTests {
    /// `oidc-provider-mock` of PyPI (authlib's server), as a process of its own.
    private final class Provider: Sendable {
        let port: Int
        private let child: pid_t

        init() throws {
            let folder = Command.temporary()
            port = Int.random(in: 20_000...29_999)
            let claims = #"{"sub":"ann","email":"ann@example.com","email_verified":true}"#
            child = try Command.start(
                [
                    "\(try PythonPackages.bin("oidc-provider-mock"))/oidc-provider-mock", "--port", "\(port)", "--require-nonce", "true",
                    "--user-claims", claims,
                ], output: "\(folder)/out", complaints: "\(folder)/log")
        }

        deinit {
            kill(child, SIGTERM)
            _ = Command.wait(child)
        }
    }

    /// Asks a server of this machine; follows nothing.
    private func ask(_ port: Int, _ request: HTTPClientRequest) async throws -> Answer {
        let group = try EventLoopGroup(count: 1)
        defer { group.stop() }
        let loop = group.next()
        guard let address = SocketAddress("127.0.0.1", port: UInt16(port)) else { throw Command.Failure("address") }
        return try await OwnedTask(on: loop) {
            let client = HTTPClient(address: address, loop: loop)
            defer { client.close() }
            let reply = try await client.send(request)
            return Answer(status: reply.status, location: reply.headers["Location"] ?? "")
        }.value
    }

    private struct Answer: Sendable {
        let status: Int
        let location: String
    }

    @Test("a person signs in at a real provider, through the egress proxy, once a state; the second time it is the same account (AUTH-9)")
    func story() async throws {
        let provider = try Provider()
        for _ in 0..<200 {
            // try?: until it listens.
            let isUp = (try? await ask(provider.port, HTTPClientRequest(.get, "/.well-known/openid-configuration")).status) == 200
            if isUp { break }
            usleep(50_000)
        }
        let server = try LiveServer(plugins: [])
        try Command.write("a client's secret/+\n", to: "\(server.folder)/secret")
        let kept = try server.limen(["secret", "set", "oidc.mock", "--tenant", "@host", "--file", "\(server.folder)/secret", "--data", server.data])
        #expect(kept.code == 0, "\(kept.complaints)")
        server.stop()
        try server.start(
            environment: [
                "LIMEN_IDENTITY_OIDC": "mock=http://127.0.0.1:\(provider.port) limen",
                "LIMEN_EGRESS_PRIVATE_NETWORKS": "127.0.0.1=127.0.0.0/8",
            ])
        var accounts: Set<String> = []
        for _ in 0..<2 {
            let begun = try await server.send(.post, "/v1/auth/oauth/mock/start")
            #expect(begun.status == 200, "\(begun.text) \(server.log)")
            let url = begun.json["data"]?["authorization_url"]?.stringValue ?? ""
            let target = String(url.dropFirst("http://127.0.0.1:\(provider.port)".utf8.count))
            let sent = try await ask(
                provider.port,
                HTTPClientRequest(
                    .post, target, headers: ["Content-Type": "application/x-www-form-urlencoded"], body: Array("sub=ann".utf8)))
            #expect(sent.status == 302, "\(sent)")
            let back = String(sent.location.dropFirst("http://127.0.0.1:8080".utf8.count))
            let binding = begun.json["data"]?["binding"]?.stringValue ?? ""
            #expect(try await server.send(.get, back).status == 401, "another browser ends nothing")
            let done = try await server.send(.get, back, headers: [("Cookie", "a=b; limen_sign_in=\(binding)")])
            #expect(done.status == 200, "\(done.text) \(server.log)")
            let token = done.json["data"]?["access_token"]?.stringValue ?? ""
            #expect(try await server.send(.get, "/v1/me", key: token).json["data"]?["email"] == "ann@example.com")
            accounts.insert(done.json["data"]?["user_id"]?.stringValue ?? "")
            #expect(try await server.send(.get, back).status == 401, "a state works once")
        }
        #expect(accounts.count == 1)
        let decisions = try await server.send(.get, "/v1/admin/egress").text
        #expect(decisions.contains("@identity"))
        #expect(try await server.send(.post, "/v1/auth/oauth/none/start").status == 404)
    }
}
