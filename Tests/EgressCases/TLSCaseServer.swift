import Glibc
import IO
package import TestKit

/// `openssl s_server` with a certificate, answering each request with a page.
package final class TLSCaseServer: Sendable {
    package let port: Int
    private let pid: Int32

    package init(_ issued: TestAuthority.Issued, _ flags: String = "") throws {
        guard let any = SocketAddress("127.0.0.1", port: 0) else { throw IOError(.closed, "address") }
        let reserved = try Sockets.listen(on: any)
        port = Int(try Sockets.localAddress(reserved.raw).port)
        try reserved.close()
        let line =
            "exec openssl s_server -quiet -www -accept 127.0.0.1:\(port) -cert \(issued.certificate) -key \(issued.key) \(flags) >/dev/null 2>&1 </dev/null"
        let words: [String] = ["sh", "-c", line]
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var child: pid_t = 0
        guard posix_spawn(&child, "/bin/sh", nil, nil, &arguments, environ) == 0 else { throw IOError(.closed, "openssl") }
        pid = child
        for _ in 0..<200 {
            usleep(10_000)
            let probe = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            defer { close(probe) }
            var target = sockaddr_in()
            target.sin_family = sa_family_t(AF_INET)
            target.sin_port = UInt16(port).bigEndian
            target.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
            let size = socklen_t(MemoryLayout<sockaddr_in>.size)
            if withUnsafePointer(to: &target, { $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.connect(probe, $0, size) } }) == 0 {
                return
            }
        }
    }

    package func stop() {
        kill(pid, SIGKILL)
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR { continue }
    }

    /// A server with the certificate that a case's name says.
    package convenience init(case name: String, own: TestAuthority, stranger: TestAuthority) throws {
        switch name {
        case "expired": try self.init(own.issue("expired", names: ["DNS:api.test"], start: "20200101000000Z", end: "20210101000000Z"))
        case "not yet valid": try self.init(own.issue("early", names: ["DNS:api.test"], start: "20400101000000Z", end: "20410101000000Z"))
        case "self-signed": try self.init(own.selfSigned("alone", names: ["DNS:api.test"]))
        case "wrong host": try self.init(own.issue("wrong", names: ["DNS:other.test"]))
        case "wrong purpose": try self.init(own.issue("client", names: ["DNS:api.test"], usage: "clientAuth"))
        case "unknown authority": try self.init(stranger.issue("strange", names: ["DNS:api.test"]))
        case "revoked": try self.init(TestAuthority.Issued(certificate: "\(own.folder)/revoked.pem", key: "\(own.folder)/revoked.key"))
        case "TLS 1.0 alone": try self.init(own.issue("old", names: ["DNS:api.test"]), "-tls1 -cipher DEFAULT:@SECLEVEL=0")
        case "TLS 1.1 alone": try self.init(own.issue("older", names: ["DNS:api.test"]), "-tls1_1 -cipher DEFAULT:@SECLEVEL=0")
        default: try self.init(own.issue("good", names: ["DNS:api.test"]))
        }
    }

    /// An authority that has revoked one of its certificates, and the list that says so.
    package static func authority() throws -> (authority: TestAuthority, revocations: String) {
        let own = try TestAuthority()
        _ = try own.issue("revoked", names: ["DNS:api.test"])
        try own.revoke("revoked")
        return (own, try own.revocations())
    }
}
