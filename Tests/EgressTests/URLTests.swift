import Egress
import Registry
import Testing

@Suite("Egress: the one URL parser")
struct URLTests {
    private static let refused: [(String, EgressRefusal)] = [
        // Whole.
        ("", .urlEmpty), ("https://a.example/" + String(repeating: "a", count: 7983), .urlTooLong), ("https://a.example/ä", .urlNonASCII),
        ("https://münchen.example/", .urlNonASCII), ("https://a.example/\u{3002}", .urlNonASCII), ("https://a。example/", .urlNonASCII),
        ("https://ａ.example/", .urlNonASCII), ("https://a.example/\t", .urlControl), ("ht\ntps://a.example/", .urlControl),
        ("https://a.example/\r\nHost: b", .urlControl), ("https://a.example\u{0}.b.example/", .urlControl), ("https://a.example/\u{7f}", .urlControl),
        (" https://a.example/", .urlSpace), ("https://a.example/ ", .urlSpace), ("https://a b.example/", .urlSpace),
        ("https://evil.example\\@a.example/", .urlBackslash), ("https:\\\\a.example/", .urlBackslash), ("https://a.example/x\\y", .urlBackslash),
        ("https://evil.example#@a.example/", .urlFragment), ("https://a.example/#x", .urlFragment), ("https://a.example#", .urlFragment),
        // Scheme.
        ("a.example/", .urlScheme), ("//a.example/", .urlScheme), ("/x", .urlScheme), ("file:///etc/passwd", .urlScheme),
        ("gopher://a.example/", .urlScheme), ("ftp://a.example/", .urlScheme), ("data:text/plain,x", .urlScheme), ("ws://a.example/", .urlScheme),
        ("wss://a.example/", .urlScheme), ("javascript:alert(1)", .urlScheme), ("httpss://a.example/", .urlScheme), ("://a.example/", .urlScheme),
        ("jar:https://a.example/", .urlScheme), ("https%3a//a.example/", .urlScheme), ("view-source:https://a.example/", .urlScheme),
        ("https:a.example", .urlAuthority), ("https:/a.example/", .urlAuthority), ("http:", .urlAuthority), ("https::443//a.example", .urlAuthority),
        // Userinfo.
        ("https://a.example@evil.example/", .urlUserinfo), ("https://user:pass@a.example/", .urlUserinfo), ("https://@a.example/", .urlUserinfo),
        ("https://a.example:443@evil.example/", .urlUserinfo), ("https://a@b@c.example/", .urlUserinfo), ("https://[::1]@a.example/", .urlUserinfo),
        // Host.
        ("https://", .hostMissing), ("https:///x", .hostMissing), ("https://?x", .hostMissing), ("https://:443/", .hostMissing),
        ("https://" + String(repeating: "a.", count: 127) + "b/", .hostTooLong), ("https://a%2eexample/", .hostPercent),
        ("https://%61.example/", .hostPercent), ("https://a_b.example/", .hostCharacter), ("https://a*.example/", .hostCharacter),
        ("https://a,b.example/", .hostCharacter), ("https://a.example;b/", .hostCharacter), ("https://a]b/", .hostCharacter),
        ("https://a..example/", .hostLabelEmpty), ("https://.a.example/", .hostLabelEmpty), ("https://a.example../", .hostLabelEmpty),
        ("https://./", .hostLabelEmpty), ("https://" + String(repeating: "a", count: 64) + ".example/", .hostLabelTooLong),
        ("https://-a.example/", .hostLabelHyphen), ("https://a-.example/", .hostLabelHyphen), ("https://a.example-/", .hostLabelHyphen),
        ("https://ab--c.example/", .hostLabelReserved), ("https://xn--.example/", .hostLabelHyphen), ("https://xn--a.example/", .hostPunycode),
        ("https://xn--example-.com/", .hostLabelHyphen), ("https://xn--a-ecp.ru/", .hostPunycode), ("https://XN--0.example/", .hostPunycode),
        ("https://xn--99999999999.example/", .hostPunycode),
        // IPv4 in other clothes.
        ("https://2130706433/", .ipv4Form), ("https://0x7f000001/", .ipv4Form), ("https://017700000001/", .ipv4Form), ("https://0/", .ipv4Form),
        ("https://127.1/", .ipv4Form), ("https://127.0.1/", .ipv4Form), ("https://0177.0.0.1/", .ipv4Form), ("https://0x7f.0.0.1/", .ipv4Form),
        ("https://127.0.0.01/", .ipv4Form), ("https://127.0.0.0x1/", .ipv4Form), ("https://256.0.0.1/", .ipv4Form), ("https://1.2.3.4.5/", .ipv4Form),
        ("https://127.0.0.1./", .ipv4Form), ("https://a.1/", .ipv4Form), ("https://a.0x/", .ipv4Form), ("https://1e3.0X1F/", .ipv4Form),
        ("https://00000000.0.0.0/", .ipv4Form),
        // IPv6.
        ("https://::1/", .ipv6Form), ("https://[::1/", .ipv6Form), ("https://[]/", .ipv6Form), ("https://[:]/", .ipv6Form),
        ("https://[:::]/", .ipv6Form),
        ("https://[1::2::3]/", .ipv6Form), ("https://[1:2:3:4:5:6:7]/", .ipv6Form), ("https://[1:2:3:4:5:6:7:8:9]/", .ipv6Form),
        ("https://[1:2:3:4:5:6:7::8]/", .ipv6Form), ("https://[1:2:3:4::5:6:7:8]/", .ipv6Form), ("https://[12345::]/", .ipv6Form),
        ("https://[::g]/", .ipv6Form), ("https://[::1.2.3]/", .ipv6Form), ("https://[::1.2.3.04]/", .ipv6Form), ("https://[::0x1]/", .ipv6Form),
        ("https://[1.2.3.4::]/", .ipv6Form), ("https://[::1]a/", .ipv6Form), ("https://[::1]]/", .ipv6Form), ("https://[v1.x]/", .ipv6Form),
        ("https://[::1%25eth0]/", .ipv6Zone), ("https://[fe80::1%lo]/", .ipv6Zone), ("https://[1.2.3.4]/", .ipv6Form),
        ("https://[:1::2]/", .ipv6Form),
        // Port.
        ("https://a.example:/", .portEmpty), ("https://[::1]:/", .portEmpty), ("https://a.example:x/", .portCharacter),
        ("https://a.example:+443/", .portCharacter), ("https://a.example:-1/", .portCharacter), ("https://a.example:4 3/", .urlSpace),
        ("https://a.example:0443/", .portLeadingZero), ("https://a.example:00/", .portLeadingZero), ("https://a.example:0/", .portRange),
        ("https://a.example:65536/", .portRange), ("https://a.example:99999999999999999999/", .portRange), ("https://a.example:443:80/", .ipv6Form),
        // Path.
        ("https://a.example//evil.example/", .pathLeadingSlashes), ("https://a.example/<x>", .pathCharacter),
        ("https://a.example/a|b", .pathCharacter),
        ("https://a.example/\"", .pathCharacter), ("https://a.example/{x}", .pathCharacter), ("https://a.example/[x]", .pathCharacter),
        ("https://a.example/^", .pathCharacter), ("https://a.example/`", .pathCharacter), ("https://a.example/.", .pathDotSegment),
        ("https://a.example/..", .pathDotSegment), ("https://a.example/v1/../admin", .pathDotSegment), ("https://a.example/v1/./x", .pathDotSegment),
        ("https://a.example/v1/%2e%2e/admin", .pathDotSegment), ("https://a.example/v1/.%2E/admin", .pathDotSegment),
        ("https://a.example/%2e", .pathDotSegment), ("https://a.example/v1/..;x=1/admin", .pathDotSegment),
        ("https://a.example/v1/..%3b/admin", .pathDotSegment), ("https://a.example/v1/.;/x", .pathDotSegment),
        ("https://a.example/v1%2f..%2fadmin", .pathEncodedSeparator), ("https://a.example/a%2Fb", .pathEncodedSeparator),
        ("https://a.example/a%5Cb", .pathEncodedSeparator), ("https://a.example/%252e%252e/", .pathDoubleEncoding),
        ("https://a.example/a%252fb", .pathDoubleEncoding), ("https://a.example/a%255cb", .pathDoubleEncoding),
        ("https://a.example/a%2500", .pathDoubleEncoding), ("https://a.example/a%25252f", .pathDoubleEncoding),
        ("https://a.example/%", .percentTriplet), ("https://a.example/%4", .percentTriplet), ("https://a.example/%zz", .percentTriplet),
        ("https://a.example/%u0041", .percentTriplet), ("https://a.example/?%", .percentTriplet), ("https://a.example/%00", .percentControl),
        ("https://a.example/%0d%0aX:y", .percentControl), ("https://a.example/%7f", .percentControl),
        ("https://a.example/?x=%0d%0a", .percentControl),
        ("https://a.example/?x=%00", .percentControl),
        // Query.
        ("https://a.example/?a[]=1", .queryCharacter), ("https://a.example/?<", .queryCharacter), ("https://a.example/?a|b", .queryCharacter),
        ("https://a.example?\"", .queryCharacter),
    ]

