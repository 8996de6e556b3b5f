internal import Crypto

/// What is said to a mail server (RFC 5321, RFC 3207, RFC 4954), for one letter. Decides, and does no I/O.
package struct SMTPDialogue: Sendable {
    /// How the connection is kept private.
    package enum Security: String, Sendable, Hashable, CaseIterable {
        /// From the first byte on (port 465).
        case tls
        /// After asking for it (port 587); never without.
        case startTLS = "starttls"
        /// Not at all: on this machine only.
        case none
    }

    /// Who signs in there.
    package struct Login: Sendable {
        let user: String
        let password: String

        /// Names an account.
        package init(user: String, password: String) { (self.user, self.password) = (user, password) }
    }

    /// What to do next.
    package enum Action: Sendable, Hashable {
        case send([UInt8])
        /// Shake hands, then go on with `secured()`.
        case startTLS
        /// The server has the letter.
        case done
        /// It does not take it, and why.
        case fail(String)
    }

    private enum State: Sendable {
        /// Next: hello.
        case greeting
        /// Next: startingTLS, authenticating, sender.
        case hello
        /// Next: hello, by `secured()`.
        case startingTLS
        /// Next: sender.
        case authenticating
        /// Next: recipient.
        case sender
        /// Next: data.
        case recipient
        /// Next: text.
        case data
        /// Next: leaving.
        case text
        /// The end.
        case leaving
    }

    private var state = State.greeting
    private var isSecure: Bool
    private let security: Security
    private let login: Login?
    private let sender: String
    private let recipient: String
    private let letter: [UInt8]

    /// Begins with the server's greeting.
    package init(_ letter: [UInt8], from sender: String, to recipient: String, _ security: Security, login: Login?) {
        (self.letter, self.sender, self.recipient, self.security, self.login) = (letter, sender, recipient, security, login)
        isSecure = security == .tls
    }

    /// The handshake is done: everything begins anew, and nothing that was said before counts.
    package mutating func secured() -> Action {
        isSecure = true
        state = .hello
        return .send(Self.line("EHLO limen"))
    }

    /// Takes a whole reply: its code, and its lines without them.
    package mutating func take(_ code: Int, _ lines: [String]) -> Action {
        switch (state, code) {
        case (.greeting, 220): return go(.hello, "EHLO limen")
        case (.hello, 250): return afterHello(lines.map { $0.uppercased() })
        case (.startingTLS, 220): return .startTLS
        case (.authenticating, 235): return mail()
        case (.sender, 250): return go(.recipient, "RCPT TO:<\(recipient)>")
        case (.recipient, 250), (.recipient, 251): return go(.data, "DATA")
        case (.data, 354):
            state = .text
            return .send(Self.stuffed(letter))
        case (.text, 250): return .done
        default: return .fail("the mail server answered \(code) \(Self.plain(lines.first ?? ""))")
        }
    }

    private mutating func afterHello(_ abilities: [String]) -> Action {
        if security == .startTLS, !isSecure {
            guard abilities.contains("STARTTLS") else { return .fail("the mail server offers no TLS") }
            return go(.startingTLS, "STARTTLS")
        }
        guard let login else { return mail() }
        guard security == .none || isSecure, abilities.contains(where: { $0.hasPrefix("AUTH ") && $0.contains("PLAIN") }) else {
            return .fail("the mail server takes no AUTH PLAIN")
        }
        return go(.authenticating, "AUTH PLAIN \(Self.base64(Array("\0\(login.user)\0\(login.password)".utf8)))")
    }

    private mutating func mail() -> Action { go(.sender, "MAIL FROM:<\(sender)>") }

    private mutating func go(_ next: State, _ text: String) -> Action {
        // Nothing that comes from outside can hold a line break (`Email`); if it does all the same, nothing is sent.
        guard text.utf8.allSatisfy({ $0 != 10 && $0 != 13 }) else { return .fail("an address holds a line break") }
        state = next
        return .send(Self.line(text))
    }

    private static func line(_ text: String) -> [UInt8] { Array((text + "\r\n").utf8) }

    /// The letter with its dots doubled at the beginnings of lines, and its end (RFC 5321 section 4.5.2).
    private static func stuffed(_ letter: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(letter.count + 64)
        var isStart = true
        for byte in letter {
            if isStart, byte == UInt8(ascii: ".") { bytes.append(byte) }
            bytes.append(byte)
            isStart = byte == 10
        }
        return bytes + Array((isStart ? ".\r\n" : "\r\n.\r\n").utf8)
    }

    private static func base64(_ bytes: [UInt8]) -> String {
        var text = Base64URL.encode(bytes).map { $0 == "-" ? "+" : $0 == "_" ? "/" : $0 }
        while !text.count.isMultiple(of: 4) { text.append("=") }
        return String(text)
    }

    /// What a server says, fit for a log.
    private static func plain(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.prefix(200).map { (0x20...0x7e).contains($0.value) ? $0 : "?" }))
    }
}

/// Cuts what a mail server sends into replies.
package struct SMTPReplies: Sendable {
    private var bytes: [UInt8] = []
    private var lines: [String] = []

    package init() {}

    /// Whether something has come that no reply was made of yet: after STARTTLS that is an attack (CVE-2011-0411).
    package var isEmpty: Bool { bytes.isEmpty && lines.isEmpty }

    /// Takes what came. Throws for what is no reply, or for too much.
    package mutating func take(_ new: some Sequence<UInt8>) throws(IdentityError) {
        bytes += new
        guard bytes.count + lines.count <= IdentityLimits.smtpReplyBytesMax else { throw .failed("the mail server talks too much") }
    }

    /// The next whole reply; nil while there is none.
    package mutating func next() throws(IdentityError) -> (code: Int, lines: [String])? {
        while let end = bytes.firstIndex(of: 10) {
            var line = bytes[..<end]
            bytes.removeFirst(end + 1)
            if line.last == 13 { line.removeLast() }
            let text = String(decoding: line, as: UTF8.self)
            guard let code = Int(text.prefix(3)), (200...599).contains(code), text.utf8.count == 3 || [" ", "-"].contains(text.dropFirst(3).first)
            else {
                throw .failed("the mail server does not speak SMTP")
            }
            lines.append(String(text.dropFirst(4)))
            if text.dropFirst(3).first == "-" { continue }
            defer { lines = [] }
            return (code, lines)
        }
        return nil
    }
}
