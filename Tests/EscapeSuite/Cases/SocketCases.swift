/// A plugin with `socket: true`: TCP to the proxy of its own network namespace, and nothing else.
extension EscapeCases {
    private static let unreachable = "EACCES|ECONNREFUSED|ENETUNREACH"

    static let sockets: [EscapeCase] = [
        granted(
            "proxy",
            .reports([
                "connect": "ok", "getsockname": "ok", "peer": "127.0.0.1:3128", "nodelay": "ok", "keepalive": "ok", "error": "0",
                "https_proxy": "http://127.0.0.1:3128",
                "HTTPS_PROXY": "unset", "http_proxy": "unset", "all_proxy": "unset", "authorities": "ok", "write authorities": "EROFS|EACCES",
                "default authorities": "ok",
            ])),
        granted(
            "addresses",
            .reports(
                all(
                    [
                        "127.0.0.1:1", "127.0.0.1:22", "127.0.0.1:53", "127.0.0.1:80", "127.0.0.1:443", "127.0.0.1:3127", "127.0.0.1:3129",
                        "127.0.0.1:8080",
                        "127.0.0.1:65535", "127.0.0.2:3128", "127.255.255.254:3128", "10.0.0.1:3128", "192.168.0.1:443", "169.254.169.254:80",
                        "8.8.8.8:53", "100.64.0.1:443", "224.0.0.1:443", "255.255.255.255:443",
                    ], unreachable, ["ports open": "0"]))),
        granted(
            "families",
            .reports(
                all(
                    [
                        "AF_INET datagram", "AF_INET raw", "AF_INET ping", "AF_INET mptcp", "AF_INET sctp", "AF_INET seqpacket", "AF_INET6 stream",
                        "AF_UNIX stream", "AF_UNIX datagram", "AF_UNIX pair", "high bits of the type", "AF_SMC", "AF_XDP",
                    ], "EPERM", ["sockets opened": "4", "other errors": "0"]))),
        granted(
            "server",
            .reports(
                all(
                    [
                        "bind", "bind 0", "listen", "accept", "accept4", "sendmsg", "recvmsg", "sendmmsg", "recvmmsg", "sendto address",
                        "sendto fastopen",
                        "recvfrom address", "out of band", "error queue",
                    ], "EPERM"))),
        granted(
            "options",
            .reports(
                all(
                    [
                        "SO_ATTACH_FILTER", "SO_ATTACH_BPF", "SO_MARK", "SO_BINDTODEVICE", "SO_PRIORITY", "SO_REUSEADDR", "SO_REUSEPORT",
                        "SO_ZEROCOPY",
                        "SO_TIMESTAMPING", "SO_SNDBUFFORCE", "SO_INCOMING_CPU", "TCP_FASTOPEN_CONNECT", "TCP_REPAIR", "TCP_ULP", "TCP_CONGESTION",
                        "TCP_MD5SIG", "TCP_FASTOPEN", "TCP_INFO", "IP_TRANSPARENT", "IP_HDRINCL", "IP_OPTIONS", "IP_ADD_MEMBERSHIP", "SO_PEERCRED",
                        "SO_COOKIE", "SO_NETNS_COOKIE", "SO_MEMINFO", "SIOCGIFCONF", "SIOCGIFADDR", "SIOCADDRT", "SIOCSIFFLAGS", "SIOCGSKNS",
                    ], "EPERM"))),
        granted(
            "frame-socket",
            .reports(
                all(
                    [
                        "connect abstract", "connect inet", "disconnect", "sendto", "recvfrom", "shutdown", "getsockname", "getpeername", "SO_ERROR",
                        "SO_SNDBUF", "dup", "dup2", "dup3", "F_DUPFD", "F_DUPFD_CLOEXEC",
                    ], "EPERM", ["found": "3"]))),
        granted("tunnel", .reports(["answer": "200", "echo": "hello, once", "end": "closed", "after the end": "closed"])),
        granted("requests", .reports(requests)),
        granted("nested", .reports(["answer": "200", "nested": "echoed", "second request": "echoed"])),
        granted(
            "flood", .reports(["connections": "10000|many", "unexpected": "0", "allowed": "some", "turned away": "some|none", "afterwards": "200"])
        ) {
            $0.limits["open_files"] = 300
        },
        granted("crowd", .reports(["allowed": "64", "turned away": "136", "other": "0", "afterwards": "200"])) { $0.limits["open_files"] = 300 },
        granted("slow", .reports(["silent": "408", "half a request": "408", "idle tunnel": "closed", "in time": "yes"])),
        leftOpen, strangers,
        // Unmodified: 60 is a certificate that is for another name, 56 a proxy that refused.
        granted(
            "libcurl", library: HostileBundle.curl,
            .reports([
                "page": "0 200 200 whole", "again": "0 200", "other host": "56 403", "wrong certificate": "60 200", "without the proxy": "failed",
                "plain, by address": "failed",
            ])
        ) { $0.needsTLS = true },
        granted("resolve", .reports(["getaddrinfo": "failed", "numeric": "parsed"])),
        granted("netlink", .violation("socket")),
        granted("vsock", .violation("socket")),
        granted("many", .reports(["sockets": "some", "last": "EMFILE"])),
    ]

    /// What is sent to the proxy, by name, with the status that it is answered with.
    private static let requests = [
        "allowed": "200", "upper case": "200", "trailing dot": "200", "port 22": "403", "port 25": "403", "port 0": "403", "port 65536": "400",
        "no port": "403",
        "other host": "403", "suffix": "403", "prefix": "403", "fetch only": "403", "loopback": "403", "decimal": "403", "octal": "403",
        "IPv6 loopback": "403",
        "mapped": "403", "metadata": "403", "userinfo": "403", "closed port": "502", "host differs": "400", "host missing": "400", "two hosts": "400",
        "body": "400", "chunked": "400", "early bytes": "400", "GET absolute": "405", "GET": "405", "POST": "405", "HTTP/2": "505",
        "TLS at once": "400",
        "bare line feed": "400", "folded": "400", "long head": "431", "NUL": "400", "internal address in an answer": "no",
    ]

    /// A tunnel that a call leaves open ends with its worker, which serves one call; the next one's namespace is another.
    private static let leftOpen: EscapeCase = {
        let expected = Expectation.reports(["answer": "200", "sockets from before": "none"])
        var made = EscapeCase.several(
            .network, "granted-left-open", library: "hostile-socket",
            [EscapeStep("leave-open", expected), EscapeStep("leave-open", by: .carol, expected), EscapeStep("leave-open", expected)])
        made.hasSocket = true
        made.isolation = "call"
        let refused = Expectation.refused([refusal])
        return made.landlock(refused, refused, refused)
    }()

    /// Another plugin's listener has the same address and is another: what it was granted is refused here.
    private static let strangers: EscapeCase = {
        var made = granted("strangers", .reports(["own": "200", "another plugin's": "403"]))
        made.socketHost = "neighbour.test"
        return made
    }()

    private static let refusal = "`socket: true` is refused on the rung `landlock`"

    /// One call with the grant. On the Landlock rung a worker has no network of its own, so the plugin is never started.
    private static func granted(
        _ name: String, library: String = "hostile-socket", _ expected: Expectation, configure: (inout EscapeCase) -> Void = { _ in }
    ) -> EscapeCase {
        var made = EscapeCase.one(.network, "granted-\(name)", library: library, attack: name, expected, configure: configure)
        made.hasSocket = true
        return made.landlock(.refused([refusal]))
    }
}
