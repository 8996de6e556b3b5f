import Egress
import Registry
import Testing

@Suite("Egress: redirects and header fields")
struct RedirectTests {
    private let policy: EgressPolicy

    init() throws {
        policy = try EgressPolicy(
            grant(
                EgressRule(host: "a.example", methods: ["GET", "POST", "PUT"]), EgressRule(host: "b.example", methods: ["GET", "POST"]),
                EgressRule(scheme: .http, host: "a.example"), EgressRule(host: "10.0.0.1")))
    }

    private func start(_ url: String, _ method: String = "GET", isAsked: Bool = true) throws -> EgressRedirects {
        EgressRedirects(url: try EgressURL(url), method: method, isAsked: isAsked)
    }

    private func rule(_ action: EgressRedirects.Action) -> EgressRefusal? {
        guard case .refuse(let decision) = action else { return nil }
        return decision.refusal
    }

    private func hop(_ action: EgressRedirects.Action) throws -> EgressRedirects.Hop {
        guard case .follow(let hop) = action else { throw NotFollowed(action: "\(action)") }
        return hop
    }

    struct NotFollowed: Error { let action: String }

    private static let refused: [(String, EgressRefusal)] = [
        ("https://c.example/", .hostNotAllowed), ("http://a.example/", .redirectDowngrade), ("http://c.example/", .redirectDowngrade),
        ("//c.example/", .hostNotAllowed), ("https://10.0.0.1/", .addressNotPublic), ("https://127.0.0.1/", .hostNotAllowed),
        ("https://169.254.169.254/", .hostNotAllowed), ("https://a.example@c.example/", .urlUserinfo), ("\\\\c.example/", .urlBackslash),
        ("/\\c.example/", .urlBackslash), ("ftp://a.example/", .urlScheme), ("file:///etc/passwd", .urlScheme), ("javascript:x", .urlScheme),
        ("https:a.example", .urlAuthority), ("../x", .pathDotSegment), ("./x", .pathDotSegment), ("/x/../y", .pathDotSegment), ("/x y", .urlSpace),
        ("/\tx", .urlControl), ("/x\r\nSet-Cookie: y", .urlControl), ("/#a\r\nb", .urlControl), ("///c.example", .hostMissing),
        ("https://a.example:22/", .portNotAllowed), ("/ä", .urlNonASCII), ("", .redirectLoop), ("#x", .redirectLoop),
        ("https://a.example/p/q", .redirectLoop),
        ("HTTPS://A.example.:443/p/q#x", .redirectLoop), ("/" + String(repeating: "a", count: 8000), .urlTooLong),
    ]

    @Test("each hop is judged anew, by the parser and the whole policy", arguments: refused)
    func refuses(location: String, expected: EgressRefusal) throws {
        var redirects = try start("https://a.example/p/q")
        #expect(rule(redirects.take(status: 302, locations: [location], policy: policy)) == expected, "\(location.debugDescription)")
        #expect(redirects.count == 0)
    }

    private static let followed: [(String, String)] = [
        ("https://b.example/x", "https://b.example/x"), ("//b.example", "https://b.example/"), ("/x?y", "https://a.example/x?y"),
        ("x", "https://a.example/p/x"),
        ("x/y?z=/..", "https://a.example/p/x/y?z=/.."), ("?z", "https://a.example/p/q?z"), ("/x#https://c.example/", "https://a.example/x"),
        ("https://b.example#@c.example/", "https://b.example/"), ("x?y:z", "https://a.example/p/x?y:z"),
    ]

    @Test("a Location is resolved against the URL that answered, its fragment cut off", arguments: followed)
    func follows(location: String, expected: String) throws {
        var redirects = try start("https://a.example/p/q?old")
        #expect(try hop(redirects.take(status: 307, locations: [location], policy: policy)).decision.target?.url?.description == expected)
    }

    @Test("five redirects are followed, the sixth is refused")
    func six() throws {
        var redirects = try start("https://a.example/0")
        for number in 1...5 { _ = try hop(redirects.take(status: 302, locations: ["/\(number)"], policy: policy)) }
        #expect(rule(redirects.take(status: 302, locations: ["/6"], policy: policy)) == .redirectTooMany)
        #expect(redirects.count == 5 && redirects.url.path == "/5")
    }

    @Test("a loop ends at its first repetition")
    func loop() throws {
        var redirects = try start("https://a.example/")
        _ = try hop(redirects.take(status: 302, locations: ["https://b.example/"], policy: policy))
        #expect(rule(redirects.take(status: 302, locations: ["https://a.example/"], policy: policy)) == .redirectLoop)
    }

