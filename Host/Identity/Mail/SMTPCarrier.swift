internal import Glibc
package import IO

/// Hands letters to a mail server, over TLS: a connection each.
package struct SMTPCarrier: Carrier {
    private let host: String
    private let port: UInt16
    private let security: SMTPDialogue.Security
    private let login: SMTPDialogue.Login?
    private let resolver: Resolver
    private let tls: TLSClientContext
    private let loop: EventLoop
    private let milliseconds: Int

    /// Speaks to one server, for at most so many milliseconds a letter. `security` is `none` for this machine alone, which the caller sees to.
    package init(
        host: String, port: UInt16, _ security: SMTPDialogue.Security, login: SMTPDialogue.Login?, resolver: Resolver, tls: TLSClientContext,
        milliseconds: Int = IdentityLimits.mailMilliseconds, on loop: EventLoop
    ) {
        (self.host, self.port, self.security, self.login) = (host, port, security, login)
        (self.resolver, self.tls, self.milliseconds, self.loop) = (resolver, tls, milliseconds, loop)
    }

    package func carry(_ bytes: [UInt8], from sender: String, to recipient: String) async throws {
        let deadline = Deadline.after(milliseconds: milliseconds)
        var stream = try await connect(deadline)
        defer { stream.close() }
        if security == .tls { stream = try await secure(stream, deadline) }
        var dialogue = SMTPDialogue(bytes, from: sender, to: recipient, security, login: login)
        var replies = SMTPReplies()
        while true {
            guard let reply = try replies.next() else {
                try await read(stream, &replies, deadline)
                continue
            }
            var action = dialogue.take(reply.code, reply.lines)
            if action == .startTLS {
                guard replies.isEmpty else { throw IdentityError.failed("the mail server said something before TLS that it should say after") }
                stream = try await secure(stream, deadline)
                action = dialogue.secured()
            }
            switch action {
            case .send(let bytes): try await stream.write(bytes, until: deadline)
            case .done: return try await stream.write(Array("QUIT\r\n".utf8), until: deadline)
            case .fail(let reason): throw IdentityError.failed(reason)
            case .startTLS: throw IdentityError.failed("TLS was begun twice")
            }
        }
    }

    /// The first of the server's addresses that answers.
    private func connect(_ deadline: Deadline) async throws -> SocketStream {
        var cause: any Error = IdentityError.failed("the mail server has no address")
        for address in try await resolver.addresses(of: host, port: port, until: deadline) {
            do { return try await SocketStream.connect(to: address, on: loop, until: deadline) } catch { cause = error }
        }
        throw cause
    }

    private func secure(_ stream: SocketStream, _ deadline: Deadline) async throws -> SocketStream {
        let session = try await tls.connect(stream.registration, host: host, port: port, scope: "smtp", until: deadline)
        return SocketStream(stream.registration, tls: session)
    }

    private func read(_ stream: SocketStream, _ replies: inout SMTPReplies, _ deadline: Deadline) async throws {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 4096, alignment: 1)
        defer { buffer.deallocate() }
        let count = try await stream.read(into: buffer, until: deadline)
        guard count > 0 else { throw IdentityError.failed("the mail server hung up") }
        try replies.take(buffer[..<count])
    }
}
