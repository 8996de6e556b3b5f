extension EgressCases {
    /// Paths of the raw server, what it says, and what must become of it.
    package static let upstreams: [(name: String, expected: String, script: RawUpstream.Script)] = [
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

    /// TLS: what kind of certificate, and what must become of it.
    package static let certificates: [(name: String, expected: String)] = [
        ("good", "200"), ("expired", "failed tls"), ("not yet valid", "failed tls"), ("self-signed", "failed tls"), ("wrong host", "failed tls"),
        ("wrong purpose", "failed tls"), ("unknown authority", "failed tls"), ("revoked", "failed tls"), ("TLS 1.0 alone", "failed tls"),
        ("TLS 1.1 alone", "failed tls"),
    ]
}
