import Egress
import Registry
import Testing

@Suite("Egress: the allowlist")
struct PolicyTests {
    private static let cases: [(String, String, EgressRefusal?)] = [
        // Listed, and next to listed.
        ("GET", "https://api.example.com/v1/x", nil), ("POST", "https://api.example.com/v1/x?y=1", nil),
        ("GET", "https://api.example.com/status", nil),
        ("GET", "https://API.Example.COM./v1/", nil), ("GET", "https://api.example.com:8443/v1/x", nil),
        ("GET", "https://api.example.com:443/v1/x", nil),
        ("GET", "https://api.example.com/v2/x", .pathNotAllowed), ("GET", "https://api.example.com/", .pathNotAllowed),
        ("GET", "https://api.example.com/v1", .pathNotAllowed), ("GET", "https://api.example.com/V1/x", .pathNotAllowed),
        ("GET", "https://api.example.com/%761/x", .pathNotAllowed), ("GET", "https://api.example.com/statusx", .pathNotAllowed),
        ("GET", "https://api.example.com/status/", .pathNotAllowed), ("GET", "https://api.example.com/status?x", nil),
        ("GET", "https://api.example.com/v1/../admin", .pathDotSegment), ("GET", "https://api.example.com/v1/..%2fadmin", .pathEncodedSeparator),
        ("PUT", "https://api.example.com/v1/x", .methodNotAllowed), ("HEAD", "https://api.example.com/v1/x", .methodNotAllowed),
        ("get", "https://api.example.com/v1/x", .methodUnknown), ("TRACE", "https://api.example.com/v1/x", .methodUnknown),
        ("CONNECT", "https://api.example.com/v1/x", .methodUnknown), ("GET\r\nX: y", "https://api.example.com/v1/x", .methodUnknown),
        ("", "https://api.example.com/v1/x", .methodUnknown), ("PROPFIND", "https://api.example.com/v1/x", .methodUnknown),
        ("DELETE", "https://api.example.com/v1/trash/1", nil), ("DELETE", "https://api.example.com/v1/x", .pathNotAllowed),
        ("DELETE", "https://api.example.com:8443/v1/trash/1", .methodNotAllowed),
        ("GET", "http://api.example.com/v1/x", .schemeNotAllowed), ("GET", "http://api.example.com:443/v1/x", .schemeNotAllowed),
        ("GET", "https://api.example.com:80/v1/x", .portNotAllowed), ("GET", "https://api.example.com:22/v1/x", .portNotAllowed),
        ("GET", "https://api.example.com:25/v1/x", .portNotAllowed), ("GET", "https://api.example.com:0/v1/x", .portRange),
        ("GET", "https://api.example.com:65536/v1/x", .portRange),
        // Hosts that look alike.
        ("GET", "https://evilapi.example.com/v1/x", .hostNotAllowed), ("GET", "https://example.com/v1/x", .hostNotAllowed),
        ("GET", "https://api.example.com.evil.net/v1/x", .hostNotAllowed), ("GET", "https://x.api.example.com/v1/x", .hostNotAllowed),
        ("GET", "https://api-example.com/v1/x", .hostNotAllowed), ("GET", "https://apiXexample.com/v1/x", .hostNotAllowed),
        ("GET", "https://com/v1/x", .hostNotAllowed), ("GET", "https://api.example/v1/x", .hostNotAllowed),
        ("GET", "https://api.example.com../v1/x", .hostLabelEmpty), ("GET", "https://аpi.example.com/v1/x", .urlNonASCII),
        ("GET", "https://api.example.com@evil.net/v1/x", .urlUserinfo), ("GET", "https://evil.net#@api.example.com/v1/x", .urlFragment),
        ("GET", "https://evil.net\\@api.example.com/v1/x", .urlBackslash), ("GET", "https://evil.net?@api.example.com/v1/x", .hostNotAllowed),
        ("GET", "https://evil.net/@api.example.com/v1/x", .hostNotAllowed), ("GET", "https://evil.net:443:@api.example.com/", .urlUserinfo),
        ("GET", "https://api.example.com%00.evil.net/v1/x", .hostPercent), ("GET", "https://api.example.com\t.evil.net/v1/x", .urlControl),
        // Wildcards: subdomains only.
        ("GET", "https://a.example.org/", nil), ("GET", "https://a.b.c.example.org/x/y", nil), ("HEAD", "https://A.EXAMPLE.ORG/", nil),
        ("GET", "https://example.org/", .hostNotAllowed), ("GET", "https://.example.org/", .hostLabelEmpty),
        ("GET", "https://evilexample.org/", .hostNotAllowed), ("GET", "https://a.example.org.evil.net/", .hostNotAllowed),
        ("GET", "https://a.evilexample.org/", .hostNotAllowed), ("GET", "https://*.example.org/", .hostCharacter),
        ("GET", "https://org/", .hostNotAllowed),
        ("POST", "https://a.example.org/", .methodNotAllowed), ("GET", "http://a.example.org/", .schemeNotAllowed),
        ("GET", "https://a.example.org:8443/", .portNotAllowed),
        // Plain http, only where it says so.
        ("GET", "http://plain.example.net/", nil), ("GET", "https://plain.example.net/", .schemeNotAllowed),
        ("GET", "http://plain.example.net:8080/", .portNotAllowed),
        // A tunnel's host may be fetched, with any method, and its port only.
        ("DELETE", "https://mail.example.net:993/x", nil), ("GET", "https://mail.example.net/", .portNotAllowed),
        // Addresses: listed by the plugin is not enough.
        ("GET", "https://8.8.8.8/", nil), ("GET", "https://8.8.4.4/", .hostNotAllowed), ("GET", "https://10.1.2.3/", .addressNotPublic),
        ("GET", "https://127.0.0.1/", .addressNotPublic), ("GET", "https://169.254.169.254/latest/meta-data/", .addressNotPublic),
        ("GET", "https://2130706433/", .ipv4Form), ("GET", "https://0x7f000001/", .ipv4Form), ("GET", "https://0177.0.0.1/", .ipv4Form),
        ("GET", "https://127.1/", .ipv4Form), ("GET", "https://0/", .ipv4Form), ("GET", "https://[::]/", .hostNotAllowed),
        ("GET", "https://[::1]/", .hostNotAllowed), ("GET", "https://[::ffff:127.0.0.1]/", .hostNotAllowed),
        ("GET", "https://[::127.0.0.1]/", .hostNotAllowed), ("GET", "https://[2002:7f00:1::]/", .hostNotAllowed),
        ("GET", "https://[::ffff:8.8.8.8]/", .hostNotAllowed), ("GET", "https://8.8.8.8./", .ipv4Form),
        // Names that nothing can allow.
        ("GET", "https://metadata.google.internal/computeMetadata/v1/", .metadataName), ("GET", "https://METADATA.google.internal./", .metadataName),
        ("GET", "https://x.metadata.google.internal/", .metadataName), ("GET", "https://metadata/", .metadataName),
        ("GET", "https://instance-data/", .metadataName), ("GET", "https://hidden.onion/", .specialUseName),
        ("GET", "https://a.invalid/", .specialUseName),
        ("GET", "https://localhost/", .hostNotAllowed),
        // IDNA.
        ("GET", "https://xn--mnchen-3ya.example/", nil), ("GET", "https://XN--MNCHEN-3YA.example/", nil),
        ("GET", "https://münchen.example/", .urlNonASCII),
        ("GET", "https://munchen.example/", .hostNotAllowed), ("GET", "https://xn--mnchen-2ya.example/", .hostNotAllowed),
        // Schemes.
        ("GET", "file:///etc/passwd", .urlScheme), ("GET", "gopher://api.example.com/", .urlScheme), ("GET", "ftp://api.example.com/", .urlScheme),
        ("GET", "data:,x", .urlScheme), ("GET", "ws://api.example.com/v1/x", .urlScheme), ("GET", "", .urlEmpty),
    ]