    @Test("ambiguous input is refused by exactly the rule that says why, never repaired", arguments: refused)
    func refuses(text: String, rule: EgressRefusal) {
        #expect(refusal(of: text) == rule, "\(text.debugDescription)")
    }

    private static let read: [(String, String)] = [
        ("https://a.example", "https://a.example/"), ("https://a.example/", "https://a.example/"), ("HTTPS://A.Example./X", "https://a.example/X"),
        ("https://a.example:443/", "https://a.example/"), ("http://a.example:80", "http://a.example/"),
        ("https://a.example:80/", "https://a.example:80/"),
        ("http://a.example:443/", "http://a.example:443/"), ("https://a.example?x=1", "https://a.example/?x=1"),
        ("https://a.example/?", "https://a.example/?"),
        ("https://a.example/p?x?y/..//z", "https://a.example/p?x?y/..//z"),
        ("https://a.example/a//b/...;x/%41%7e", "https://a.example/a//b/...;x/%41%7e"),
        ("https://a.example/@:!$&'()*+,;=-._~", "https://a.example/@:!$&'()*+,;=-._~"), ("https://a.example/100%25/x", "https://a.example/100%25/x"),
        ("https://a.example/?u=https%3A%2F%2Fb.example%2F..", "https://a.example/?u=https%3A%2F%2Fb.example%2F.."),
        ("https://XN--MNCHEN-3YA.example/", "https://xn--mnchen-3ya.example/"), ("https://1.2.3.4:65535/", "https://1.2.3.4:65535/"),
        ("https://1a.2b/", "https://1a.2b/"), ("https://0x7g/", "https://0x7g/"), ("https://localhost/", "https://localhost/"),
        ("https://[0:0:0:0:0:0:0:1]/", "https://[::1]/"), ("https://[2001:DB8::0:1]:8443/", "https://[2001:db8::1]:8443/"),
        ("https://[::ffff:7f00:1]/", "https://[::ffff:127.0.0.1]/"), ("https://[1:2:3:4:5:6:7::]/", "https://[1:2:3:4:5:6:7:0]/"),
        ("https://[2001:0:0:1:0:0:0:1]/", "https://[2001:0:0:1::1]/"),
        ("https://[64:ff9b::1.2.3.4]/", "https://[64:ff9b::102:304]/"),
        ("https://a.example/" + String(repeating: "a", count: 7982), "https://a.example/" + String(repeating: "a", count: 7982)),
    ]

