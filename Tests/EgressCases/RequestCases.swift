extension EgressCases {
    /// Where PORT stands in a case's URL, the port of the server.
    package static let policy: [EgressCase] =
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

    /// What a server says where to look instead.
    package static let redirects: [EgressCase] = [
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
}