    @Test("each request is allowed, or refused by exactly the rule that keeps it in, before anything is looked up", arguments: cases)
    func decide(method: String, url: String, rule: EgressRefusal?) throws {
        let decision = try samplePolicy().decide(fetch: url, method: method)
        #expect(decision.refusal == rule, "\(method.debugDescription) \(url.debugDescription): \(decision.steps)")
        #expect(decision.isAllowed == (decision.target != nil) && decision.steps.last?.isPassed == (rule == nil))
    }

    private static let tunnels: [(String, EgressRefusal?)] = [
        ("mail.example.net:993", nil), ("MAIL.example.net.:993", nil), ("mail.example.net:22", .portNotAllowed),
        ("mail.example.net:25", .portNotAllowed),
        ("mail.example.net:0", .portRange), ("mail.example.net:65536", .portRange), ("mail.example.net", .portMissing),
        ("api.example.com:443", .tunnelNotAllowed), ("evil.net:993", .hostNotAllowed), ("a.mail.example.net:993", .hostNotAllowed),
        ("metadata.google.internal:443", .metadataName), ("127.0.0.1:443", .tunnelNotAllowed), ("[::1]:443", .hostNotAllowed),
        ("2130706433:443", .ipv4Form), ("mail.example.net:993@evil.net:993", .urlUserinfo), ("https://mail.example.net:993", .ipv6Form),
        ("mail.example.net:993\r\nHost: x", .urlControl),
    ]

