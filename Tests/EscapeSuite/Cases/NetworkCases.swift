/// Network: no family, no address, and nothing through the worker's own socket.
extension EscapeCases {
    static let network: [EscapeCase] = withoutGrant + sockets

    private static let withoutGrant: [EscapeCase] = [
        .one(
            .network, "family-sweep",
            .reports(
                all(
                    [
                        "AF_INET stream", "AF_INET datagram", "AF_INET raw", "AF_INET ping", "AF_INET mptcp", "AF_INET6 stream", "AF_UNIX stream",
                        "AF_UNIX datagram", "AF_XDP", "AF_BLUETOOTH", "AF_KEY", "AF_TIPC", "AF_SMC",
                    ], "EPERM", ["sockets opened": "0", "other errors": "0"]))),
        .one(.network, "socketpairs", .reports(["pairs opened": "0", "AF_UNIX pair": "EPERM"])),
        .one(.network, "resolve", .reports(["getaddrinfo": "failed", "numeric": "*"])),
        .one(
            .network, "worker-socket-tricks",
            .reports(
                all(
                    [
                        "connect inet", "connect abstract", "disconnect", "bind abstract", "bind scratch", "listen", "accept", "sendto address",
                        "recvmmsg",
                        "sendmmsg",
                    ], "EPERM", ["found": "yes"]))),
        .one(
            .network, "worker-socket-options",
            .reports(
                all(
                    [
                        "SO_ATTACH_FILTER", "SO_ATTACH_BPF", "SO_SNDBUFFORCE", "SO_PASSCRED", "SO_PASSSEC", "SO_MARK", "SO_PEERPIDFD",
                        "SO_PEERCRED pid",
                        "getpeername",
                    ], "EPERM"))),
        .one(
            .network, "worker-socket-interfaces",
            .reports(
                all(
                    [
                        "SIOCGIFCONF", "SIOCGIFADDR", "SIOCGIFNAME", "SIOCGIFHWADDR", "SIOCGIFFLAGS", "SIOCGIFMTU", "SIOCGIFINDEX", "SIOCGSKNS",
                        "SIOCUNIXFILE", "SIOCSPGRP", "high bits",
                    ], "EPERM"))),
        .one(.network, "interfaces", .violation("socket")),
        .one(.network, "pass-descriptors", .either([.reports(["messages sent": "some|none", "last": "ok|EPERM"]), .dies(["protocol"])])),
        .one(.network, "out-of-band", .reports(["MSG_OOB": "EPERM"])),
    ]
}
