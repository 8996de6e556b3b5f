import Glibc
import HTTP
import IO
import Registry
import Store
import TestKit
import Testing

@testable import Egress

private func http(_ host: String, _ port: Int, methods: [String] = ["GET", "HEAD", "POST"], paths: [String] = ["/*"]) -> EgressRule {
    EgressRule(scheme: .http, host: host, ports: [port], methods: methods, paths: paths)
}

private let echo: @Sendable (HTTPRequest) async -> HTTPResponse = { request in
    HTTPResponse(
        contentType: "text/plain", Array("\(request.method.rawValue) \(request.target) \(String(decoding: request.body, as: UTF8.self))".utf8))
}

@Suite(.serialized) struct ProxyTests {
    @Test("an allowed request reaches its server by the name's checked address, with its method, path, query, fields and body")
    func ordinary() async throws {
        let street = try Street()
        let seen = Box<[String]>([])
        let port = try street.serve { request in
            seen.lock.withLock { $0 = request.headers.pairs.map { "\($0.name): \($0.value)" } }
            return await echo(request)
        }
        street.name("api.test", "127.0.0.1")
        let access = try street.access([http("api.test", port)], open: ["api.test"])
        let request = EgressRequest(
            "http://api.test:\(port)/a?b=%20c", method: "POST", fields: [("X-Mine", "1"), ("Content-Type", "text/plain")], body: Array("hello".utf8))
        let reply = try await street.fetch(request, access)
        #expect(reply.text == "POST /a?b=%20c hello")
        #expect(seen.value.contains("Host: api.test:\(port)") && seen.value.contains("X-Mine: 1") && seen.value.contains("Content-Length: 5"))
        let record = try #require(street.proxy.records.latest(1).first)
        #expect(record.outcome == .replied(status: 200) && record.host == "api.test" && record.bytesOut == 5 && record.requestID == "r1")
        await street.stop()
    }

    @Test("what the policy refuses asks no name service and opens no connection, and says only the rule")
    func refused() async throws {
        let street = try Street()
        let port = try street.serve(echo)
        street.name("api.test", "127.0.0.1")
        let access = try street.access([http("api.test", port, paths: ["/open/*"])], open: ["api.test"])
        let table: [(String, String, EgressRefusal)] = [
            ("http://other.test:\(port)/", "GET", .hostNotAllowed), ("http://api.test:\(port)/shut", "GET", .pathNotAllowed),
            ("http://api.test:\(port)/open/", "DELETE", .methodNotAllowed), ("http://api.test:1/open/", "GET", .portNotAllowed),
            ("https://api.test:\(port)/open/", "GET", .schemeNotAllowed), ("http://user@api.test:\(port)/open/", "GET", .urlUserinfo),
            ("http://127.0.0.1:\(port)/open/", "GET", .hostNotAllowed), ("http://2130706433/open/", "GET", .ipv4Form),
            ("file:///etc/passwd", "GET", .urlScheme), ("http://metadata.google.internal/", "GET", .metadataName),
        ]
        for (url, method, rule) in table {
            let reply = try await street.fetch(EgressRequest(url, method: method), access)
            #expect(reply.refusal == rule, "\(method) \(url): \(reply)")
            #expect(reply.message.hasPrefix("forbidden \(rule.rawValue): "))
        }
        let smuggling = EgressRequest("http://api.test:\(port)/open/", fields: [("X", "a\r\nHost: b")])
        #expect(try await street.fetch(smuggling, access).refusal == .fieldValue)
        #expect(street.asked.value.isEmpty && street.connections == 0)
        await street.stop()
    }

    @Test("a name that resolves inside is refused without saying where; of mixed answers only the public or opened ones are dialled")
    func addresses() async throws {
        let street = try Street()
        let port = try street.serve(on: "127.0.0.2", echo)
        for (name, addresses) in [("inside.test", ["127.0.0.2"]), ("link.test", ["169.254.169.254"]), ("mapped.test", ["::ffff:127.0.0.2"])] {
            for address in addresses { street.name(name, address) }
            let reply = try await street.fetch(EgressRequest("http://\(name):\(port)/"), street.access([http(name, port)], open: []))
            #expect(reply.refusal == .addressNotPublic, "\(name)")
            #expect(!reply.message.contains("127.") && !reply.message.contains("169."))
        }
        #expect(street.connections == 0)
        street.name("mixed.test", "10.0.0.1", "127.0.0.2")
        let mixed = try await street.fetch(
            EgressRequest("http://mixed.test:\(port)/"), street.access([http("mixed.test", port)], open: ["mixed.test"]))
        #expect(mixed.text == "GET / ")
        let none = try await street.fetch(EgressRequest("http://none.test:\(port)/"), street.access([http("none.test", port)], open: []))
        #expect(none.phase == .resolve)
        await street.stop()
    }

