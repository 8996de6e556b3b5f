import Glibc
import TestKit
import Testing

@testable import IO

@Suite(.serialized) struct TLSCertificateTests {
    private func refusal(_ files: TLSServerContext.Files) -> TLSError? {
        do throws(TLSError) {
            _ = try TLSServerContext([files])
            return nil
        } catch {
            return error
        }
    }

    @Test("a certificate or key that cannot serve is refused with its file, what is wrong and what to do")
    func refused() throws {
        let authority = try Authority.shared.get()
        let main = try Authority.main.get()
        let folder = TemporaryFolder()
        func issue(_ name: String, usage: String = "serverAuth", start: String? = nil, end: String? = nil, key: String = "ec") throws
            -> TLSServerContext.Files
        {
            .init(try authority.issue(name, names: ["DNS:\(name).test"], usage: usage, start: start, end: end, key: key))
        }
        let other = try issue("other")
        func file(_ text: String, _ name: String, mode: mode_t = 0o600) -> String { folder.write(text, to: name, mode: mode) }
        func key(_ mode: mode_t) -> String {
            let copy = "\(folder.path)/\(mode)copy.key"
            _ = Shell.run("cp \(main.key) \(copy) && chmod \(String(mode, radix: 8)) \(copy)")
            return copy
        }
        let locked = "\(folder.path)/locked.key"
        #expect(Shell.run("openssl pkey -in \(main.key) -aes128 -passout pass:secret -out \(locked)").status == 0)
        let damaged = file("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "damaged.pem")
        let cases: [(TLSServerContext.Files, String, String)] = [
            (.init(certificate: "/nowhere.pem", key: main.key), "/nowhere.pem", "cannot be opened"),
            (.init(certificate: folder.path, key: main.key), folder.path, "no ordinary file"),
            (.init(certificate: main.certificate, key: other.key), other.key, "is not the key of \(main.certificate)"),
            (.init(certificate: main.certificate, key: key(0o644)), "copy.key", "mode 0644"),
            (.init(certificate: main.certificate, key: key(0o640)), "copy.key", "chmod 600"),
            (.init(certificate: main.certificate, key: locked), locked, "passphrase"),
            (.init(certificate: main.certificate, key: file("no key", "none.key")), "none.key", "no private key"),
            (.init(certificate: file("no certificate", "none.pem"), key: main.key), "none.pem", "no certificate in PEM form"),
            (.init(certificate: damaged, key: main.key), "damaged.pem", "damaged"),
            (.init(certificate: file(String(repeating: "x", count: 2 << 20), "long.pem"), key: main.key), "long.pem", "longer than"),
            (try issue("expired", start: "20200101000000Z", end: "20210101000000Z"), "expired.pem", "expired on 2021-01-01 00:00 UTC: renew"),
            (try issue("early", start: "20400101000000Z", end: "20410101000000Z"), "early.pem", "not valid before 2040-01-01"),
            (try issue("wrong", usage: "clientAuth"), "wrong.pem", "not for servers"),
            (try issue("weak", key: "rsa:1024"), "weak.pem", "too small"),
        ]
        for (files, path, reason) in cases {
            let error = refusal(files)
            #expect(error?.phase == .configuration && "\(error.map { "\($0)" } ?? "")".contains(reason), "\(reason): \(String(describing: error))")
            if case .file(let name) = error?.kind { #expect(name.contains(path)) } else { Issue.record("\(reason): \(String(describing: error))") }
        }
    }

    @Test("names and dates of a certificate are known")
    func summary() throws {
        let certificate = try mainServer().certificates[0]
        #expect(certificate.names == ["main.test", "localhost"])
        #expect(certificate.notBefore <= time(nil) && (29 * 86_400...31 * 86_400).contains(certificate.secondsLeft()))
    }

    @Test("names are found exactly, then by wildcard of one label, without regard to case and a last dot")
    func table() {
        var table = TLSNameTable()
        table.add(["a.test", "*.b.test", "B.Test."], index: 0)
        table.add(["a.test", "x.b.test", "*.test"], index: 1)
        let cases: [(String, Int?)] = [
            ("a.test", 0), ("A.TEST.", 0), ("y.b.test", 0), ("x.b.test", 1), ("b.test", 0), ("c.test", 1), ("y.z.b.test", nil), ("test", nil),
            ("", nil), (".", nil), (".test", nil), ("..", nil),
        ]
        for (name, index) in cases { #expect(table.find(name) == index, "\(name)") }
    }

    @Test("ticket keys change after their life, the one before is still read, older ones are forgotten")
    func ticketKeys() throws {
        let clock = Shared(Deadline(nanoseconds: 1_000_000_000))
        let keys = TLSTicketKeys(lifeMilliseconds: 1000) { clock.lock.withLock { $0 } }
        func advance(_ milliseconds: Int) { clock.lock.withLock { $0 = $0.adding(milliseconds: milliseconds) } }
        func find(_ key: TLSTicketKeys.Key) -> Bool? { key.name.withUnsafeBufferPointer { keys.find($0) }?.isCurrent }
        let first = try #require(keys.current())
        advance(900)
        #expect(keys.current()?.name == first.name && find(first) == true)
        advance(200)
        let second = try #require(keys.current())
        #expect(second.name != first.name && second.cipher != first.cipher && second.mac != first.mac)
        #expect(find(first) == false && find(second) == true)
        advance(1100)
        #expect(find(first) == nil && find(second) == false)
        advance(5000)
        #expect(find(second) == nil)
    }

    @Test("a reload takes new files over for new connections; a broken pair changes nothing and says why")
    func reload() async throws {
        let authority = try Authority.shared.get()
        let folder = TemporaryFolder()
        let (certificate, key) = ("\(folder.path)/tls.pem", "\(folder.path)/tls.key")
        func put(_ issued: TestAuthority.Issued) {
            #expect(Shell.run("cp \(issued.certificate) \(certificate); cp -p \(issued.key) \(key)").status == 0)
        }
        let (old, new) = try (authority.issue("old", names: ["DNS:main.test"]), authority.issue("new", names: ["DNS:main.test", "DNS:new.test"]))
        put(old)
        let context = try TLSServerContext([.init(certificate: certificate, key: key)])
        let client = try TLSClientContext(authorities: authority.root)
        #expect(try await shake(context, client).received == Array("four".utf8))
        put(new)
        try context.reload()
        #expect(context.certificates[0].names == ["main.test", "new.test"])
        let shaken = try await shake(context, client, host: "new.test")
        #expect(shaken.clientError == nil && !shaken.isResumed)
        // Tickets outlive the reload.
        #expect(try await shake(context, client).isResumed)
        #expect(Shell.run("cp \(old.certificate) \(certificate)").status == 0)
        #expect { try context.reload() } throws: { "\($0)".contains("is not the key of") }
        #expect(context.certificates[0].names == ["main.test", "new.test"])
    }
}