    @Test("a tunnel needs a rule that says socket, and opens its host and ports alone", arguments: tunnels)
    func tunnel(target: String, rule: EgressRefusal?) throws {
        let decision = try samplePolicy().decide(connect: target)
        #expect(decision.refusal == rule, "\(target.debugDescription): \(decision.steps)")
        #expect(decision.target?.url == nil)
    }

    @Test("a plugin without rules has no network, whatever it asks")
    func nothing() throws {
        let policy = try EgressPolicy(EgressGrant())
        #expect(policy.decide(fetch: "https://a.example/", method: "GET").refusal == .noNetwork)
        #expect(policy.decide(connect: "a.example:443").refusal == .noNetwork)
    }

    private static let broken: [(EgressRule, String)] = [
        (EgressRule(host: "127.1"), "/egress/allow/0/host"), (EgressRule(host: "0x7f.1"), "/egress/allow/0/host"),
        (EgressRule(host: "2130706433"), "/egress/allow/0/host"), (EgressRule(host: "*.10.0.0.1"), "/egress/allow/0/host"),
        (EgressRule(host: "*.com"), "/egress/allow/0/host"), (EgressRule(host: "*"), "/egress/allow/0/host"),
        (EgressRule(host: "*.*.com"), "/egress/allow/0/host"),
        (EgressRule(host: "a.*.com"), "/egress/allow/0/host"), (EgressRule(host: "A.example"), "/egress/allow/0/host"),
        (EgressRule(host: "a.example."), "/egress/allow/0/host"), (EgressRule(host: "a.example:443"), "/egress/allow/0/host"),
        (EgressRule(host: "a.example/"), "/egress/allow/0/host"), (EgressRule(host: ""), "/egress/allow/0/host"),
        (EgressRule(host: "xn--a.example"), "/egress/allow/0/host"), (EgressRule(host: "a.example", ports: [0]), "/egress/allow/0/ports"),
        (EgressRule(host: "a.example", ports: [443, 65536]), "/egress/allow/0/ports"),
        (EgressRule(host: "a.example", methods: ["get"]), "/egress/allow/0/methods/0"),
        (EgressRule(host: "a.example", methods: ["GET", "CONNECT"]), "/egress/allow/0/methods/1"),
        (EgressRule(host: "a.example", paths: ["v1"]), "/egress/allow/0/paths/0"),
        (EgressRule(host: "a.example", paths: ["*"]), "/egress/allow/0/paths/0"),
        (EgressRule(host: "a.example", paths: ["/ok", "/v1/../x"]), "/egress/allow/0/paths/1"),
        (EgressRule(host: "a.example", paths: ["/%2e%2e/*"]), "/egress/allow/0/paths/0"),
        (EgressRule(host: "a.example", paths: ["//x"]), "/egress/allow/0/paths/0"),
        (EgressRule(host: "a.example", paths: ["/x?y"]), "/egress/allow/0/paths/0"),
    ]

    @Test("a rule that could match nothing, or more than it seems to, is not compiled, and its member is named", arguments: broken)
    func compile(rule: EgressRule, pointer: String) {
        do throws(EgressPolicyError) {
            _ = try EgressPolicy(grant(rule))
            Issue.record("\(rule) was compiled")
        } catch {
            #expect(error.pointer == pointer && !error.reason.isEmpty)
        }
    }

    @Test("every decision says which rules were left at each step, and the one that decided")
    func explains() throws {
        let policy = try samplePolicy()
        let allowed = policy.decide(fetch: "https://api.example.com/v1/trash/1", method: "DELETE")
        #expect(allowed.steps.map(\.name) == ["url", "host", "scheme", "port", "method", "path"])
        #expect(allowed.target?.rule == 11 && allowed.needsAddresses)
        let refused = policy.decide(fetch: "https://api.example.com/v2", method: "GET")
        #expect(refused.steps.map(\.name) == ["url", "host", "scheme", "port", "method", "path"] && refused.target == nil)
        #expect(refused.steps.last?.detail.hasPrefix("path_not_allowed: ") == true)
    }
}
