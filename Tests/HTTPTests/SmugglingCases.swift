/// A request and the status it must get; 0 means that more is awaited.
struct SmugglingCase: Sendable, CustomStringConvertible {
    let name: String
    let text: String
    let status: Int
    var description: String { name }

    init(_ name: String, _ text: String, _ status: Int) {
        self.name = name
        self.text = text
        self.status = status
    }

    /// A POST whose head has these lines after the Host field.
    static func fields(_ name: String, _ lines: String, _ status: Int) -> SmugglingCase {
        SmugglingCase(name, "POST / HTTP/1.1\r\nHost: a\r\n\(lines)\r\n", status)
    }

    /// A request line with a Host field.
    static func line(_ name: String, _ line: String, _ status: Int) -> SmugglingCase {
        SmugglingCase(name, "\(line)\r\nHost: a\r\n\r\n", status)
    }

    /// A chunked body.
    static func chunks(_ name: String, _ body: String, _ status: Int) -> SmugglingCase {
        SmugglingCase(name, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\(body)", status)
    }

    static let all: [SmugglingCase] = requestLines + framings + hosts + syntax + chunked + trailers + disguises

    static let requestLines: [SmugglingCase] = [
        line("plain", "GET / HTTP/1.1", 200),
        line("query", "GET /a%20b?x=1&y=%C3%A4 HTTP/1.1", 200),
        line("absolute target with the same host", "GET http://A/x HTTP/1.1", 200),
        line("absolute target with another host", "GET http://b/x HTTP/1.1", 400),
        line("absolute target with user", "GET http://u@a/x HTTP/1.1", 400),
        line("absolute target of another scheme", "GET ftp://a/x HTTP/1.1", 400),
        line("asterisk for OPTIONS", "OPTIONS * HTTP/1.1", 200),
        line("asterisk for GET", "GET * HTTP/1.1", 400),
        line("CONNECT", "CONNECT a:443 HTTP/1.1", 501),
        line("unknown method", "BREW / HTTP/1.1", 501),
        line("method in lower case", "get / HTTP/1.1", 501),
        line("method that is no token", "G(T / HTTP/1.1", 400),
        line("two spaces", "GET  / HTTP/1.1", 400),
        line("space in target", "GET /a b HTTP/1.1", 400),
        line("tab instead of space", "GET\t/ HTTP/1.1", 400),
        line("space before the method", " GET / HTTP/1.1", 400),
        line("space after the version", "GET / HTTP/1.1 ", 400),
        line("no version", "GET /", 400),
        line("no target", "GET HTTP/1.1", 400),
        line("relative target", "GET a HTTP/1.1", 400),
        line("fragment", "GET /#x HTTP/1.1", 400),
        line("control byte in target", "GET /\u{1} HTTP/1.1", 400),
        line("byte over ASCII in target", "GET /ä HTTP/1.1", 400),
        line("broken triplet in path", "GET /%zz HTTP/1.1", 400),
        line("cut triplet in query", "GET /?a=%4 HTTP/1.1", 400),
        line("encoded slash", "GET /a%2Fb HTTP/1.1", 400),
        line("encoded NUL", "GET /a%00b HTTP/1.1", 400),
        line("path that is not UTF-8", "GET /%ff HTTP/1.1", 400),
        line("version in lower case", "GET / http/1.1", 400),
        line("version 2", "GET / HTTP/2.0", 505),
        line("version 1.2", "GET / HTTP/1.2", 505),
        line("version 0.9", "GET / HTTP/0.9", 505),
        line("version with two digits", "GET / HTTP/1.10", 400),
        line("target of 9000 bytes", "GET /\(String(repeating: "a", count: 9000)) HTTP/1.1", 414),
        SmugglingCase("target without end", "GET /\(String(repeating: "a", count: 20_000))", 414),
        SmugglingCase("one empty line before", "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 200),
        SmugglingCase("two empty lines before", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        SmugglingCase("TLS hello", "\u{16}\u{3}\u{1}\u{2}", 400),
        SmugglingCase("HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    ]

    static let framings: [SmugglingCase] = [
        fields("length 0", "Content-Length: 0\r\n", 200),
        fields("length twice, the same", "Content-Length: 0\r\nContent-Length: 0\r\n", 400),
        fields("length twice, different", "Content-Length: 0\r\nContent-Length: 5\r\n", 400),
        fields("length as list", "Content-Length: 0, 0\r\n", 400),
        fields("length with plus", "Content-Length: +0\r\n", 400),
        fields("length negative", "Content-Length: -1\r\n", 400),
        fields("length hexadecimal", "Content-Length: 0x0\r\n", 400),
        fields("length with a space inside", "Content-Length: 1 0\r\n", 400),
        fields("length empty", "Content-Length:\r\n", 400),
        fields("length fraction", "Content-Length: 1.0\r\n", 400),
        fields("length over 64 bits", "Content-Length: 99999999999999999999\r\n", 413),
        fields("length with Arabic digits", "Content-Length: ٣\r\n", 400),
        fields("both, length first", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", 400),
        fields("both, encoding first", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", 400),
        fields("encoding twice", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 400),
        fields("chunked twice in a list", "Transfer-Encoding: chunked, chunked\r\n", 400),
        fields("encoding identity", "Transfer-Encoding: identity\r\n", 501),
        fields("encoding gzip, chunked", "Transfer-Encoding: gzip, chunked\r\n", 501),
        fields("chunked not last", "Transfer-Encoding: chunked, gzip\r\n", 501),
        fields("encoding xchunked", "Transfer-Encoding: xchunked\r\n", 501),
        fields("encoding empty", "Transfer-Encoding:\r\n", 400),
        fields("encoding with a quoted name", "Transfer-Encoding: \"chunked\"\r\n", 400),
        fields("encoding with vertical tab", "Transfer-Encoding:\u{b}chunked\r\n", 400),
        fields("encoding with trailing comma", "Transfer-Encoding: chunked,\r\n", 400),
        fields("encoding with space before colon", "Transfer-Encoding : chunked\r\n", 400),
        fields("length with space before colon", "Content-Length : 5\r\n", 400),
        SmugglingCase("encoding in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        fields("unknown expectation", "Expect: 200-maybe\r\n", 417),
        SmugglingCase("TRACE with a body", "TRACE / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", 400),
    ]

    static let hosts: [SmugglingCase] = [
        SmugglingCase("no host", "GET / HTTP/1.1\r\n\r\n", 400),
        SmugglingCase("no host in HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", 200),
        SmugglingCase("two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
        SmugglingCase("two hosts, other case", "GET / HTTP/1.1\r\nHost: a\r\nhOST: b\r\n\r\n", 400),
        SmugglingCase("empty host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 400),
        SmugglingCase("host list", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400),
        SmugglingCase("host with path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
        SmugglingCase("host with user", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400),
        SmugglingCase("host with bad port", "GET / HTTP/1.1\r\nHost: a:70000\r\n\r\n", 400),
        SmugglingCase("host with port", "GET / HTTP/1.1\r\nHost: a.example:8080\r\n\r\n", 200),
        SmugglingCase("host IPv6", "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", 200),
        SmugglingCase("host IPv6 without end", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", 400),
    ]

    static let syntax: [SmugglingCase] = [
        SmugglingCase("bare line feeds", "GET / HTTP/1.1\nHost: a\n\n", 400),
        SmugglingCase("bare line feed after a field", "GET / HTTP/1.1\r\nHost: a\n\r\n", 400),
        SmugglingCase("bare line feed at the end", "GET / HTTP/1.1\r\nHost: a\r\n\n", 400),
        SmugglingCase("only carriage returns", "GET / HTTP/1.1\rHost: a\r\r\n", 400),
        fields("carriage return in a value", "X: a\rb\r\n", 400),
        fields("NUL in a value", "X: a\0b\r\n", 400),
        fields("delete in a value", "X: a\u{7f}b\r\n", 400),
        fields("folded field", "X: a\r\n b\r\n", 400),
        SmugglingCase("folded first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400),
        fields("folded with tab", "X: a\r\n\tContent-Length: 5\r\n", 400),
        fields("field without colon", "X\r\n", 400),
        fields("field without name", ": a\r\n", 400),
        fields("name with space", "X Y: a\r\n", 400),
        fields("name with NUL", "X\0: a\r\n", 400),
        fields("name over ASCII", "Ä: a\r\n", 400),
        fields("value over ASCII", "X: ä\r\n", 200),
        fields("empty value", "X:\r\n", 200),
        fields("101 fields", String(repeating: "X: a\r\n", count: 101), 431),
        fields("head over 16 KiB", "X: \(String(repeating: "a", count: 17_000))\r\n", 431),
        SmugglingCase("head without end", "GET / HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "a", count: 17_000))", 431),
        SmugglingCase("head not whole", "GET / HTTP/1.1\r\nHost: a\r\n", 0),
    ]

    static let chunked: [SmugglingCase] = [
        chunks("two chunks", "3\r\nabc\r\nA;x=\"y\"\r\n0123456789\r\n0\r\n\r\n", 200),
        chunks("trailer", "0\r\nX: y\r\n\r\n", 200),
        chunks("size with 0x", "0x3\r\nabc\r\n0\r\n\r\n", 400),
        chunks("size negative", "-3\r\nabc\r\n0\r\n\r\n", 400),
        chunks("size empty", "\r\nabc\r\n0\r\n\r\n", 400),
        chunks("size with space before", " 3\r\nabc\r\n0\r\n\r\n", 400),
        chunks("size with space after", "3 \r\nabc\r\n0\r\n\r\n", 400),
        chunks("size with underscore", "1_0\r\n", 400),
        chunks("size of nine digits", "000000003\r\nabc\r\n0\r\n\r\n", 400),
        chunks("size that wraps 64 bits", "10000000000000003\r\nabc\r\n", 400),
        chunks("bare line feed after the size", "3\nabc\r\n0\r\n\r\n", 400),
        chunks("bare line feed after the data", "3\r\nabc\n0\r\n\r\n", 400),
        chunks("no line end after the data", "3\r\nabc0\r\n\r\n", 400),
        chunks("data longer than its size", "3\r\nabcd\r\n0\r\n\r\n", 400),
        chunks("extension with line feed", "3;a\nb\r\nabc\r\n0\r\n\r\n", 400),
        chunks("extension with carriage return", "3;a\rb\r\nabc\r\n0\r\n\r\n", 400),
        chunks("extension too long", "3;\(String(repeating: "a", count: 300))\r\nabc\r\n0\r\n\r\n", 400),
        chunks("trailer that frames", "0\r\nContent-Length: 3\r\n\r\n", 400),
        chunks("trailer that encodes", "0\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        chunks("trailer folded", "0\r\nX: y\r\n z\r\n\r\n", 400),
        chunks("trailer with bare line feed", "0\r\nX: y\n\r\n", 400),
        chunks("trailers over 4 KiB", "0\r\nX: \(String(repeating: "a", count: 5000))\r\n\r\n", 431),
        chunks("no last chunk", "3\r\nabc\r\n", 0),
    ]

    static let trailers: [SmugglingCase] = [
        chunks("trailer names a host", "0\r\nHost: b\r\n\r\n", 400),
        chunks("trailer names who asks", "0\r\nAuthorization: Bearer x\r\n\r\n", 400),
        chunks("trailer sets a cookie", "0\r\nCookie: a=b\r\n\r\n", 400),
        chunks("trailer names a session", "0\r\nX-Session: a\r\n\r\n", 400),
        chunks("trailer changes the type", "0\r\nContent-Type: text/html\r\n\r\n", 400),
        chunks("trailer changes the coding", "0\r\nContent-Encoding: gzip\r\n\r\n", 400),
        chunks("trailer keeps the connection", "0\r\nConnection: keep-alive\r\n\r\n", 400),
        chunks("trailer upgrades", "0\r\nUpgrade: websocket\r\n\r\n", 400),
        chunks("trailer in mixed case", "0\r\ncOnTeNt-LeNgTh: 3\r\n\r\n", 400),
        chunks("trailer with space before colon", "0\r\nX : y\r\n\r\n", 400),
        chunks("trailer without colon", "0\r\nX\r\n\r\n", 400),
        chunks("trailer with NUL", "0\r\nX: a\0b\r\n\r\n", 400),
        chunks("101 trailers", "0\r\n\(String(repeating: "X: y\r\n", count: 101))\r\n", 431),
        chunks("last chunk with an extension", "0;x=y\r\n\r\n", 200),
        chunks("last chunk of several zeros", "0000\r\n\r\n", 200),
        chunks("last chunk of nine zeros", "000000000\r\n\r\n", 400),
        chunks("request behind the last chunk without its line end", "0\r\nGET /admin HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        chunks("request inside a chunk", "25\r\nGET /admin HTTP/1.1\r\nHost: a\r\n\r\nx\r\n\r\n\r\n0\r\n\r\n", 200),
    ]

    /// Framing fields as other servers have been made to misread them.
    static let disguises: [SmugglingCase] = [
        fields("encoding with a prefix space in the name", " Transfer-Encoding: chunked\r\n", 400),
        fields("encoding after a tab", "\tTransfer-Encoding: chunked\r\n", 400),
        fields("encoding behind a bare carriage return", "X: y\rTransfer-Encoding: chunked\r\n", 400),
        fields("encoding behind a bare line feed", "X: y\nTransfer-Encoding: chunked\r\n", 400),
        fields("encoding behind NUL", "X: y\0\r\nTransfer-Encoding: chunked\r\n", 400),
        fields("encoding with a parameter", "Transfer-Encoding: chunked;q=1\r\n", 400),
        fields("encoding with a vertical tab behind", "Transfer-Encoding: chunked\u{b}\r\n", 400),
        fields("encoding with a no-break space", "Transfer-Encoding: \u{a0}chunked\r\n", 400),
        fields("encoding cow", "Transfer-Encoding: cow\r\n", 501),
        fields("chunked then identity", "Transfer-Encoding: chunked, identity\r\n", 501),
        fields("identity then chunked", "Transfer-Encoding: identity, chunked\r\n", 501),
        fields("two encodings in two fields", "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", 501),
        fields("length and encoding with odd case", "content-LENGTH: 3\r\ntransfer-ENCODING: chunked\r\n", 400),
        fields("length of zeros", "Content-Length: 000\r\n", 400),
        fields("length with a leading zero", "Content-Length: 03\r\n", 400),
        fields("length with a tab inside", "Content-Length: 1\t0\r\n", 400),
        fields("length with a sign behind", "Content-Length: 3+\r\n", 400),
        fields("length in exponents", "Content-Length: 1e1\r\n", 400),
        fields("length with a semicolon", "Content-Length: 3;x\r\n", 400),
        fields("length quoted", "Content-Length: \"3\"\r\n", 400),
        fields("length with an underscore name", "Content_Length: 3\r\n", 200),
        fields("length of 2^63", "Content-Length: 9223372036854775808\r\n", 413),
        fields("length of 2^64", "Content-Length: 18446744073709551616\r\n", 413),
        SmugglingCase("length in a GET and its body", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", 200),
        SmugglingCase("line feed before the method", "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        SmugglingCase("carriage return before the method", "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        SmugglingCase("second request line", "GET / HTTP/1.1\r\nGET /admin HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        SmugglingCase("absolute target without a path but with a query", "GET http://a?x=1 HTTP/1.1\r\nHost: a\r\n\r\n", 200),
        SmugglingCase("absolute target with a bad port", "GET http://a:99999/ HTTP/1.1\r\nHost: a:99999\r\n\r\n", 400),
        SmugglingCase("absolute target with an empty host", "GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        SmugglingCase("backslash in the target", "GET /a\\b HTTP/1.1\r\nHost: a\r\n\r\n", 200),
        SmugglingCase("method with a NUL", "G\0T / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        SmugglingCase("method of 300 bytes", "\(String(repeating: "A", count: 300)) / HTTP/1.1\r\nHost: a\r\n\r\n", 501),
    ]
}
