extension EgressCases {
    /// Requests to the CONNECT proxy, and the status of its answer.
    package static let tunnels: [(name: String, expected: String, request: String)] = [
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
}