    @Test("credentials are dropped across origins (host, port or scheme), and stay dropped on the way back")
    func credentials() throws {
        var redirects = try start("https://a.example/")
        #expect(try hop(redirects.take(status: 302, locations: ["/1"], policy: policy)).keepsCredentials)
        #expect(try !hop(redirects.take(status: 302, locations: ["https://b.example/"], policy: policy)).keepsCredentials)
        #expect(try !hop(redirects.take(status: 302, locations: ["https://a.example/2"], policy: policy)).keepsCredentials)
        #expect(try !hop(redirects.take(status: 302, locations: ["/3"], policy: policy)).keepsCredentials, "as if nothing had happened")
        var upgrade = try start("http://a.example/")
        #expect(try !hop(upgrade.take(status: 301, locations: ["https://a.example/"], policy: policy)).keepsCredentials)
        #expect(EgressHeaders.credentials.isSuperset(of: ["authorization", "cookie", "proxy-authorization"]))
    }

    private static let methods: [(Int, String, String, Bool)] = [
        (301, "POST", "GET", false), (302, "POST", "GET", false), (303, "POST", "GET", false), (303, "PUT", "GET", false),
        (307, "POST", "POST", true),
        (308, "PUT", "PUT", true), (301, "PUT", "PUT", true), (302, "GET", "GET", true),
    ]

    @Test("the method changes where RFC 9110 says so, and the body goes with it", arguments: methods)
    func method(status: Int, method: String, next: String, keepsBody: Bool) throws {
        var redirects = try start("https://a.example/", method)
        let hop = try hop(redirects.take(status: status, locations: ["/x"], policy: policy))
        #expect(hop.method == next && hop.keepsBody == keepsBody)
    }

    @Test("the changed method is judged too, and so is a kept one at the next host")
    func methodJudged() throws {
        var redirects = try start("https://a.example/", "PUT")
        #expect(rule(redirects.take(status: 307, locations: ["https://b.example/"], policy: policy)) == .methodNotAllowed)
    }

    @Test("what is not asked for, no redirect, or has no Location is the plugin's; two Locations are nobody's")
    func delivers() throws {
        var unasked = try start("https://a.example/", isAsked: false)
        #expect(unasked.take(status: 302, locations: ["https://c.example/"], policy: policy) == .deliver)
        var redirects = try start("https://a.example/")
        for status in [200, 201, 300, 304, 305, 306, 399, 404] {
            #expect(redirects.take(status: status, locations: ["/x"], policy: policy) == .deliver)
        }
        #expect(redirects.take(status: 302, locations: [], policy: policy) == .deliver)
        #expect(rule(redirects.take(status: 302, locations: ["/x", "/x"], policy: policy)) == .redirectAmbiguous)
    }

    private static let fields: [(String, String, EgressRefusal?)] = [
        ("Accept", "text/html, */*;q=0.1", nil), ("X-Empty", "", nil), ("Authorization", "Bearer x", nil), ("x", "a\tb", nil),
        ("", "x", .fieldName), ("A b", "x", .fieldName), ("A:", "x", .fieldName), ("A\r\nB", "x", .fieldName), ("A\u{0}", "x", .fieldName),
        ("Ä", "x", .fieldName), (String(repeating: "a", count: 129), "x", .fieldName), ("A", "x\r\nB: y", .fieldValue), ("A", "x\ny", .fieldValue),
        ("A", "x\u{0}", .fieldValue), ("A", "x\u{7f}", .fieldValue), ("A", "ä", .fieldValue), ("A", " x", .fieldValue), ("A", "x ", .fieldValue),
        ("A", "\t", .fieldValue), ("Host", "c.example", .fieldForbidden), ("hOsT", "c.example", .fieldForbidden),
        ("Content-Length", "1", .fieldForbidden),
        ("Transfer-Encoding", "chunked", .fieldForbidden), ("Connection", "close", .fieldForbidden), ("Upgrade", "h2c", .fieldForbidden),
        ("TE", "trailers", .fieldForbidden), ("Expect", "100-continue", .fieldForbidden), ("Proxy-Authorization", "x", .fieldForbidden),
        ("Proxy-Anything", "x", .fieldForbidden), ("X-Forwarded-For", "127.0.0.1", .fieldForbidden), ("Forwarded", "for=x", .fieldForbidden),
        ("A", String(repeating: "a", count: 17_000), .fieldsTooMany),
    ]

    @Test("a header field can neither split a request, nor frame it, nor speak for the proxy", arguments: fields)
    func field(name: String, value: String, expected: EgressRefusal?) {
        var found: EgressRefusal?
        do throws(EgressRefusal) { try EgressHeaders.check([("Accept", "x"), (name, value)]) } catch { found = error }
        #expect(found == expected, "\(name.debugDescription)")
    }

    @Test("fields are bounded in number")
    func manyFields() {
        #expect(throws: EgressRefusal.fieldsTooMany) { try EgressHeaders.check((0...Limits.fieldsMax).map { ("x\($0)", "y") }) }
    }
}