    @Test("a name is looked up once a connection: an answer that changes behind the check is never dialled")
    func rebinding() async throws {
        let street = try Street()
        let port = try street.serve(on: "127.0.0.2", echo)
        let trap = try street.serve(on: "127.0.0.3", port: port) { _ in HTTPResponse(contentType: "text/plain", Array("trap".utf8)) }
        #expect(trap == port)
        street.name("turn.test", "127.0.0.2")
        let access = try street.access([http("turn.test", port)], open: ["turn.test"])
        #expect(try await street.fetch(EgressRequest("http://turn.test:\(port)/1"), access).text == "GET /1 ")
        street.name("turn.test", "127.0.0.3")
        #expect(try await street.fetch(EgressRequest("http://turn.test:\(port)/2"), access).text == "GET /2 ")
        #expect(street.asked.value == ["turn.test"])
        await street.stop()
    }

    @Test("the next address is dialled when the first refuses")
    func nextAddress() async throws {
        let street = try Street()
        let port = try street.serve(on: "127.0.0.5", echo)
        street.name("two.test", "127.0.0.4", "127.0.0.5")
        let access = try street.access([http("two.test", port)], open: ["two.test"])
        #expect(try await street.fetch(EgressRequest("http://two.test:\(port)/"), access).text == "GET / ")
        street.name("dead.test", "127.0.0.4")
        let dead = try await street.fetch(EgressRequest("http://dead.test:\(port)/"), street.access([http("dead.test", port)], open: ["dead.test"]))
        #expect(dead.phase == .connect && dead.message == "unreachable connect: the server refuses connections")
        await street.stop()
    }

    @Test("a connection is used again by the same plugin and tenant, and by nobody else")
    func reuse() async throws {
        let street = try Street()
        let ports = Box<[String]>([])
        let port = try street.serve { request in
            ports.lock.withLock { $0.append(request.headers["X-Who"] ?? "") }
            return await echo(request)
        }
        street.name("api.test", "127.0.0.1")
        func ask(_ plugin: String, _ tenant: String) async throws {
            let access = try street.access([http("api.test", port)], open: ["api.test"], plugin: plugin)
            _ = try await street.fetch(EgressRequest("http://api.test:\(port)/"), access, tenant: tenant)
        }
        for _ in 0..<5 { try await ask("p", "a") }
        #expect(street.connections == 1 && street.proxy.idleConnections == 1)
        try await ask("p", "b")
        #expect(street.connections == 2)
        try await ask("q", "a")
        #expect(street.connections == 3)
        try await ask("q", "a")
        #expect(street.connections == 3)
        await street.stop()
    }

    @Test("redirects are followed only if asked, each hop judged anew, without credentials at another origin")
    func redirects() async throws {
        let street = try Street()
        let seen = Box<[String]>([])
        let last = try street.serve(on: "127.0.0.2") { request in
            seen.lock.withLock { $0.append("\(request.path) \(request.headers["Authorization"] ?? "-") \(request.headers["X-Keep"] ?? "-")") }
            return await echo(request)
        }
        let first = try street.serve { request in
            let location =
                switch request.path {
                case "/there": "http://b.test:\(last)/end"
                case "/inside": "http://c.test:\(last)/"
                case "/metadata": "http://169.254.169.254/latest"
                case "/loop": "/loop2"
                case "/loop2": "/loop"
                default: "/\((Int(request.path.dropFirst()) ?? 0) + 1)"
                }
            return HTTPResponse(status: 302, headers: ["Location": location])
        }
        street.name("a.test", "127.0.0.1")
        street.name("b.test", "127.0.0.2")
        street.name("c.test", "127.0.0.2")
        let access = try street.access([http("a.test", first), http("b.test", last), http("c.test", last)], open: ["a.test", "b.test"])
        func ask(_ path: String, follow: Bool = true) async throws -> Result<EgressReply, EgressError> {
            let fields = [(name: "Authorization", value: "Bearer x"), (name: "X-Keep", value: "1")]
            return try await street.fetch(EgressRequest("http://a.test:\(first)\(path)", fields: fields, followsRedirects: follow), access)
        }
        #expect(try await ask("/there", follow: false).status == 302)
        #expect(try await ask("/there").text == "GET /end ")
        #expect(seen.value == ["/end - 1"])
        #expect(try await ask("/inside").refusal == .addressNotPublic)
        #expect(try await ask("/metadata").refusal == .hostNotAllowed)
        #expect(try await ask("/loop").refusal == .redirectLoop)
        #expect(try await ask("/1").refusal == .redirectTooMany)
        await street.stop()
    }

