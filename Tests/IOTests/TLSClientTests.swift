import Glibc
import TestKit
import Testing

@testable import IO

@Suite(.serialized) struct TLSVerificationTests {
    private func authority() throws -> TestAuthority { try Authority.shared.get() }

    @Test("both ends agree on TLS 1.3 and http/1.1, the name is sent, and a goodbye ends the content")
    func agrees() async throws {
        let shaken = try await shake(mainServer(), TLSClientContext(authorities: authority().root))
        #expect(shaken.version == "TLSv1.3" && shaken.applicationProtocol == "http/1.1" && shaken.serverName == "main.test")
        #expect(shaken.received == Array("four".utf8) && shaken.clientError == nil && shaken.serverError == nil)
    }

    @Test("an end without goodbye is an error that says so: what came may not be all")
    func truncation() async throws {
        let outcome = try await onLoop { loop -> TLSError? in
            let pair = try Pair()
            let far = try loop.register(pair.near)
            let near = try loop.register(pair.far)
            let server = try mainServer()
            let serving = OwnedTask<Void>(on: loop) {
                let session = try await server.accept(near, until: .after(milliseconds: 5000))
                _ = try Array("part".utf8).withUnsafeBytes { try session.send($0) }
                near.deregister()
                try pair.closeFar()
            }
            defer { far.deregister() }
            let client = try TLSClientContext(authorities: Authority.shared.get().root)
            do throws(IOError) {
                let session = try await client.connected(far)
                _ = try await readAll(session, far, until: .after(milliseconds: 5000))
                return nil
            } catch {
                await serving.finish()
                return error.tls
            }
        }
        #expect(outcome?.kind == .truncated, "\(String(describing: outcome))")
    }

    @Test("a certificate for another host, of another authority, for another use, expired or revoked is refused with the reason")
    func untrusted() async throws {
        let authority = try authority()
        let client = try TLSClientContext(authorities: authority.root)
        func refused(_ files: TestAuthority.Issued, host: String = "bad.test", by client: TLSClientContext) async throws -> TLSError? {
            try await shake(TLSServerContext([.init(files)]), client, host: host).clientError
        }
        let good = try authority.issue("good", names: ["DNS:bad.test", "DNS:*.wild.test", "IP:127.0.0.1"])
        #expect(try await refused(good, by: client) == nil)
        #expect(try await refused(good, host: "127.0.0.1", by: client) == nil)
        #expect(try await refused(good, host: "a.wild.test", by: client) == nil)
        for host in ["other.test", "wild.test", "a.b.wild.test", "127.0.0.2", "bad.test.evil", "good"] {
            let error = try await refused(good, host: host, by: client)
            #expect(error?.kind == .untrusted && (error?.reason.contains("mismatch") ?? false), "\(host): \(String(describing: error))")
        }
        let stranger = try TestAuthority(name: "Stranger")
        let cases = try [
            (stranger.issue("foreign", names: ["DNS:bad.test"]), "self-signed certificate in certificate chain"),
            (authority.selfSigned("self", names: ["DNS:bad.test"]), "self-signed"),
        ]
        for (files, reason) in cases {
            let error = try await refused(files, by: client)
            #expect(error?.kind == .untrusted && (error?.reason.contains(reason) ?? false), "\(reason): \(String(describing: error))")
        }
        // Nobody's system roots hold our authority.
        #expect(try await refused(good, by: TLSClientContext())?.kind == .untrusted)
        let revoked = try authority.issue("revoked", names: ["DNS:bad.test"])
        try authority.revoke("revoked")
        let strict = try TLSClientContext(authorities: authority.root, revocations: authority.revocations())
        #expect(try await refused(revoked, by: strict)?.reason.contains("revoked") == true)
        #expect(try await refused(good, by: strict) == nil)
    }

    @Test(
        "servers that ours would not be (expired, for clients alone, a leaf that signs, a chain out of order) are refused, spoken by openssl s_server"
    )
    func foreignServers() async throws {
        let authority = try authority()
        let expired = try authority.issue("sexpired", names: ["DNS:bad.test"], start: "20200101000000Z", end: "20210101000000Z")
        let usage = try authority.issue("susage", names: ["DNS:bad.test"], usage: "clientAuth")
        let good = try authority.issue("sgood", names: ["DNS:bad.test"])
        let forged = try Self.forged(by: good, authority)
        let nameless = try authority.issue("bad.test", names: [])
        let cases: [(TestAuthority.Issued, String, String?)] = [
            (good, "", nil), (expired, "", "expired"), (usage, "", "purpose"), (forged, "", "invalid CA"), (nameless, "", "mismatch"),
            (good, "-tls1_1 -cipher DEFAULT@SECLEVEL=0", "protocol version"), (good, "-tls1_2 -cipher ECDHE-ECDSA-AES128-SHA", "handshake failure"),
            (good, "-tls1_2", nil),
        ]
        for (files, options, reason) in cases {
            let server = try ForeignServer(files, options)
            defer { server.stop() }
            let error = try await Self.connect(to: server.port, "bad.test", TLSClientContext(authorities: authority.root))
            if let reason {
                #expect(error?.reason.contains(reason) == true, "\(reason): \(String(describing: error))")
                #expect(error?.phase == .handshake)
            } else {
                #expect(error == nil, "\(String(describing: error))")
            }
        }
    }

