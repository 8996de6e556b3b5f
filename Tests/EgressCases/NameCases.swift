extension EgressCases {
    /// What a name may resolve to; each is refused, although the DNS says so.
    package static let addresses: [(name: String, address: String)] = [
        ("loopback", "127.0.0.1"), ("this network", "0.0.0.0"), ("10/8", "10.0.0.1"), ("172.16/12", "172.16.0.1"), ("192.168/16", "192.168.0.1"),
        ("100.64/10", "100.64.0.1"), ("link-local, metadata", "169.254.169.254"), ("198.18/15", "198.18.0.1"), ("documentation", "192.0.2.1"),
        ("multicast", "224.0.0.1"), ("reserved", "240.0.0.1"), ("broadcast", "255.255.255.255"), ("IPv6 loopback", "::1"), ("IPv6 unspecified", "::"),
        ("unique local", "fc00::1"), ("IPv6 link-local", "fe80::1"), ("IPv6 site-local", "fec0::1"), ("IPv6 multicast", "ff02::1"),
        ("IPv4-mapped", "::ffff:127.0.0.1"), ("IPv4-compatible", "::127.0.0.1"), ("NAT64", "64:ff9b::7f00:1"), ("local NAT64", "64:ff9b:1::1"),
        ("6to4", "2002:7f00:1::1"), ("Teredo", "2001::1"), ("IPv6 documentation", "2001:db8::1"),
    ]

    /// What the name server says of a name, and what must become of a request to it.
    package static let names: [(name: String, expected: String, zone: [CaseNameServer.Answer])] = [
        ("one address", "200", [.init(addresses: ["127.0.0.1"])]), ("an alias", "200", [.init(aliases: ["b.test"], addresses: ["127.0.0.1"])]),
        ("a chain of aliases", "200", [.init(aliases: ["b.test", "c.test", "d.test"], addresses: ["127.0.0.1"])]),
        ("an answer over TCP", "200", [.init(addresses: ["127.0.0.1"], isCut: true)]),
        ("an alias that leads inside", "refused address_not_public", [.init(aliases: ["inside.test"], addresses: ["10.0.0.1"])]),
        ("an alias that leads to metadata", "refused address_not_public", [.init(aliases: ["x.test"], addresses: ["169.254.169.254"])]),
        ("inside and outside mixed: the opened one is dialled", "200", [.init(addresses: ["10.0.0.1", "127.0.0.1"])]),
        ("both families, IPv6 inside", "200", [.init(addresses: ["127.0.0.1", "fd00::1"])]),
        ("IPv6 alone, inside", "refused address_not_public", [.init(addresses: ["::1"])]),
        ("rebinding: the second answer is inside", "200", [.init(addresses: ["127.0.0.1"]), .init(addresses: ["127.0.0.9"])]),
        ("no such name", "failed resolve", []),
    ]
}