    @Test("a reply is capped, announced or not, and HEAD of something large is not too large")
    func size() async throws {
        let street = try Street()
        let port = try street.serve { request in
            if request.path == "/endless" {
                return .stream(contentType: "text/plain") { writer in
                    while true { try await writer.write([UInt8](repeating: 0x78, count: 60_000)) }
                }
            }
            return HTTPResponse(contentType: "text/plain", [UInt8](repeating: 0x78, count: 100_001))
        }
        street.name("api.test", "127.0.0.1")
        let access = try street.access([http("api.test", port)], open: ["api.test"]) { $0.responseBytesMax = 100_000 }
        for path in ["/endless", "/long"] {
            let reply = try await street.fetch(EgressRequest("http://api.test:\(port)\(path)"), access)
            #expect(reply.message == "too_large size: the reply is larger than 100000 bytes", "\(path)")
        }
        let own = EgressRequest("http://api.test:\(port)/long", responseBytesMax: 10)
        #expect(try await street.fetch(own, access).message.contains("larger than 10 bytes"))
        #expect(try await street.fetch(EgressRequest("http://api.test:\(port)/long", method: "HEAD"), access).status == 200)
        await street.stop()
    }

    @Test("nothing hangs beyond its deadline: a server that is silent, slow in its head, or slow in its body (CHAT-10)")
    func deadlines() async throws {
        let street = try Street()
        let port = try street.serve { request in
            do {
                if request.path == "/silent" { try await EventLoop.current?.sleep(until: .after(milliseconds: 5000)) }
            } catch {
                return HTTPResponse(status: 500)
            }
            return .stream(contentType: "text/plain") { writer in
                while true {
                    try await writer.write([0x78])
                    try await writer.loop.sleep(until: .after(milliseconds: 20))
                }
            }
        }
        street.name("api.test", "127.0.0.1")
        let access = try street.access([http("api.test", port)], open: ["api.test"])
        for path in ["/silent", "/drip"] {
            let began = Deadline.now()
            let reply = try await street.fetch(EgressRequest("http://api.test:\(port)\(path)", timeoutMilliseconds: 200), access)
            #expect(reply.phase == .timeout && reply.message.hasPrefix("timed_out time-out: "), "\(path) \(reply)")
            #expect(Deadline.now() < began.adding(milliseconds: 2000))
        }
        let began = Deadline.now()
        let late = try await street.fetch(EgressRequest("http://api.test:\(port)/silent"), access, until: .after(milliseconds: 150))
        #expect(late.phase == .timeout && Deadline.now() < began.adding(milliseconds: 2000))
        await street.stop()
    }

    @Test("a request may last as long as its access says: an answer that drips is cut by the time of a tool and not by that of an adapter (CHAT-10)")
    func patience() async throws {
        let street = try Street()
        let port = try street.serve { _ in
            .stream(contentType: "text/plain") { writer in
                for _ in 0..<30 {
                    try await writer.write([0x78])
                    try await writer.loop.sleep(until: .after(milliseconds: 20))
                }
            }
        }
        street.name("api.test", "127.0.0.1")
        var access = try street.access([http("api.test", port)], open: ["api.test"])
        #expect(access.requestMillisecondsMax == 30_000)
        access.requestMillisecondsMax = 200
        let cut = try await street.fetch(EgressRequest("http://api.test:\(port)/"), access)
        #expect(cut.phase == .timeout, "\(cut)")
        access.requestMillisecondsMax = 20_000
        let whole = try await street.fetch(EgressRequest("http://api.test:\(port)/", timeoutMilliseconds: 60_000), access)
        #expect(try whole.get().body.count == 30)
        await street.stop()
    }

