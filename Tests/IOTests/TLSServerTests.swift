import Glibc
import TestKit
import Testing

@testable import IO

/// `openssl s_client` against a server of ours; what it printed.
private func client(_ port: UInt16, _ options: String, say: String = "") -> Shell.Outcome {
    Shell.run("(printf '%s' '\(say)'; sleep \(say.isEmpty ? 0 : 0.3)) | timeout 10 openssl s_client -connect 127.0.0.1:\(port) \(options)")
}

@Suite(.serialized) struct TLSServerTests {
    private func authority() throws -> TestAuthority { try Authority.shared.get() }

    @Test(
        "TLS 1.2 and 1.3 are spoken, with forward secrecy; older versions, weak ciphers and renegotiation are refused",
        arguments: [
            ("-tls1_3", true, "TLSv1.3"), ("-tls1_2", true, "TLSv1.2"), ("-tls1_1 -cipher DEFAULT@SECLEVEL=0", false, ""),
            ("-tls1 -cipher DEFAULT@SECLEVEL=0", false, ""), ("-tls1_2 -cipher AES128-SHA:AES256-GCM-SHA384", false, ""),
            ("-tls1_2 -cipher ECDHE-ECDSA-AES128-SHA", false, ""), ("-tls1_3 -groups ffdhe2048", false, ""),
        ])
    func versions(options: String, isSpoken: Bool, version: String) async throws {
        let echo = try TLSEcho(mainServer())
        let outcome = client(
            echo.port, "\(options) -CAfile \(try authority().root) -verify_return_error -servername main.test -quiet -no_ign_eof", say: "hello")
        #expect((outcome.status == 0 && outcome.output.contains("hello")) == isSpoken, "\(outcome.output)")
        await echo.stop()
        let seen = echo.outcomes.lock.withLock { $0 }
        #expect(seen.contains { $0.hasPrefix("served \(version) ") && ($0.contains("ECDHE") || $0.contains("TLS_")) } == isSpoken, "\(seen)")
        if isSpoken { #expect(seen.allSatisfy { $0.contains(" main.test ") }) }
    }

    @Test("a client that renegotiates is refused, and the connection goes on or ends; it never begins anew")
    func renegotiation() async throws {
        let echo = try TLSEcho(mainServer())
        let outcome = Shell.run("(sleep 0.3; echo R; sleep 0.5) | timeout 10 openssl s_client -connect 127.0.0.1:\(echo.port) -tls1_2")
        #expect(outcome.output.contains("RENEGOTIATING") && outcome.output.contains("no renegotiation"), "\(outcome.output)")
        #expect(outcome.output.contains("Compression: NONE"))
        await echo.stop()
        #expect(echo.context.statistics.full == 1)
    }

    @Test("sessions are taken up again by ticket, by TLS 1.2 and 1.3, and tickets of an older key are still read")
    func resumption() async throws {
        let echo = try TLSEcho(mainServer())
        for version in ["-tls1_2", "-tls1_3"] {
            let file = "\(try authority().folder)/session\(version)"
            let first = Shell.run(
                "(echo hi; sleep 0.3) | timeout 10 openssl s_client -connect 127.0.0.1:\(echo.port) \(version) -servername main.test -sess_out \(file)"
            )
            #expect(first.output.contains("New, TLSv1."), "\(first.output)")
            let second = Shell.run(
                "(echo hi; sleep 0.3) | timeout 10 openssl s_client -connect 127.0.0.1:\(echo.port) \(version) -servername main.test -sess_in \(file)"
            )
            #expect(second.output.contains("Reused, TLSv1."), "\(second.output)")
        }
        await echo.stop()
        #expect(echo.context.statistics.resumed == 2)
    }

    @Test("http/1.1 is agreed on by ALPN; a client that offers other protocols alone is told so and refused")
    func protocols() async throws {
        let echo = try TLSEcho(mainServer())
        #expect(client(echo.port, "-alpn h2,http/1.1").output.contains("ALPN protocol: http/1.1"))
        let refused = client(echo.port, "-alpn h2")
        #expect(refused.status != 0 && refused.output.contains("no application protocol"), "\(refused.output)")
        #expect(client(echo.port, "").output.contains("No ALPN negotiated"))
        await echo.stop()
    }

    @Test("the certificate is chosen by the name that is asked for: exact, then wildcard, else the first")
    func names() async throws {
        let authority = try authority()
        let files = try [
            authority.issue("first", names: ["DNS:first.test"]), authority.issue("wild", names: ["DNS:*.many.test"]),
            authority.issue("exact", names: ["DNS:one.many.test", "DNS:other.test"]),
            authority.issue("rsa", names: ["DNS:rsa.test"], key: "rsa:2048"),
        ]
        let echo = try TLSEcho(TLSServerContext(files.map { .init($0) }))
        for (name, expected) in [
            ("first.test", "first"), ("a.many.test", "wild"), ("ONE.many.test", "exact"), ("other.test", "exact"), ("rsa.test", "rsa"),
            ("unknown.test", "first"), ("many.test", "first"), ("a.b.many.test", "first"),
        ] {
            let outcome = client(echo.port, "-servername \(name)")
            #expect(outcome.output.contains("subject=CN = \(expected)\n"), "\(name): \(outcome.output)")
        }
        #expect(client(echo.port, "-noservername").output.contains("subject=CN = first\n"))
        await echo.stop()
    }

    @Test("an OCSP response is stapled to the certificate that it is about; a broken, foreign, stale or revoking one is left out and said")
    func staple() async throws {
        let authority = try authority()
        let stranger = try TestAuthority(name: "Somebody else")
        let issued = try authority.issue("stapled", names: ["DNS:stapled.test"])
        let staple = try authority.staple("stapled")
        let context = try TLSServerContext([.init(Authority.main.get()), .init(issued)], staples: [staple])
        #expect(context.leftOut.isEmpty && context.certificates.map(\.isStapled) == [false, true])
        let echo = try TLSEcho(context)
        let shown = client(echo.port, "-status -servername stapled.test").output
        #expect(shown.contains("OCSP Response Status: successful") && shown.contains("Cert Status: good"), "\(shown)")
        #expect(client(echo.port, "-status -servername main.test").output.contains("OCSP response: no response sent"))
        await echo.stop()

        let folder = TemporaryFolder()
        var bad = [(folder.write("nonsense", to: "nonsense"), "DER")]
        bad.append((staple, "none of the certificates"))
        for (file, reason) in bad {
            let context = try mainServer(staples: [file])
            #expect(context.leftOut.count == 1 && "\(context.leftOut)".contains(reason), "\(context.leftOut)")
        }
        func check(_ file: String, _ reason: String) throws {
            let context = try TLSServerContext([.init(issued)], staples: [file])
            #expect(context.leftOut.count == 1 && "\(context.leftOut)".contains(reason), "\(reason): \(context.leftOut)")
        }
        try check(authority.staple("stapled", days: nil), "until when")
        try check(authority.staple("stapled", signedBy: stranger), "not signed")
        try authority.revoke("stapled")
        try check(authority.staple("stapled"), "revoked")
    }

    @Test("a client that begins to speak plain HTTP is recognised, whatever its method; one that is silent or slow is cut at the deadline")
    func strangers() async throws {
        let echo = try TLSEcho(mainServer(), handshakeMilliseconds: 500)
        for line in ["GET / HTTP/1.1", "OPTIONS * HTTP/1.1", "DELETE /x HTTP/1.0"] {
            _ = Shell.run("timeout 5 python3 -c '\(Self.teller)' \(echo.port) '\(line)'")
        }
        let start = Deadline.now()
        // The first bytes of a hello, then silence.
        _ = Shell.run("timeout 5 python3 -c '\(Self.silent)' \(echo.port)")
        #expect(elapsed(since: start) < 2000)
        await echo.stop()
        let statistics = echo.context.statistics
        #expect(statistics.plain == 3 && statistics.timedOut == 1 && statistics.full == 0, "\(statistics) \(echo.outcomes.lock.withLock { $0 })")
    }

    /// Sends a line and waits for the end.
    private static let teller = """
        import socket,sys
        s=socket.create_connection(("127.0.0.1",int(sys.argv[1])))
        s.sendall((sys.argv[2]+"\\r\\n\\r\\n").encode())
        s.recv(10)
        """

    /// Sends half a record header and waits for the end.
    private static let silent = """
        import socket,sys
        s=socket.create_connection(("127.0.0.1",int(sys.argv[1])))
        s.sendall(bytes([22,3,1,2,0]))
        s.recv(10)
        """

    @Test("random and broken records end the handshake with a reason and harm nothing")
    func noise() async throws {
        let echo = try TLSEcho(mainServer())
        _ = Shell.run(
            """
            python3 - \(echo.port) <<'END'
            import random,socket,sys
            random.seed(7)
            for turn in range(200):
                s=socket.create_connection(("127.0.0.1",int(sys.argv[1])))
                body=bytes(random.randrange(256) for _ in range(random.randrange(1,400)))
                head=bytes([22,3,1])+len(body).to_bytes(2,"big") if turn%2 else b""
                try:
                    s.sendall(head+body); s.shutdown(1)
                    while s.recv(4096): pass
                except OSError: pass
                s.close()
            END
            """)
        let outcome = client(echo.port, "-quiet -no_ign_eof", say: "still here")
        #expect(outcome.output.contains("still here"))
        await echo.stop()
        #expect(echo.context.statistics.full == 1)
    }

    @Test("a megabyte comes back whole through Python's ssl, which verifies us")
    func python() async throws {
        let echo = try TLSEcho(mainServer())
        let outcome = Shell.run(
            """
            timeout 30 python3 - \(echo.port) \(try authority().root) <<'END'
            import os,socket,ssl,sys,threading
            context=ssl.create_default_context(cafile=sys.argv[2])
            with context.wrap_socket(socket.create_connection(("127.0.0.1",int(sys.argv[1]))),server_hostname="main.test") as s:
                data=os.urandom(1<<20)
                sender=threading.Thread(target=s.sendall,args=(data,))
                sender.start()
                got=b""
                while len(got)<len(data): got+=s.recv(65536)
                sender.join()
                print("same" if got==data else "different", s.version())
                s.unwrap()
                print("goodbye")
            END
            """)
        #expect(outcome.output.contains("same TLSv1.3") && outcome.output.contains("goodbye"), "\(outcome.output)")
        await echo.stop()
    }
}
