import Glibc
import IO
import TestKit
import Testing

@Suite("Limen: TLS as an operator sets it up", .serialized)
struct TLSServiceTests {
    /// A started server, whatever address it listens on.
    private final class Server {
        let folder = TemporaryFolder()
        private var child: pid_t = 0
        var port: UInt16 = 0
        var log: String { Command.text("\(folder.path)/log") }
        var out: String { Command.text("\(folder.path)/out") }

        init(_ words: [String], environment: [String: String] = [:]) throws {
            let words = ["\(Command.bin)/limen", "serve", "--data", "\(folder.path)/data"] + words
            child = try Command.start(words, output: "\(folder.path)/out", complaints: "\(folder.path)/log", environment: environment)
            let started = child
            _ = Command.servers.withLock { $0.insert(started) }
            for _ in 0..<600 {
                if let start = out.firstRange(of: "serves on http")?.upperBound, out.hasSuffix("admin.key\n"),
                    let colon = out[start...].prefix(while: { $0 != "\n" }).lastIndex(of: ":"),
                    let port = UInt16(out[out.index(after: colon)...].prefix { $0.isNumber })
                {
                    self.port = port
                    return
                }
                usleep(50_000)
            }
            throw Command.Failure("the server did not start: \(log)")
        }

        func signal(_ number: Int32) { kill(child, number) }

        func waitForLog(_ text: String, times: Int = 1) -> Bool {
            for _ in 0..<200 {
                if log.components(separated: text) >= times { return true }
                usleep(50_000)
            }
            return false
        }

        func stop() {
            guard child > 0 else { return }
            let ended = child
            child = 0
            _ = Command.servers.withLock { $0.remove(ended) }
            kill(ended, SIGTERM)
            _ = Command.wait(ended)
        }

        deinit { stop() }
    }

    /// A certificate where the server's account reads it.
    private func put(_ issued: TestAuthority.Issued, in folder: TemporaryFolder) throws -> (certificate: String, key: String) {
        let (certificate, key) = ("\(folder.path)/tls.pem", "\(folder.path)/tls.key")
        let owner = getuid() == 0 ? "chown $(id -u limen 2>/dev/null || echo 1818820607) \(key) && chmod 755 \(folder.path) &&" : ""
        let outcome = Shell.run(
            "cp \(issued.certificate) \(certificate) && cp \(issued.key) \(key) && chmod 644 \(certificate) && \(owner) chmod 600 \(key)")
        if outcome.status != 0 { throw Command.Failure(outcome.output) }
        return (certificate, key)
    }