    @Test("what is read has one text, in which scheme and host are normalised and path and query are kept to the byte", arguments: read)
    func reads(text: String, expected: String) throws {
        let url = try EgressURL(text)
        #expect(url.description == expected)
        #expect(try EgressURL(expected) == url)
    }

    @Test("a URL tells its parts, its Host field and its request target")
    func parts() throws {
        let url = try EgressURL("https://A.example.:8443/p/q?x=1&y")
        #expect(url.scheme == .https && url.host == .name("a.example") && url.port == 8443 && url.path == "/p/q" && url.query == "x=1&y")
        #expect(url.authority == "a.example:8443" && url.target == "/p/q?x=1&y")
        #expect(try EgressURL("https://a.example/").authority == "a.example")
        #expect(try !url.hasSameOrigin(as: EgressURL("https://a.example/p/q?x=1&y")))
        #expect(try url.hasSameOrigin(as: EgressURL("https://a.example:8443/")))
    }

    private static let authorities: [(String, EgressRefusal?)] = [
        ("a.example:443", nil), ("[2001:db8::1]:443", nil), ("a.example", .portMissing), ("a.example:", .portEmpty), ("a.example:0", .portRange),
        ("a.example:65536", .portRange), ("https://a.example:443", .ipv6Form), ("a.example:443/", .portCharacter), ("u@a.example:443", .urlUserinfo),
        ("a.example:443?x", .portCharacter), ("a.example:443 ", .urlSpace), ("a.example:443\r\n", .urlControl), ("", .urlEmpty),
        (":443", .hostMissing),
        ("a.example\\:443", .urlBackslash), ("127.1:443", .ipv4Form), ("a/b:443", .hostCharacter), ("a#b:443", .hostCharacter),
        ("ä.example:443", .urlNonASCII), (String(repeating: "a", count: 300) + ":1", .hostTooLong),
    ]

