import Glibc
import IO
import Testing

@testable import Identity

@Suite("Identity: mail")
struct MailTests {
    private static let letter = Letter(to: "ann@example.com", subject: "Hello", text: "one\n.two\n..\nthree")

    private static func bytes(_ letter: Letter = letter) -> [UInt8] {
        MailText.bytes(of: letter, from: "limen@example.com", id: "1", at: 1_795_301_400_000)
    }

    /// What is sent to a server that gives these replies, and how it ends.
    private func run(
        _ security: SMTPDialogue.Security, _ login: SMTPDialogue.Login? = nil, to recipient: String = "ann@example.com", _ replies: [(Int, [String])]
    ) -> (sent: [String], end: SMTPDialogue.Action?) {
        var dialogue = SMTPDialogue(Self.bytes(), from: "limen@example.com", to: recipient, security, login: login)
        var sent: [String] = []
        for (code, lines) in replies {
            var action = dialogue.take(code, lines)
            if action == .startTLS {
                sent.append("(handshake)")
                action = dialogue.secured()
            }
            guard case .send(let bytes) = action else { return (sent, action) }
            sent.append(String(decoding: bytes, as: UTF8.self))
        }
        return (sent, nil)
    }

    @Test("a letter has its fields, a date and CRLF, and what would begin another field is a blank")
    func text() {
        let text = String(decoding: Self.bytes(), as: UTF8.self)
        #expect(text.contains("To: ann@example.com\r\n") && text.contains("Date: Sat, 21 Nov 2026 22:50:00 +0000\r\n"))
        #expect(text.hasSuffix("\r\n\r\none\r\n.two\r\n..\r\nthree\r\n"))
        let evil = Self.bytes(Letter(to: "a@b\r\nBcc: all@example.com", subject: "x\nX-Y: z", text: ""))
        let fields = String(decoding: evil, as: UTF8.self).split(separator: "\r\n").map { $0.prefix { $0 != ":" } }
        #expect(!fields.contains("Bcc") && !fields.contains("X-Y"))
    }