    @Test("a stapled response that revokes, lies or is missing where it was promised refuses the certificate; one that is good does not")
    func staples() async throws {
        let authority = try authority()
        let stranger = try TestAuthority(name: "Liar")
        _ = try authority.issue("ocsp", names: ["DNS:bad.test"])
        let issued = TestAuthority.Issued(certificate: "\(authority.folder)/ocsp.pem", key: "\(authority.folder)/ocsp.key")
        let promised = try authority.issue("must", names: ["DNS:bad.test"], extra: "tlsfeature=status_request")
        func outcome(_ files: TestAuthority.Issued, _ options: String) async throws -> TLSError? {
            let server = try ForeignServer(files, options)
            defer { server.stop() }
            return try await Self.connect(to: server.port, "bad.test", TLSClientContext(authorities: authority.root))
        }
        #expect(try await outcome(issued, "-status_file \(authority.staple("ocsp"))") == nil)
        #expect(try await outcome(issued, "-status_file \(authority.staple("ocsp", signedBy: stranger))")?.kind == .untrusted)
        #expect(try await outcome(promised, "")?.kind == .untrusted)
        try authority.revoke("ocsp")
        #expect(try await outcome(issued, "-status_file \(authority.staple("ocsp"))")?.kind == .untrusted)
    }

    @Test("a session is taken up again with its own host and scope alone, and what is kept is bounded")
    func resumption() async throws {
        let server = try mainServer()
        let client = try TLSClientContext(authorities: authority().root)
        #expect(try await !shake(server, client).isResumed)
        #expect(try await shake(server, client).isResumed)
        #expect(try await !shake(server, client, host: "localhost").isResumed)
        #expect(try await !shake(server, client, scope: "other tenant").isResumed)
        #expect(try await shake(server, client).isResumed)
        for index in 0..<(IOLimits.clientSessionServersMax + 40) where index % 8 == 0 { _ = try await shake(server, client, scope: "\(index)") }
        #expect(client.cachedServers <= IOLimits.clientSessionServersMax)
    }

    @Test("a host that could not be verified is refused before anything is sent", arguments: ["", ".", ".main.test", "a b", "ä.test", "a\u{0}b"])
    func hosts(host: String) throws {
        let pair = try Pair()
        let client = try TLSClientContext(authorities: authority().root)
        #expect { try client.session(pair.near, host: host) } throws: { ($0 as? TLSError)?.phase == .configuration }
    }

    @Test("files of authorities and revocations that hold none are refused by name")
    func files() throws {
        let folder = TemporaryFolder()
        let empty = folder.write("nothing", to: "empty.pem")
        #expect { try TLSClientContext(authorities: empty) } throws: { "\($0)".contains("empty.pem") }
        #expect { try TLSClientContext(revocations: empty) } throws: { "\($0)".contains("empty.pem") }
    }

    /// A certificate that another server's key signed, which it may not.
    private static func forged(by good: TestAuthority.Issued, _ authority: TestAuthority) throws -> TestAuthority.Issued {
        let base = "\(authority.folder)/forged"
        let outcome = Shell.run(
            """
            cd \(authority.folder) && openssl req -new -config ca.cnf -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=forged -keyout forged.key -out forged.csr &&
            printf 'subjectAltName=DNS:bad.test\\nextendedKeyUsage=serverAuth\\n' > forged.ext &&
            openssl x509 -req -in forged.csr -CA sgood.leaf -CAkey sgood.key -CAcreateserial -days 5 -extfile forged.ext -out forged.leaf &&
            cat forged.leaf sgood.pem > forged.pem
            """)
        if outcome.status != 0 { throw TestAuthority.Failure(description: outcome.output) }
        return TestAuthority.Issued(certificate: "\(base).pem", key: "\(base).key")
    }

    private static func connect(to port: UInt16, _ host: String, _ client: TLSClientContext) async throws -> TLSError? {
        try await onLoop { loop in
            guard let address = SocketAddress("127.0.0.1", port: port) else { throw IOError(.closed, "address") }
            let socket = try Sockets.connect(to: address)
            let registration = try loop.register(socket.raw)
            defer { registration.deregister() }
            try await registration.writable(until: .after(milliseconds: 5000))
            do throws(IOError) {
                let session = try await client.connect(registration, host: host, until: .after(milliseconds: 5000))
                session.sayGoodbye()
                return nil
            } catch {
                return error.tls
            }
        }
    }
}

extension TLSClientContext {
    /// For `main.test`.
    fileprivate func connected(_ registration: FDRegistration) async throws(IOError) -> TLSSession {
        try await connect(registration, host: "main.test", until: .after(milliseconds: 5000))
    }
}

/// `openssl s_server` on a port of its own choosing.
private final class ForeignServer {
    let port: UInt16
    private let folder = TemporaryFolder()

    init(_ files: TestAuthority.Issued, _ options: String) throws {
        let folder = folder.path
        let line =
            "cd \(folder) && (openssl s_server -accept 127.0.0.1:0 -cert \(files.certificate) -cert_chain \(files.certificate) -key \(files.key) "
            + "-naccept 1 -www \(options) >out 2>&1 & echo $! >pid); for i in $(seq 100); do grep -q ACCEPT out && break; sleep 0.02; done; cat out"
        let output = Shell.run(line).output
        guard let start = output.firstRange(of: "ACCEPT 127.0.0.1:")?.upperBound, let port = UInt16(output[start...].prefix { $0.isNumber }) else {
            throw TestAuthority.Failure(description: output)
        }
        self.port = port
    }

    func stop() { _ = Shell.run("kill $(cat \(folder.path)/pid) 2>/dev/null") }
}