    @Test("the target of CONNECT is a host and a port, both written, and nothing else", arguments: authorities)
    func connect(text: String, rule: EgressRefusal?) {
        var found: EgressRefusal?
        do throws(EgressRefusal) { _ = try EgressAuthority(connect: text) } catch { found = error }
        #expect(found == rule, "\(text.debugDescription)")
    }

    @Test(
        "xn-- labels of registered names are accepted",
        arguments: [
            "xn--mnchen-3ya.de", "xn--fsqu00a.xn--0zwm56d", "xn--80ak6aa92e.com", "xn--bcher-kva.ch", "xn--fiqs8s", "xn--strae-oqa.de", "xn--p1ai",
            "xn--wgbh1c", "xn--3e0b707e", "xn--j1amh", "xn--zca.de", "xn--3xa", "xn--90ae", "xn--h2brj9c", "xn--mgbayh7gpa",
        ])
    func registered(host: String) throws { #expect(try EgressHost(host) == .name(host)) }

    /// What `xn--` can hide, by what it would be shown as.
    private static let unregistrable: [(String, String)] = [
        ("xn--abc", "no encoder's"), ("xn--a.example", "cut short"), ("xn--ab-m1t", "a joiner"), ("xn--ph7c", "a full-width A"),
        ("xn--b-5da", "a capital"),
        ("xn--x-sy8h", "a ligature"), ("xn--a-wbb", "a mark in front"), ("xn--a-eoc", "a tatweel"), ("xn--n3h", "a snowman"),
        ("xn--ab-0ea", "a middle dot"), ("xn--9hb", "a digit with a context rule"), ("xn--a-83t", "an ideographic full stop"),
        ("xn--kja", "a title-case letter"), ("xn--ypd", "half a syllable"), ("xn--99999999", "a number that overflows"),
    ]

    @Test("xn-- labels that no registry could have given are refused", arguments: unregistrable)
    func refusesLabel(host: String, what: String) {
        #expect(throws: EgressRefusal.hostPunycode, "\(what)") { try EgressHost(host) }
    }
}