    @Test("with TLS from the start: signs in, names both ends, doubles dots, ends with one")
    func implicit() {
        let (sent, end) = run(
            .tls, .init(user: "u", password: "p"),
            [(220, [""]), (250, ["x", "AUTH PLAIN LOGIN"]), (235, [""]), (250, [""]), (250, [""]), (354, [""]), (250, [""])])
        #expect(
            sent.dropLast() == [
                "EHLO limen\r\n", "AUTH PLAIN AHUAcA==\r\n", "MAIL FROM:<limen@example.com>\r\n", "RCPT TO:<ann@example.com>\r\n", "DATA\r\n",
            ])
        #expect(sent.last?.hasSuffix("\r\none\r\n..two\r\n...\r\nthree\r\n.\r\n") == true && end == .done)
    }

    @Test("STARTTLS comes before anything is told, what was offered before it counts for nothing, and without it nothing is sent")
    func startTLS() {
        let login = SMTPDialogue.Login(user: "u", password: "p")
        let (sent, _) = run(.startTLS, login, [(220, [""]), (250, ["x", "STARTTLS", "AUTH PLAIN"]), (220, [""]), (250, ["x", "AUTH PLAIN"])])
        #expect(sent == ["EHLO limen\r\n", "STARTTLS\r\n", "(handshake)", "EHLO limen\r\n", "AUTH PLAIN AHUAcA==\r\n"])
        guard case .fail = run(.startTLS, login, [(220, [""]), (250, ["x", "AUTH PLAIN"])]).end else {
            Issue.record("spoke without TLS")
            return
        }
        guard case .fail = run(.tls, login, [(220, [""]), (250, ["x"])]).end else {
            Issue.record("signed in where nobody asked for it")
            return
        }
    }

    @Test("a refusal at any step ends it with the server's words, fit for a log", arguments: 0..<6)
    func refusals(step: Int) {
        var replies = [(220, [""]), (250, [""]), (250, [""]), (250, [""]), (354, [""]), (250, [""])]
        replies[step] = (550, ["no\u{1b}[31m"])
        #expect(run(.none, nil, replies).end == .fail("the mail server answered 550 no?[31m"))
    }

    @Test("an address with a line break is never said, though no rule lets one come here")
    func injection() {
        let (sent, end) = run(.none, nil, to: "a@b>\r\nRCPT TO:<c@d", [(220, [""]), (250, [""]), (250, [""])])
        #expect(end == .fail("an address holds a line break") && !sent.contains { $0.contains("c@d") })
    }

    @Test("replies are cut at line ends however they come, and what is none is refused")
    func replies() throws {
        var replies = SMTPReplies()
        for byte in "250-one\r\n250-two\r\n250 three\r\n220 next\r\n".utf8 { try replies.take([byte]) }
        let first = try #require(try replies.next())
        #expect(first.code == 250 && first.lines == ["one", "two", "three"])
        #expect(try replies.next()?.code == 220 && replies.isEmpty)
        for text in ["HTTP/1.1 400\r\n", "99 x\r\n", "2500\r\n", "25\r\n"] {
            var wrong = SMTPReplies()
            try wrong.take(text.utf8)
            #expect(throws: IdentityError.self) { _ = try wrong.next() }
        }
        var endless = SMTPReplies()
        #expect(throws: IdentityError.self) { for _ in 0..<100 { try endless.take([UInt8](repeating: 65, count: 1000)) } }
    }

    @Test("a program like sendmail gets the letter on its input and the addresses as arguments; its failure is one")
    func command() async throws {
        let folder = "/tmp/limen-mail-\(getpid())"
        mkdir(folder, 0o700)
        let program = "\(folder)/sendmail"
        let script = Array("#!/bin/sh\nprintf '%s|' \"$@\" > \(folder)/words\ncat > \(folder)/letter\n[ \"$5\" != fail@example.com ]\n".utf8)
        let file = open(program, O_WRONLY | O_CREAT | O_TRUNC, 0o700)
        #expect(write(file, script, script.count) == script.count)
        close(file)
        let pool = try BlockingPool(name: "mail", threads: 1, queueMax: 4)
        defer {
            pool.shutdown()
            for name in ["sendmail", "words", "letter"] { unlink("\(folder)/\(name)") }
            rmdir(folder)
        }
        let carrier = CommandCarrier(program: program, pool: pool)
        try await carrier.carry(Self.bytes(), from: "limen@example.com", to: "-x@example.com")
        #expect(try contents("\(folder)/words") == "-i|-f|limen@example.com|--|-x@example.com|")
        #expect(try Array(contents("\(folder)/letter").utf8) == Self.bytes())
        await #expect(throws: IdentityError.self) { try await carrier.carry(Self.bytes(), from: "limen@example.com", to: "fail@example.com") }
        await #expect(throws: (any Error).self) {
            try await CommandCarrier(program: "/does/not/exist", pool: pool).carry([], from: "a@b", to: "c@d")
        }
    }

    @Test(
        "a mail server that accepts and says nothing costs a letter its deadline, not for ever (CHAT-10)",
        arguments: [SMTPDialogue.Security.none, .tls])
    func silentServer(security: SMTPDialogue.Security) async throws {
        let group = try EventLoopGroup(count: 1)
        defer { group.stop() }
        // The kernel accepts for it.
        let listener = try Sockets.listen(on: try #require(SocketAddress("127.0.0.1", port: 0)))
        let port = try Sockets.localAddress(listener.raw).port
        let resolver = try Resolver(on: group.loops[0])
        defer { resolver.close() }
        let carrier = SMTPCarrier(
            host: "127.0.0.1", port: port, security, login: nil, resolver: resolver, tls: try TLSClientContext(), milliseconds: 200,
            on: group.loops[0])
        let began = ContinuousClock.now
        let sending = OwnedTask(on: group.loops[0]) { try await carrier.carry(Self.bytes(), from: "a@example.com", to: "b@example.com") }
        await #expect(throws: (any Error).self) { try await sending.value }
        #expect((.milliseconds(150)...(.seconds(5))).contains(ContinuousClock.now - began))
        withExtendedLifetime(listener) {}
    }
}