    @Test("the server hears the request's id and its trace, or what the plugin says in their place (API-10)")
    func identity() async throws {
        let street = try Street()
        let port = try street.serve { request in
            let heard = ["x-request-id", "traceparent"].map { request.head.headers.values($0).joined(separator: "+") }
            return HTTPResponse(contentType: "text/plain", Array(heard.joined(separator: " ").utf8))
        }
        street.name("api.test", "127.0.0.1")
        let access = try street.access([http("api.test", port)], open: ["api.test"])
        let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        #expect(try await street.fetch(EgressRequest("http://api.test:\(port)/"), access, traceparent: trace).text == "r1 \(trace)")
        let own = EgressRequest("http://api.test:\(port)/", fields: [("X-Request-Id", "mine"), ("traceparent", trace)])
        #expect(try await street.fetch(own, access, traceparent: "00-00000000000000000000000000000001-0000000000000001-00").text == "mine \(trace)")
        await street.stop()
    }

    @Test("a call that ends closes its socket at once")
    func cancellation() async throws {
        let street = try Street()
        let port = try street.serve { _ in
            // Cancelled when the client goes, which is what is tested.
            do { try await EventLoop.current?.sleep(until: .after(milliseconds: 20_000)) } catch { return HTTPResponse(status: 500) }
            return HTTPResponse(status: 200)
        }
        street.name("api.test", "127.0.0.1")
        let access = try street.access([http("api.test", port)], open: ["api.test"])
        let (proxy, caller) = (street.proxy, EgressCaller(plugin: "p", tenant: "t", requestID: "r"))
        let task = OwnedTask(on: street.group.loops[0]) {
            do throws(EgressError) {
                _ = try await proxy.fetch(EgressRequest("http://api.test:\(port)/"), access: access, caller: caller, before: 0, until: .distantFuture)
                return "done"
            } catch {
                return error.code
            }
        }
        for _ in 0..<200 where street.connections == 0 { usleep(5000) }
        #expect(street.connections == 1)
        task.cancel()
        #expect(try await task.value == "cancelled")
        for _ in 0..<200 where street.connections != 0 { usleep(5000) }
        #expect(street.connections == 0 && street.proxy.running == 0)
        await street.stop()
    }

