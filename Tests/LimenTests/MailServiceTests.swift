import Glibc
import HTTP
import JSON
import TestKit
import Testing

@Suite("Limen: letters", .serialized)
struct MailServiceTests {
    /// `aiosmtpd` of PyPI, as a process of its own, that asks for STARTTLS and a password and writes each letter into a file.
    private final class MailServer: Sendable {
        let port = Int.random(in: 30_000...32_000)
        let authority: String
        let letter: String
        private let child: pid_t

        private static let script = """
            import ssl, sys, time
            from aiosmtpd.controller import Controller
            from aiosmtpd.smtp import AuthResult
            certificate, key, port, file = sys.argv[1:]
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, key)
            class Handler:
                async def handle_DATA(self, server, session, envelope):
                    with open(file, "wb") as out:
                        out.write(("%s|%s|%s\\n" % (envelope.mail_from, ",".join(envelope.rcpt_tos), bool(session.ssl))).encode() + envelope.content)
                    return "250 kept"
            def check(server, session, envelope, mechanism, data):
                return AuthResult(success=data.login == b"limen" and data.password == b"a password of mail")
            Controller(Handler(), hostname="127.0.0.1", port=int(port), tls_context=context, require_starttls=True, authenticator=check,
                       auth_required=True).start()
            time.sleep(600)
            """

        init() throws {
            let folder = Command.temporary()
            let issuer = try TestAuthority()
            let issued = try issuer.issue("mail", names: ["DNS:localhost"])
            (authority, letter) = ("\(folder)/ca.pem", "\(folder)/letter")
            // Copies: the authority's folder goes with it, before the server has read anything.
            try Command.write(Command.text(issuer.root), to: authority)
            try Command.write(Command.text(issued.certificate), to: "\(folder)/mail.pem")
            try Command.write(Command.text(issued.key), to: "\(folder)/mail.key")
            chmod(authority, 0o644)
            chmod(folder, 0o755)
            try Command.write(Self.script, to: "\(folder)/server.py")
            child = try Command.start(
                [
                    "\(try PythonPackages.bin("aiosmtpd"))/python", "\(folder)/server.py", "\(folder)/mail.pem", "\(folder)/mail.key", "\(port)",
                    letter,
                ],
                output: "\(folder)/out",
                complaints: "\(folder)/log")
        }

        deinit {
            kill(child, SIGTERM)
            _ = Command.wait(child)
        }
    }

    @Test("letters leave by SMTP with STARTTLS and a password that is nowhere to be seen, and not to a server that nobody vouches for")
    func smtp() async throws {
        let mail = try MailServer()
        let server = try LiveServer(plugins: [])
        try Command.write("a password of mail\n", to: "\(server.folder)/secret")
        let kept = try server.limen([
            "secret", "set", "smtp.password", "--tenant", "@host", "--file", "\(server.folder)/secret", "--data", server.data,
        ])
        #expect(kept.code == 0, "\(kept.complaints)")
        unlink("\(server.folder)/secret")
        server.stop()
        var environment = [
            "LIMEN_IDENTITY_MAIL_SMTP_HOST": "localhost", "LIMEN_IDENTITY_MAIL_SMTP_PORT": "\(mail.port)",
            "LIMEN_IDENTITY_MAIL_SMTP_SECURITY": "starttls", "LIMEN_IDENTITY_MAIL_SMTP_USER": "limen", "LIMEN_EGRESS_CA_FILE": mail.authority,
            "LIMEN_IDENTITY_MAIL_FROM": "limen@example.com",
        ]
        try server.start(environment: environment)
        try await signUp(server, "ann@example.com")
        var text = ""
        for _ in 0..<200 where text.isEmpty {
            usleep(50_000)
            text = Command.text(mail.letter)
        }
        #expect(text.hasPrefix("limen@example.com|ann@example.com|True\n"), "\(text) \(server.log)")
        #expect(text.contains("Subject: Confirm your address\r\n") && text.contains("lmv_"))
        server.stop()
        #expect(!server.log.contains("a password of mail") && !server.log.contains("lmv_"))
        unlink(mail.letter)
        environment["LIMEN_EGRESS_CA_FILE"] = nil
        try server.start(environment: environment)
        try await signUp(server, "bob@example.com")
        usleep(2_500_000)
        #expect(Command.text(mail.letter).isEmpty, "a letter went to a server that nobody vouches for")
    }

    private func signUp(_ server: LiveServer, _ email: String) async throws {
        let made = try await server.send(.post, "/v1/auth/signup", #"{"email":"\#(email)","password":"plum lantern veto 9"}"#)
        #expect(made.status == 200, "\(made.text)")
    }
}
