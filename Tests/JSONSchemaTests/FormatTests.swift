import JSON
import JSONSchema
import Testing

@Suite("Formats")
struct FormatTests {
    static let table: [(String, [String], [String])] = [
        (
            "date-time", ["1963-06-19T08:30:06.283185Z", "1963-06-19t08:30:06z", "1990-12-31T23:59:60Z", "1990-12-31T15:59:60.123-08:00"],
            [
                "1998-12-31T23:59:61Z", "1998-12-31T23:58:60Z", "1998-12-31T22:59:60Z", "1990-02-31T15:59:59.123-08:00", "06/19/1963 08:30:06 PST",
                "2013-350T01:01:01", "1963-6-19T08:30:06Z", "1963-06-1৪T00:00:00Z", "1963-06-19T08:30:06",
            ]
        ),
        (
            "date", ["1963-06-19", "2020-02-29", "2000-02-29"],
            ["2021-02-29", "1900-02-29", "2020-13-01", "2020-04-31", "1963-06-1", "20230328", "1963-06-1৪", "2020-01-00"]
        ),
        (
            "time", ["08:30:06Z", "23:59:60Z", "01:29:60+01:30", "23:29:60+23:30", "15:59:60-08:00", "08:30:06.283185z"],
            [
                "008:030:006Z", "8:3:6Z", "22:59:60Z", "08:30:06", "24:00:00Z", "00:60:00Z", "00:00:61Z", "01:02:03+24:00", "01:02:03+00:60",
                "08:30:06 PST", "08:30:06Z-00:20", "12:00:00",
            ]
        ),
        (
            "duration", ["P4DT12H30M5S", "P4Y", "PT0S", "P0D", "P1M", "PT1M", "PT36H", "P1DT12H", "P2W", "P1Y2M3D"],
            ["PT1D", "4DT12H30M5S", "P", "P1YT", "PT", "P2D1Y", "P1D2H", "P2S", "P1Y2W", "P1", "P২Y", "PT1H2S", "P1.5D"]
        ),
        (
            "email",
            [
                "joe.bloggs@example.com", "te~st@example.com", "~test@example.com", "\"joe bloggs\"@example.com", "\"joe..bloggs\"@example.com",
                "\"joe@bloggs\"@example.com", "joe.bloggs@[127.0.0.1]", "joe.bloggs@[IPv6:::1]",
            ],
            [
                "2962", ".test@example.com", "test.@example.com", "te..st@example.com", "joe.bloggs@invalid=domain.com", "joe.bloggs@[127.0.0.300]",
                "a b@example.com", "@example.com", "a@", "실례@실례.테스트",
            ]
        ),
        ("idn-email", ["실례@실례.테스트", "joe.bloggs@example.com"], ["2962"]),
        (
            "hostname", ["www.example.com", "xn--4gbwdl.xn--wgbh1c", "a", "1host", "hostnam3", "a.b-c"],
            [
                "", "-a", "a-", "a_b", "-", "a..b", ".", "a.", String(repeating: "a", count: 64), "not_a_valid_host_name", "XN--aa---o47jg78q",
                "xn--X", "ab--cd", "ホスト",
            ]
        ),
        (
            "idn-hostname", ["실례.테스트", "www.example.com", "ßς་〇", "l·l", "α͵β", "א׳ב", "ぁ・", "बी\u{94d}\u{200d}", "xn--ihqwcrb4cv8a8dqg056pqjye"],
            [
                "〮실례.테스트", "ـߺ", "〱〲〳〴〵〮〯〻", "a·l", "·l", "α͵S", "A׳ב", "def・abc", "ab٠۰", "\u{200d}x", "क\u{200d}ष", "-> $1.00 <--", "\u{300}hello",
                "ー-",
            ]
        ),
        (
            "ipv4", ["192.168.0.1", "0.0.0.0", "255.255.255.255"],
            ["127.0.0.0.1", "256.256.256.256", "127.0", "0x7f000001", "2130706433", "087.10.0.1", "1.2.3.০", "192.168.1.0/24", ""]
        ),
        (
            "ipv6",
            [
                "::1", "::", "::abef", "::42:ff:1", "d6::", "1:d6::42", "1::d6:192.168.0.1", "::ffff:192.168.0.1", "1:2::192.168.0.1",
                "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8",
            ],
            [
                "12345::", "::abef1", "1:1:1:1:1:1:1:1:1:1:1:1:1:1:1:1", "::laptop", ":2:3:4:5:6:7:8", "1:2:3:4:5:6:7:", ":2:3:4::8", "1::d6::42",
                "1::2:192.168.256.1", "::ffff:192.168.0.1.1", "127.0.0.1", "1:2:3:4:::8", "1:2:3:4:5:6:7", "1", "::1%eth0", " ::1", "fe80::/64",
                "1:2:3:4:5:6:7:8::", "1:2:3:4:5:6:7:1.2.3.4", ":", ":::", "১::1",
            ]
        ),
        (
            "uri",
            [
                "http://foo.bar/?baz=qux#quux", "http://foo.com/blah_(wikipedia)_blah#cite-1", "http://foo.bar/?q=Test%20URL-encoded%20stuff",
                "http://xn--nw2a.xn--j6w193g/", "http://-.~_!$&'()*+,;=:%40:80%2f::::::@example.com", "http://223.255.255.254",
                "ftp://ftp.is.co.za/rfc/rfc1808.txt", "ldap://[2001:db8::7]/c=GB?objectClass?one", "mailto:John.Doe@example.com",
                "news:comp.infosystems.www.servers.unix", "tel:+1-816-555-1212", "urn:oasis:names:specification:docbook:dtd:xml:4.1.2",
                "http://[v1.fe:x]/",
            ],
            [
                "//foo.bar/?baz=qux#quux", "/abc", "\\\\WINDOWS\\fileshare", "abc", "http:// shouldfail.com", ":// should fail", "bar,baz:foo",
                "http://foo.bar?q=a b", "https://[@example.org/test.txt", "https://example.org/foobar\".txt", "https://example.org/foobar<>.txt",
                "https://example.org/foobar{}.txt", "https://example.org/foobar^.txt", "https://example.org/foobar`.txt",
                "https://example.org/foobar SPACE.txt", "https://example.org/foobar|.txt", "http://a.b/%zz", "http://é.x/", "http://a:b/",
                "http://a#b#c",
            ]
        ),
        ("uri-reference", ["//foo.bar/?baz=qux#quux", "/abc", "abc", "#fragment", ""], ["\\\\WINDOWS\\fileshare", "#frag\\ment", "1:a", "%1"]),
        (
            "iri", ["http://ƒøø.ßår/?∂éœ=πîx#πîüx", "http://[2001:0db8:85a3:0000:0000:8a2e:0370:7334]"],
            ["http://2001:0db8:85a3:0000:0000:8a2e:0370:7334", "/abc", "âππ", ":// ƒ"]
        ),
        ("iri-reference", ["âππ", "#ƒrägmênt", "//ƒøø.ßår/"], ["\\\\WINDOWS\\filëßåré", "#ƒräg\\mênt"]),
        (
            "uri-template", ["http://example.com/dictionary/{term:1}/{term}", "http://example.com/{+a,b*}{?q}", "dictionary/{term:1}/{term}", ""],
            ["http://example.com/dictionary/{term:1}/{term", "{", "}", "{a b}", "{a:0}", "{}", "a b"]
        ),
        (
            "uuid", ["2EB8AA08-AA98-11EA-B4AA-73B441D16380", "2eb8aa08-aa98-11ea-b4aa-73b441d16380", "00000000-0000-0000-0000-000000000000"],
            [
                "2eb8aa08-aa98-11ea-b4aa-73b441d1638", "2eb8aa08aa9811eab4aa73b441d16380", "2eb8-aa08-aa98-11ea-b4aa73b44-1d16380",
                "2eb8aa08-aa98-11ea-b4ga-73b441d16380",
            ]
        ),
        ("json-pointer", ["", "/", "/foo/bar~0/baz~1/%a", "/foo//bar", "/~01"], ["/foo/bar~", "#", "a", "/~2", "/~0~"]),
        ("relative-json-pointer", ["1", "0/foo/bar", "2/0/baz/1/zip", "0#", "120/foo"], ["/foo", "-1/foo", "+1", "0##", "01/a", "01#", "", "#"]),
        ("regex", ["([abc])+\\s+$", "^a{1,2}$"], ["^(abc]", "^\\S(|(.|\\n)*\\S)\\Z", "\\a"]),
    ]

    @Test("a format is asserted when asked for, and a remark otherwise (TOOL-5)", arguments: table)
    func format(name: String, valid: [String], invalid: [String]) throws {
        let schema: JSONValue = ["format": .string(name)]
        let asserting = try CompiledSchema(schema, options: SchemaOptions(assertsFormat: true)), plain = try CompiledSchema(schema)
        for text in valid { #expect(asserting.validate(.string(text)).isEmpty, "\(name): \(text)") }
        for text in invalid {
            #expect(asserting.validate(.string(text)).map(\.keyword) == ["format"], "\(name): \(text)")
            #expect(plain.validate(.string(text)).isEmpty)
        }
        for other: JSONValue in [1, nil, true, [], [:], 1.5] { #expect(asserting.validate(other).isEmpty) }
    }
}