    @Test("quotas are the plugin's and the tenant's own: requests a call, requests a minute, requests at once")
    func quotas() async throws {
        let street = try Street()
        let port = try street.serve(echo)
        street.name("api.test", "127.0.0.1")
        let access = try street.access([http("api.test", port)], open: ["api.test"]) {
            $0.requestsMax = 2
            $0.ratePerMinute = 3
        }
        let request = EgressRequest("http://api.test:\(port)/")
        #expect(try await street.fetch(request, access, before: 2).refusal == .quotaRequests)
        for _ in 0..<3 { #expect(try await street.fetch(request, access).status == 200) }
        #expect(try await street.fetch(request, access).refusal == .quotaRate)
        #expect(try await street.fetch(request, access, tenant: "u").status == 200)
        var meters = EgressMeters()
        let key = EgressMeters.Key(plugin: "p", tenant: "t")
        for _ in 0..<64 { #expect(meters.begin(key, perMinute: 1000, now: .now()) == nil) }
        #expect(meters.begin(key, perMinute: 1000, now: .now()) == .quotaConcurrency)
        meters.end(key)
        #expect(meters.begin(key, perMinute: 1000, now: .now()) == nil)
        await street.stop()
    }

    @Test("a plugin fetches with a secret that it never sees, sent to its host alone and recorded (TOOL-4)")
    func secrets() async throws {
        let street = try Street()
        let folder = TemporaryFolder()
        let database = try Database(path: "\(folder.path)/limen.db")
        let store = SecretStore(database: database, keys: "\(folder.path)/keys")
        _ = try await store.set("api-key", tenant: "t", to: Array("s3cret-value-77".utf8), by: SecretActor("operator"))
        let seen = Box<[String]>([])
        let port = try street.serve(certificate: ["DNS:api.example.com"]) { request in
            let sent = request.headers["Authorization"] ?? "-"
            seen.lock.withLock { $0.append(sent) }
            return HTTPResponse(status: 200, headers: ["X-Echo": sent], body: .bytes(Array("you sent \(sent)".utf8)))
        }
        street.name("api.example.com", "127.0.0.1")
        var networks = PrivateNetworks()
        try networks.open(["127.0.0.0/8"], for: "api.example.com")
        var rules = EgressGrant()
        rules.allow = [EgressRule(scheme: .https, host: "api.example.com", ports: [port])]
        let grants = try secretGrants(#"[{"name":"api-key","in":"header","field":"Authorization","prefix":"Bearer ","hosts":["api.example.com"]}]"#)
        let access = try EgressAccess(plugin: "p", grant: rules, secrets: grants, privateNetworks: networks)
        let request = EgressRequest("https://api.example.com:\(port)/")
        // Before anybody has said where secrets are, a request that needs one goes nowhere, not even to the name service.
        #expect(try await street.fetch(request, access).refusal == .secretMissing)
        #expect(street.asked.value.isEmpty && street.connections == 0)
        street.proxy.use(store)
        let reply = try await street.fetch(request, access)
        #expect(seen.value == ["Bearer s3cret-value-77"])
        #expect(reply.text == "you sent Bearer [redacted]", "\(reply)")
        #expect(try reply.get().headers.first { $0.name == "x-echo" }?.value == "Bearer [redacted]")
        try await database.flush(deadline: .after(milliseconds: 5000))
        #expect(try await store.find("api-key", tenant: "t")?.uses == 1)
        #expect(try await street.fetch(request, access, tenant: "other").refusal == .secretMissing, "another tenant has no such secret")
        // A store that does not answer costs the request, and no connection.
        let open = street.connections
        database.close()
        #expect(try await street.fetch(request, access).phase == .request)
        #expect(street.connections == open)
        await street.stop()
    }

    @Test("a plugin that asks without end does not fill the log, and every decision is counted")
    func flood() {
        var lines = EgressLines()
        let now = Deadline.now()
        let first = (0..<1000).map { _ in lines.take("p", now: now) }
        #expect(first.prefix(200).allSatisfy { $0 == 0 } && first.dropFirst(200).allSatisfy { $0 == nil })
        #expect(lines.take("q", now: now) == 0)
        #expect(lines.take("p", now: now.adding(milliseconds: 1000)) == 800)
    }

    @Test("https goes to whom the certificate is for, and to nobody else")
    func https() async throws {
        let street = try Street()
        let port = try street.serve(certificate: ["DNS:safe.test"], echo)
        street.name("safe.test", "127.0.0.1")
        street.name("fake.test", "127.0.0.1")
        func rule(_ host: String) -> EgressRule { EgressRule(scheme: .https, host: host, ports: [port]) }
        let access = try street.access([rule("safe.test"), rule("fake.test")], open: ["safe.test", "fake.test"])
        #expect(try await street.fetch(EgressRequest("https://safe.test:\(port)/x"), access).text == "GET /x ")
        let fake = try await street.fetch(EgressRequest("https://fake.test:\(port)/x"), access)
        #expect(fake.phase == .tls && fake.message.hasPrefix("unreachable tls: "), "\(fake)")
        await street.stop()
    }

    @Test("a kept connection that the server ends meanwhile costs a request that may be repeated nothing, and another one is not made twice")
    func stale() async throws {
        for method in ["GET", "POST"] {
            let street = try Street()
            let server = try Forgetful()
            street.name("old.test", "127.0.0.1")
            let access = try street.access([http("old.test", server.port)], open: ["old.test"])
            let request = EgressRequest("http://old.test:\(server.port)/", method: method)
            #expect(try await street.fetch(request, access).text == "ok")
            let second = try await street.fetch(request, access)
            if method == "GET" {
                #expect(second.text == "ok" && server.requests.value == 3)
            } else {
                #expect(second.phase == .headers && server.requests.value == 2)
            }
            await street.stop()
        }
    }
}
