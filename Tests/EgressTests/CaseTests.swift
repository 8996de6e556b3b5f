import Glibc
import HTTP
import Registry
import Telemetry
import TestKit
import Testing

@testable import Egress
@testable import IO

/// ATTACKS.md, "Egress", and more: each case by its name, against servers that the suite starts.
@Suite("Egress: cases", .serialized, .timeLimit(.minutes(2))) struct CaseTests {
    /// Where PORT stands in a case's URL, the port of the server.
    private static let policy: [EgressCase] =
        [
            ("an allowed request", "200", "http://api.test:PORT/"), ("upper case is the same host", "200", "http://API.Test:PORT/"),
            ("a trailing dot is the same host", "200", "http://api.test.:PORT/"), ("a name beneath a pattern", "200", "http://a.sub.test:PORT/"),
        ].map { EgressCase($0.0, $0.1, $0.2) }
        + [
            ("another host", "refused host_not_allowed", "http://other.test:PORT/"),
            ("a name that ends alike", "refused host_not_allowed", "http://evilapi.test:PORT/"),
            ("the granted name as a prefix", "refused host_not_allowed", "http://api.test.evil.net:PORT/"),
            ("the apex of a pattern", "refused host_not_allowed", "http://sub.test:PORT/"),
            ("another port", "refused port_not_allowed", "http://api.test:1/"),
            ("another scheme", "refused scheme_not_allowed", "https://api.test:PORT/"),
            ("a path that is not granted", "refused path_not_allowed", "http://api.test:PORT/shut"),
            ("a decimal address", "refused ipv4_form", "http://2130706433:PORT/"),
            ("an octal address", "refused ipv4_form", "http://0177.0.0.1:PORT/"),
            ("a hexadecimal address", "refused ipv4_form", "http://0x7f.0.0.1:PORT/"), ("a short address", "refused ipv4_form", "http://127.1:PORT/"),
            ("zero", "refused ipv4_form", "http://0:PORT/"), ("an address that no rule names", "refused host_not_allowed", "http://127.0.0.1:PORT/"),
            ("the unspecified IPv6 address", "refused host_not_allowed", "http://[::]:PORT/"),
            ("IPv6 loopback", "refused host_not_allowed", "http://[::1]:PORT/"),
            ("IPv4 mapped into IPv6", "refused host_not_allowed", "http://[::ffff:127.0.0.1]:PORT/"),
            ("IPv6 with a zone", "refused ipv6_zone", "http://[fe80::1%25lo]:PORT/"),
            ("a metadata address", "refused host_not_allowed", "http://169.254.169.254/latest/"),
            ("a metadata name", "refused metadata_name", "http://metadata.google.internal/"),
            ("localhost", "refused host_not_allowed", "http://localhost:PORT/"),
            ("a .local name", "refused host_not_allowed", "http://printer.local:PORT/"),
            ("an @ before another host", "refused url_userinfo", "http://api.test:PORT@evil.test/"),
            ("a fragment before an @", "refused url_fragment", "http://evil.test#@api.test:PORT/"),
            ("a backslash before an @", "refused url_backslash", "http://evil.test\\@api.test:PORT/"),
            ("a tab", "refused url_control", "http://api\t.test:PORT/"),
            ("a line break", "refused url_control", "http://api.test:PORT/\r\nHost: evil"),
            ("NUL", "refused url_control", "http://api.test:PORT/\0"), ("an encoded CR", "refused percent_control", "http://api.test:PORT/%0d%0aX:1"),
            ("an encoded NUL", "refused percent_control", "http://api.test:PORT/%00"), ("a space", "refused url_space", "http://api.test:PORT/a b"),
            ("file:", "refused url_scheme", "file:///etc/passwd"), ("gopher:", "refused url_scheme", "gopher://api.test:PORT/"),
            ("ftp:", "refused url_scheme", "ftp://api.test:PORT/"), ("data:", "refused url_scheme", "data:text/plain,x"),
            ("ws:", "refused url_scheme", "ws://api.test:PORT/"), ("no authority", "refused url_authority", "http:api.test:PORT/"),
            ("port 0", "refused port_range", "http://api.test:0/"), ("port 65536", "refused port_range", "http://api.test:65536/"),
            ("an empty port", "refused port_empty", "http://api.test:/"),
            ("a dot segment", "refused path_dot_segment", "http://api.test:PORT/a/../shut"),
            ("an encoded dot segment", "refused path_dot_segment", "http://api.test:PORT/a/%2e%2e/shut"),
            ("an encoded slash", "refused path_encoded_separator", "http://api.test:PORT/a%2fb"),
            ("something encoded twice", "refused path_double_encoding", "http://api.test:PORT/a%252e%252e/"),
            ("two slashes", "refused path_leading_slashes", "http://api.test:PORT//evil.test/"),
            ("a percent-encoded host", "refused host_percent", "http://%61pi.test:PORT/"),
            ("a letter that is not ASCII", "refused url_non_ascii", "http://äpi.test/"),
        ].map { EgressCase($0.0, $0.1, $0.2, isSilent: true) }
        + [
            EgressCase("a method that is not granted", "refused method_not_allowed", "http://api.test:PORT/", method: "DELETE", isSilent: true),
            EgressCase("a method of its own", "refused method_unknown", "http://api.test:PORT/", method: "BREW", isSilent: true),
            EgressCase("CONNECT as a method", "refused method_unknown", "http://api.test:PORT/", method: "CONNECT", isSilent: true),
            EgressCase("CR in a field", "refused field_value", "http://api.test:PORT/", fields: [("X", "a\r\nY: b")], isSilent: true),
            EgressCase("NUL in a field", "refused field_value", "http://api.test:PORT/", fields: [("X", "a\0")], isSilent: true),
            EgressCase("a colon in a field's name", "refused field_name", "http://api.test:PORT/", fields: [("X:Y", "a")], isSilent: true),
            EgressCase("Host", "refused field_forbidden", "http://api.test:PORT/", fields: [("Host", "evil.test")], isSilent: true),
            EgressCase("Content-Length", "refused field_forbidden", "http://api.test:PORT/", fields: [("Content-Length", "9")], isSilent: true),
            EgressCase(
                "Transfer-Encoding", "refused field_forbidden", "http://api.test:PORT/", fields: [("Transfer-Encoding", "chunked")], isSilent: true),
            EgressCase(
                "Proxy-Authorization", "refused field_forbidden", "http://api.test:PORT/", fields: [("Proxy-Authorization", "x")], isSilent: true),
        ]

    /// What a name may resolve to; each is refused, although the DNS says so.
    private static let addresses: [(name: String, address: String)] = [
        ("loopback", "127.0.0.1"), ("this network", "0.0.0.0"), ("10/8", "10.0.0.1"), ("172.16/12", "172.16.0.1"), ("192.168/16", "192.168.0.1"),
        ("100.64/10", "100.64.0.1"), ("link-local, metadata", "169.254.169.254"), ("198.18/15", "198.18.0.1"), ("documentation", "192.0.2.1"),
        ("multicast", "224.0.0.1"), ("reserved", "240.0.0.1"), ("broadcast", "255.255.255.255"), ("IPv6 loopback", "::1"), ("IPv6 unspecified", "::"),
        ("unique local", "fc00::1"), ("IPv6 link-local", "fe80::1"), ("IPv6 site-local", "fec0::1"), ("IPv6 multicast", "ff02::1"),
        ("IPv4-mapped", "::ffff:127.0.0.1"), ("IPv4-compatible", "::127.0.0.1"), ("NAT64", "64:ff9b::7f00:1"), ("local NAT64", "64:ff9b:1::1"),
        ("6to4", "2002:7f00:1::1"), ("Teredo", "2001::1"), ("IPv6 documentation", "2001:db8::1"),
    ]

    /// Paths of the raw server, what it says, and what must become of it.
    private static let upstreams: [(name: String, expected: String, script: RawUpstream.Script)] = [
        ("an ordinary reply", "200", .says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")),
        ("a reply that ends with its connection", "200", .says("HTTP/1.1 200 OK\r\n\r\nok")),
        (
            "interim replies before the final one", "200",
            .says("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        ),
        ("both lengths", "failed headers", .says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")),
        ("two different lengths", "failed headers", .says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok")),
        ("a negative length", "failed headers", .says("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n")),
        ("a length with a sign", "failed headers", .says("HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok")),
        ("a folded field", "failed headers", .says("HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n")),
        ("line feeds alone", "failed headers", .says("HTTP/1.1 200 OK\nContent-Length: 0\n\n")),
        ("NUL in a field", "failed headers", .says("HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n")),
        ("a space before the colon", "failed headers", .says("HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n")),
        ("another protocol", "failed headers", .says("SSH-2.0-OpenSSH_9.2\r\n")), ("HTTP/2", "failed headers", .says("HTTP/2 200 OK\r\n\r\n")),
        ("a status of letters", "failed headers", .says("HTTP/1.1 abc OK\r\n\r\n")), ("nothing", "failed headers", .says("")),
        ("half a head", "failed headers", .says("HTTP/1.1 200 OK\r\nContent-")),
        ("a body shorter than its length", "failed body", .says("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nok")),
        ("a chunk's size in no digits", "failed body", .says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxy\r\nok\r\n0\r\n\r\n")),
        ("a chunk's size beyond all sizes", "failed body", .says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nok")),
        ("a chunk that is longer than its size", "failed body", .says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nok\r\n0\r\n\r\n")),
        ("chunks without an end", "failed body", .says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n")),
        ("a coding that nobody asked for", "failed body", .says("HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 2\r\n\r\nok")),
        ("gzip that is none", "failed body", .says("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nok")),
        ("a length beyond the grant", "failed size", .says("HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n")),
        ("a body without end", "failed size", .endless("HTTP/1.1 200 OK\r\n\r\n", String(repeating: "x", count: 4096))),
        (
            "chunks without end", "failed size",
            .endless("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "400\r\n" + String(repeating: "x", count: 1024) + "\r\n")
        ),
        ("fields without end", "failed headers", .endless("HTTP/1.1 200 OK\r\n", "X-Field: " + String(repeating: "x", count: 100) + "\r\n")),
        ("one field without end", "failed headers", .endless("HTTP/1.1 200 OK\r\nX-Field: ", String(repeating: "x", count: 1024))),
        ("a byte now and then", "failed time-out", .drips("HTTP/1.1 200 OK\r\nX-Slow: " + String(repeating: "x", count: 400))),
        ("silence", "failed time-out", .silent),
        ("a body that comes to a halt", "failed time-out", .drips("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nok")),
    ]

    private static let redirects: [EgressCase] = [
        EgressCase("a redirect that nobody asked to follow", "302", "http://api.test:PORT/to?http://inside.test:PORT/"),
        EgressCase("a redirect within the grant", "200", "http://api.test:PORT/to?/end", follows: true),
        EgressCase("a redirect to an address inside", "refused host_not_allowed", "http://api.test:PORT/to?http://127.0.0.1:PORT/", follows: true),
        EgressCase(
            "a redirect to a name that resolves inside", "refused address_not_public", "http://api.test:PORT/to?http://inside.test:PORT/",
            follows: true),
        EgressCase("a redirect to metadata", "refused host_not_allowed", "http://api.test:PORT/to?http://169.254.169.254/", follows: true),
        EgressCase("a redirect to another host", "refused host_not_allowed", "http://api.test:PORT/to?http://other.test:PORT/", follows: true),
        EgressCase("a redirect to another port", "refused port_not_allowed", "http://api.test:PORT/to?http://api.test:1/", follows: true),
        EgressCase("a redirect to file:", "refused url_scheme", "http://api.test:PORT/to?file:///etc/passwd", follows: true),
        EgressCase("a redirect to a path that is not granted", "refused path_not_allowed", "http://api.test:PORT/to?/shut", follows: true),
        EgressCase("a redirect with credentials in it", "refused url_userinfo", "http://api.test:PORT/to?http://a:b@api.test:PORT/", follows: true),
        EgressCase("a redirect to itself", "refused redirect_loop", "http://api.test:PORT/loop", follows: true),
        EgressCase("six redirects", "refused redirect_too_many", "http://api.test:PORT/count/0", follows: true),
    ]

    /// TLS: what kind of certificate, and what must become of it.
    private static let certificates: [(name: String, expected: String)] = [
        ("good", "200"), ("expired", "failed tls"), ("not yet valid", "failed tls"), ("self-signed", "failed tls"), ("wrong host", "failed tls"),
        ("wrong purpose", "failed tls"), ("unknown authority", "failed tls"), ("revoked", "failed tls"), ("TLS 1.0 alone", "failed tls"),
        ("TLS 1.1 alone", "failed tls"),
    ]

    private static let names: [(name: String, expected: String, zone: [CaseNameServer.Answer])] = [
        ("one address", "200", [.init(addresses: ["127.0.0.1"])]), ("an alias", "200", [.init(aliases: ["b.test"], addresses: ["127.0.0.1"])]),
        ("a chain of aliases", "200", [.init(aliases: ["b.test", "c.test", "d.test"], addresses: ["127.0.0.1"])]),
        ("an answer over TCP", "200", [.init(addresses: ["127.0.0.1"], isCut: true)]),
        ("an alias that leads inside", "refused address_not_public", [.init(aliases: ["inside.test"], addresses: ["10.0.0.1"])]),
        ("an alias that leads to metadata", "refused address_not_public", [.init(aliases: ["x.test"], addresses: ["169.254.169.254"])]),
        ("inside and outside mixed: the opened one is dialled", "200", [.init(addresses: ["10.0.0.1", "127.0.0.1"])]),
        ("both families, IPv6 inside", "200", [.init(addresses: ["127.0.0.1", "fd00::1"])]),
        ("IPv6 alone, inside", "refused address_not_public", [.init(addresses: ["::1"])]),
        ("rebinding: the second answer is inside", "200", [.init(addresses: ["127.0.0.1"]), .init(addresses: ["127.0.0.9"])]),
        ("no such name", "failed resolve", []),
    ]

    /// Requests to the CONNECT proxy, and the status of its answer.
    private static let tunnels: [(name: String, expected: String, request: String)] = [
        ("an allowed tunnel", "200", "CONNECT allowed.test:PORT HTTP/1.1\r\nHost: allowed.test:PORT\r\n\r\n"),
        ("a tunnel to port 22", "403", "CONNECT allowed.test:22 HTTP/1.1\r\nHost: allowed.test:22\r\n\r\n"),
        ("a tunnel to port 25", "403", "CONNECT allowed.test:25 HTTP/1.1\r\nHost: allowed.test:25\r\n\r\n"),
        ("a tunnel to port 0", "403", "CONNECT allowed.test:0 HTTP/1.1\r\nHost: allowed.test:0\r\n\r\n"),
        ("a tunnel to port 65536", "400", "CONNECT allowed.test:65536 HTTP/1.1\r\nHost: allowed.test:65536\r\n\r\n"),
        ("a tunnel to another host", "403", "CONNECT other.test:443 HTTP/1.1\r\nHost: other.test:443\r\n\r\n"),
        ("a tunnel that only fetches may make", "403", "CONNECT fetch.test:443 HTTP/1.1\r\nHost: fetch.test:443\r\n\r\n"),
        ("a tunnel to a name that resolves inside", "403", "CONNECT mixed.test:443 HTTP/1.1\r\nHost: mixed.test:443\r\n\r\n"),
        ("a tunnel to metadata", "403", "CONNECT 169.254.169.254:80 HTTP/1.1\r\nHost: 169.254.169.254:80\r\n\r\n"),
        ("a tunnel to a decimal address", "403", "CONNECT 2130706433:443 HTTP/1.1\r\nHost: 2130706433:443\r\n\r\n"),
        ("a tunnel to IPv6 loopback", "403", "CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\n\r\n"),
        ("a Host that differs from the target", "400", "CONNECT allowed.test:PORT HTTP/1.1\r\nHost: other.test:443\r\n\r\n"),
        ("GET to the CONNECT proxy", "405", "GET http://allowed.test/ HTTP/1.1\r\nHost: allowed.test\r\n\r\n"),
        ("a CONNECT with a body's length", "400", "CONNECT allowed.test:PORT HTTP/1.1\r\nHost: allowed.test:PORT\r\nContent-Length: 5\r\n\r\nhello"),
        ("a CONNECT with line feeds alone", "400", "CONNECT allowed.test:PORT HTTP/1.1\nHost: allowed.test:PORT\n\n"),
        ("a CONNECT without a port", "403", "CONNECT allowed.test HTTP/1.1\r\nHost: allowed.test\r\n\r\n"),
    ]

    private static var count: Int {
        policy.count + addresses.count + upstreams.count + redirects.count + certificates.count + names.count + tunnels.count
    }

    @Test("there are at least a hundred cases, each with a name of its own")
    func counted() {
        let all =
            (Self.policy + Self.redirects).map(\.name) + Self.addresses.map { "resolves: \($0.name)" } + Self.upstreams.map { "upstream: \($0.name)" }
            + Self.certificates.map { "TLS: \($0.name)" } + Self.names.map { "DNS: \($0.name)" } + Self.tunnels.map(\.name)
        print("egress cases: \(Self.count)")
        #expect(all.count == Self.count && Set(all).count == all.count && all.count >= 100)
    }

    /// No text for the plugin names an address inside.
    private static func keepsQuiet(_ message: String) -> Bool {
        !["127.", "10.0", "169.254", "192.168", "172.16", "::1", "fd00"].contains { message.contains($0) }
    }

    private func access(_ street: Street, _ port: Int, open: [String], _ more: [String] = []) throws -> EgressAccess {
        let hosts = ["api.test", "*.sub.test", "inside.test"] + more
        let rules = hosts.map {
            EgressRule(
                scheme: .http, host: $0, ports: [port, 9], methods: ["GET", "HEAD"], paths: ["/", "/to", "/end", "/loop", "/count/*", "/raw/*"])
        }
        return try street.access(rules, open: open) { grant in
            (grant.ratePerMinute, grant.requestsMax) = (100_000, 100_000)
        }
    }

    private static let pages: @Sendable (HTTPRequest) async -> HTTPResponse = { request in
        let parts = request.target.split(separator: "?", maxSplits: 1).map(String.init)
        let location: String? =
            switch parts[0] {
            case "/to": parts.count > 1 ? parts[1] : nil
            case "/loop": "/loop"
            case let path where path.hasPrefix("/count/"): "/count/\((Int(path.dropFirst(7)) ?? 0) + 1)"
            default: nil
            }
        return location.map { HTTPResponse(status: 302, headers: ["Location": $0]) } ?? HTTPResponse(contentType: "text/plain", Array("ok".utf8))
    }

    @Test("requests and redirects: each is allowed, or refused by exactly its rule, before any look-up where the text is enough")
    func requests() async throws {
        let street = try Street()
        let port = try street.serve(Self.pages)
        for name in ["api.test", "a.sub.test", "inside.test"] { street.name(name, "127.0.0.1") }
        let granted = try access(street, port, open: ["api.test", "a.sub.test"])
        for item in Self.policy + Self.redirects {
            let before = street.asked.value.count
            let url = item.url.replacing("PORT", with: "\(port)")
            let request = EgressRequest(url, method: item.method, fields: item.fields, followsRedirects: item.follows)
            let reply = try await street.fetch(request, granted)
            #expect(reply.outcome == item.expected, "\(item.name): \(reply.outcome) \(reply.message)")
            #expect(Self.keepsQuiet(reply.message), "\(item.name): \(reply.message)")
            if item.isSilent { #expect(street.asked.value.count == before, "\(item.name) asked the name service") }
            #expect(
                street.proxy.records.latest(1).first?.outcome.label == (item.expected.hasPrefix("refused") ? "refused" : "allowed"), "\(item.name)")
        }
        await street.stop()
    }

    @Test("whatever special address a name resolves to, nothing is dialled and nobody learns it")
    func resolved() async throws {
        let street = try Street()
        let port = try street.serve(Self.pages)
        for (index, item) in Self.addresses.enumerated() {
            let name = "n\(index).test"
            street.name(name, item.address)
            let reply = try await street.fetch(EgressRequest("http://\(name):\(port)/"), access(street, port, open: [], [name]))
            #expect(
                reply.outcome == "refused address_not_public" && Self.keepsQuiet(reply.message), "\(item.name): \(reply.outcome) \(reply.message)")
        }
        #expect(street.connections == 0)
        await street.stop()
    }

    @Test("a broken, endless, slow or silent server costs its own request alone, by phase, and the next one is served")
    func upstream() async throws {
        let street = try Street()
        var scripts: [String: RawUpstream.Script] = [:]
        for (index, item) in Self.upstreams.enumerated() { scripts["/raw/\(index)"] = item.script }
        let raw = try RawUpstream(scripts)
        street.name("api.test", "127.0.0.1")
        let granted = try access(street, raw.port, open: ["api.test"])
        for (index, item) in Self.upstreams.enumerated() {
            let patience = item.expected == "failed time-out" ? 400 : nil
            let reply = try await street.fetch(EgressRequest("http://api.test:\(raw.port)/raw/\(index)", timeoutMilliseconds: patience), granted)
            #expect(reply.outcome == item.expected && Self.keepsQuiet(reply.message), "\(item.name): \(reply.outcome) \(reply.message)")
        }
        #expect(street.proxy.running == 0)
        await street.stop()
    }

    private static func fetch(_ url: String, _ proxy: EgressProxy, _ access: EgressAccess, _ street: Street) async throws -> Result<
        EgressReply, EgressError
    > {
        try await OwnedTask<Result<EgressReply, EgressError>>(on: street.group.loops[0]) {
            let caller = EgressCaller(plugin: "p", tenant: "t", requestID: "r")
            do throws(EgressError) {
                let reply = try await proxy.fetch(EgressRequest(url), access: access, caller: caller, before: 0, until: .after(milliseconds: 10_000))
                return Result.success(reply)
            } catch {
                return Result.failure(error)
            }
        }.value
    }

    @Test("https goes to whom the certificate is for, now, of an authority that is trusted, and not below TLS 1.2")
    func tls() async throws {
        let street = try Street()
        let (own, stranger) = (try TestAuthority(), try TestAuthority(name: "stranger"))
        let good = try own.issue("good", names: ["DNS:api.test"])
        let revoked = try own.issue("revoked", names: ["DNS:api.test"])
        try own.revoke("revoked")
        let resolver = try Resolver(on: street.group.loops[0], threads: 2, queueMax: 64) { _ in .success([[127, 0, 0, 1]]) }
        let context = try TLSClientContext(authorities: own.root, revocations: own.revocations())
        let proxy = EgressProxy(dialer: EgressDialer(resolver: resolver, tls: context), log: Log())
        for item in Self.certificates {
            let server: TLSCaseServer
            switch item.name {
            case "expired":
                server = try TLSCaseServer(own.issue("expired", names: ["DNS:api.test"], start: "20200101000000Z", end: "20210101000000Z"))
            case "not yet valid":
                server = try TLSCaseServer(own.issue("early", names: ["DNS:api.test"], start: "20400101000000Z", end: "20410101000000Z"))
            case "self-signed": server = try TLSCaseServer(own.selfSigned("alone", names: ["DNS:api.test"]))
            case "wrong host": server = try TLSCaseServer(own.issue("wrong", names: ["DNS:other.test"]))
            case "wrong purpose": server = try TLSCaseServer(own.issue("client", names: ["DNS:api.test"], usage: "clientAuth"))
            case "unknown authority": server = try TLSCaseServer(stranger.issue("strange", names: ["DNS:api.test"]))
            case "revoked": server = try TLSCaseServer(revoked)
            case "TLS 1.0 alone": server = try TLSCaseServer(good, "-tls1 -cipher DEFAULT:@SECLEVEL=0")
            case "TLS 1.1 alone": server = try TLSCaseServer(good, "-tls1_1 -cipher DEFAULT:@SECLEVEL=0")
            default: server = try TLSCaseServer(good)
            }
            let port = server.port
            let access = try street.access([EgressRule(host: "api.test", ports: [port])], open: ["api.test"])
            let reply = try await Self.fetch("https://api.test:\(port)/", proxy, access, street)
            #expect(reply.outcome == item.expected && Self.keepsQuiet(reply.message), "\(item.name): \(reply.outcome) \(reply.message)")
            server.stop()
        }
        proxy.close()
        resolver.close()
        await street.stop()
    }

    @Test(
        "what a DNS server says, by aliases, in both families, over TCP or otherwise the second time, is judged address by address and dialled as judged"
    )
    func dns() async throws {
        let street = try Street()
        let port = try street.serve(Self.pages)
        var zone: [String: [CaseNameServer.Answer]] = [:]
        for (index, item) in Self.names.enumerated() where !item.zone.isEmpty { zone["n\(index).test"] = item.zone }
        let server = try CaseNameServer(zone)
        let service = NameService(server: server.address)
        for (index, item) in Self.names.enumerated() {
            // A resolver of its own: nothing is known from the case before.
            let resolver = try Resolver(on: street.group.loops[0], service: service)
            let proxy = EgressProxy(dialer: EgressDialer(resolver: resolver, tls: try TLSClientContext()), log: Log())
            let name = "n\(index).test"
            let access = try street.access([EgressRule(scheme: .http, host: name, ports: [port])], open: item.expected == "200" ? [name] : [])
            let reply = try await Self.fetch("http://\(name):\(port)/", proxy, access, street)
            #expect(reply.outcome == item.expected && Self.keepsQuiet(reply.message), "\(item.name): \(reply.outcome) \(reply.message)")
            proxy.close()
            resolver.close()
        }
        let asked = server.asked.value
        #expect(asked.contains { $0.hasSuffix("/tcp") } && asked.contains { $0.hasSuffix("/udp") })
        #expect(asked.filter { $0 == "n9.test/1/udp" }.count == 1, "looked up once, whatever the server would say next")
        server.stop()
        await street.stop()
    }

    @Test("the CONNECT proxy opens what a rule with socket: true names, and answers everything else with its status")
    func connect() async throws {
        let bench = try await TunnelBench()
        for item in Self.tunnels {
            let client = try TunnelClient(bench.address)
            try client.send(Array(item.request.replacing("PORT", with: "\(bench.upstream.address.port)").utf8))
            let answer = client.receiveHead()
            #expect(answer.hasPrefix("HTTP/1.1 \(item.expected) ") && Self.keepsQuiet(answer), "\(item.name): \(answer)")
        }
        #expect(bench.becomesEmpty())
        await bench.stop()
    }
}

/// `openssl s_server` with a certificate, answering each request with a page.
private final class TLSCaseServer {
    let port: Int
    private let pid: Int32

    init(_ issued: TestAuthority.Issued, _ flags: String = "") throws {
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

    func stop() {
        kill(pid, SIGKILL)
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR { continue }
    }
}