    @Test(
        "a service with a certificate speaks https with HSTS, takes a renewed one over, keeps the old when the new is broken, and warns before the end"
    )
    func serves() throws {
        let authority = try TestAuthority()
        let folder = TemporaryFolder()
        let soon = Shell.run("date -u -d '+5 days' +%Y%m%d%H%M%SZ").output.filter { $0 != "\n" }
        let (certificate, key) = try put(authority.issue("first", names: ["DNS:limen.test"], end: soon), in: folder)
        let server = try Server(["--listen", "127.0.0.1:0", "--tls-certificate", certificate, "--tls-key", key])
        #expect(server.out.contains("serves on https://127.0.0.1:"), "\(server.out)")
        #expect(server.waitForLog("a certificate ends soon"), "\(server.log)")
        func curl(_ path: String, _ options: String = "") -> String {
            Shell.run(
                "timeout 20 curl -sS -D - --cacert \(authority.root) --resolve limen.test:\(server.port):127.0.0.1 \(options) https://limen.test:\(server.port)\(path)"
            ).output
        }
        func shown() -> String { Shell.run("timeout 5 openssl s_client -connect 127.0.0.1:\(server.port) </dev/null | grep subject=").output }
        let health = curl("/healthz")
        #expect(health.hasPrefix("HTTP/1.1 200 ") && health.contains("Strict-Transport-Security: max-age=31536000"), "\(health)")
        #expect(Shell.run("curl -sS http://127.0.0.1:\(server.port)/healthz").output.contains("https://"))
        #expect(shown().contains("CN = first"))

        _ = try put(authority.issue("second", names: ["DNS:limen.test"]), in: folder)
        #expect(server.waitForLog("\"files changed\""), "\(server.log)")
        #expect(shown().contains("CN = second"))
        #expect(Shell.run("echo broken > \(certificate)").status == 0)
        server.signal(SIGHUP)
        #expect(server.waitForLog("the old ones stay"), "\(server.log)")
        #expect(server.log.contains("no certificate in PEM form") && server.log.contains(certificate))
        #expect(shown().contains("CN = second") && curl("/healthz").hasPrefix("HTTP/1.1 200 "))
        _ = try put(authority.issue("third", names: ["DNS:limen.test"]), in: folder)
        server.signal(SIGHUP)
        #expect(server.waitForLog("\"cause\":\"SIGHUP\",\"file\""), "\(server.log)")
        #expect(shown().contains("CN = third"))
        let bearer = Command.text("\(server.folder.path)/data/admin.key").prefix { $0 != "\n" }
        let metrics = curl("/metrics", "-H 'Authorization: Bearer \(bearer)'")
        #expect(
            metrics.contains("limen_tls_certificate_expiry_seconds{certificate=\"")
                && metrics.contains("limen_tls_handshakes_total{outcome=\"full\"}"))
        #expect(metrics.contains("limen_tls_handshakes_total{outcome=\"plain_http\"} 1"), "\(metrics)")
        server.stop()
    }

    @Test("a certificate that cannot serve stops the start with its file, the reason and what to do; doctor says the same")
    func refuses() throws {
        let authority = try TestAuthority()
        let folder = TemporaryFolder()
        let (certificate, key) = try put(authority.issue("old", names: ["DNS:a.test"], start: "20200101000000Z", end: "20210101000000Z"), in: folder)
        func refusal(_ certificate: String, _ key: String) throws -> String {
            let outcome = try Command.limen(
                "serve", "--listen", "127.0.0.1:0", "--data", "\(folder.path)/data", "--tls-certificate", certificate, "--tls-key", key)
            #expect(outcome.code == 1)
            return outcome.complaints
        }
        #expect(try refusal(certificate, key).contains("expired on 2021-01-01 00:00 UTC: renew it"))
        #expect(try refusal("/nowhere/tls.pem", key).contains("/nowhere/tls.pem: cannot be opened"))
        let good = try put(authority.issue("good", names: ["DNS:a.test"]), in: folder)
        _ = Shell.run("chmod 644 \(good.key)")
        #expect(try refusal(good.certificate, good.key).contains("chmod 600"))
        let doctor = try Command.limen(
            "doctor", environment: ["LIMEN_LISTEN_TLS_CERTIFICATE": good.certificate, "LIMEN_LISTEN_TLS_KEY": good.key])
        #expect(doctor.output.contains("BROKEN") && doctor.output.contains("chmod 600"), "\(doctor.output)")
        _ = Shell.run("chmod 600 \(good.key)")
        let healed = try Command.limen(
            "doctor", environment: ["LIMEN_LISTEN_TLS_CERTIFICATE": good.certificate, "LIMEN_LISTEN_TLS_KEY": good.key])
        #expect(healed.output.contains(" for a.test, ") && healed.output.contains("days left"), "\(healed.output)")
    }

    @Test("an address that others reach is not listened on in the clear, unless the operator wrote that a proxy in front speaks TLS")
    func plain() throws {
        let folder = TemporaryFolder()
        for address in ["0.0.0.0:0", "[::]:0"] {
            let outcome = try Command.limen("serve", "--listen", address, "--data", "\(folder.path)/data")
            #expect(outcome.code == 1 && outcome.complaints.contains("listen.behind_proxy") && outcome.complaints.contains("listen.tls.certificate"))
        }
        let server = try Server(["--listen", "0.0.0.0:0"], environment: ["LIMEN_LISTEN_BEHIND_PROXY": "true"])
        let reply = Shell.run("curl -sS -i http://127.0.0.1:\(server.port)/healthz").output
        #expect(reply.hasPrefix("HTTP/1.1 200 ") && !reply.contains("Strict-Transport-Security"), "\(reply)")
        server.stop()
    }
}

extension String {
    /// How often a text occurs.
    fileprivate func components(separated text: String) -> Int { split(separator: text, omittingEmptySubsequences: false).count - 1 }
}
