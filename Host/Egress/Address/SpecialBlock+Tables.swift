extension SpecialBlock {
    /// IANA's IPv4 special-purpose address registry (RFC 6890, RFC 8190) as of October 2025, and multicast (RFC 5771).
    ///
    /// Blocks that the registry calls globally reachable are here too: they are anycast helpers, relays and black holes, and no web server is there.
    package static let ipv4: [SpecialBlock] = [
        SpecialBlock("0.0.0.0/32", .unspecified, "This host on this network", "RFC 1122 section 3.2.1.3"),
        SpecialBlock("0.0.0.0/8", .unspecified, "This network", "RFC 791 section 3.2"),
        SpecialBlock("10.0.0.0/8", .privateUse, "Private-Use", "RFC 1918"),
        SpecialBlock("100.64.0.0/10", .shared, "Shared Address Space", "RFC 6598"),
        SpecialBlock("127.0.0.0/8", .loopback, "Loopback", "RFC 1122 section 3.2.1.3"),
        SpecialBlock("169.254.0.0/16", .linkLocal, "Link Local", "RFC 3927"),
        SpecialBlock("172.16.0.0/12", .privateUse, "Private-Use", "RFC 1918"),
        SpecialBlock("192.0.0.0/24", .protocolAssignment, "IETF Protocol Assignments", "RFC 6890 section 2.1"),
        SpecialBlock("192.0.0.0/29", .protocolAssignment, "IPv4 Service Continuity Prefix", "RFC 7335"),
        SpecialBlock("192.0.0.8/32", .protocolAssignment, "IPv4 dummy address", "RFC 7600"),
        SpecialBlock("192.0.0.9/32", .protocolAssignment, "Port Control Protocol Anycast", "RFC 7723"),
        SpecialBlock("192.0.0.10/32", .protocolAssignment, "Traversal Using Relays around NAT Anycast", "RFC 8155"),
        SpecialBlock("192.0.0.170/32", .protocolAssignment, "NAT64/DNS64 Discovery", "RFC 8880, RFC 7050 section 2.2"),
        SpecialBlock("192.0.0.171/32", .protocolAssignment, "NAT64/DNS64 Discovery", "RFC 8880, RFC 7050 section 2.2"),
        SpecialBlock("192.0.2.0/24", .documentation, "Documentation (TEST-NET-1)", "RFC 5737"),
        SpecialBlock("192.31.196.0/24", .protocolAssignment, "AS112-v4", "RFC 7535"),
        SpecialBlock("192.52.193.0/24", .protocolAssignment, "AMT", "RFC 7450"),
        SpecialBlock("192.88.99.0/24", .embedding, "Deprecated (6to4 Relay Anycast)", "RFC 7526"),
        SpecialBlock("192.88.99.2/32", .embedding, "6a44-relay anycast address", "RFC 6751"),
        SpecialBlock("192.168.0.0/16", .privateUse, "Private-Use", "RFC 1918"),
        SpecialBlock("192.175.48.0/24", .protocolAssignment, "Direct Delegation AS112 Service", "RFC 7534"),
        SpecialBlock("198.18.0.0/15", .benchmarking, "Benchmarking", "RFC 2544"),
        SpecialBlock("198.51.100.0/24", .documentation, "Documentation (TEST-NET-2)", "RFC 5737"),
        SpecialBlock("203.0.113.0/24", .documentation, "Documentation (TEST-NET-3)", "RFC 5737"),
        SpecialBlock("224.0.0.0/4", .multicast, "Multicast", "RFC 5771"),
        SpecialBlock("240.0.0.0/4", .reserved, "Reserved", "RFC 1112 section 4"),
        SpecialBlock("255.255.255.255/32", .broadcast, "Limited Broadcast", "RFC 8190, RFC 919 section 7"),
    ]

    /// IANA's IPv6 special-purpose address registry as of October 2025, and what else of RFC 4291's address space no public server has.
    package static let ipv6: [SpecialBlock] = [
        SpecialBlock("::/128", .unspecified, "Unspecified Address", "RFC 4291 section 2.5.2"),
        SpecialBlock("::1/128", .loopback, "Loopback Address", "RFC 4291 section 2.5.3"),
        SpecialBlock("::/96", .embedding, "IPv4-compatible Address", "RFC 4291 section 2.5.5.1"),
        SpecialBlock("::ffff:0.0.0.0/96", .embedding, "IPv4-mapped Address", "RFC 4291 section 2.5.5.2"),
        SpecialBlock("::ffff:0:0:0/96", .embedding, "IPv4-translated Address", "RFC 2765 section 2.1"),
        SpecialBlock("64:ff9b::/96", .embedding, "IPv4-IPv6 Translation (NAT64)", "RFC 6052"),
        SpecialBlock("64:ff9b:1::/48", .embedding, "IPv4-IPv6 Translation (local-use NAT64)", "RFC 8215"),
        SpecialBlock("100::/64", .discard, "Discard-Only Address Block", "RFC 6666"),
        SpecialBlock("100:0:0:1::/64", .discard, "Dummy IPv6 Prefix", "RFC 9780"),
        SpecialBlock("2001::/23", .protocolAssignment, "IETF Protocol Assignments", "RFC 2928"),
        SpecialBlock("2001::/32", .embedding, "TEREDO", "RFC 4380, RFC 8190"),
        SpecialBlock("2001:1::1/128", .protocolAssignment, "Port Control Protocol Anycast", "RFC 7723"),
        SpecialBlock("2001:1::2/128", .protocolAssignment, "Traversal Using Relays around NAT Anycast", "RFC 8155"),
        SpecialBlock("2001:1::3/128", .protocolAssignment, "DNS-SD Service Registration Protocol Anycast", "RFC 9665"),
        SpecialBlock("2001:2::/48", .benchmarking, "Benchmarking", "RFC 5180, RFC Errata 1752"),
        SpecialBlock("2001:3::/32", .protocolAssignment, "AMT", "RFC 7450"),
        SpecialBlock("2001:4:112::/48", .protocolAssignment, "AS112-v6", "RFC 7535"),
        SpecialBlock("2001:10::/28", .protocolAssignment, "Deprecated (previously ORCHID)", "RFC 4843"),
        SpecialBlock("2001:20::/28", .protocolAssignment, "ORCHIDv2", "RFC 7343"),
        SpecialBlock("2001:30::/28", .protocolAssignment, "Drone Remote ID Protocol Entity Tags", "RFC 9374"),
        SpecialBlock("2001:db8::/32", .documentation, "Documentation", "RFC 3849"),
        SpecialBlock("2002::/16", .embedding, "6to4", "RFC 3056, RFC 7526"),
        SpecialBlock("2620:4f:8000::/48", .protocolAssignment, "Direct Delegation AS112 Service", "RFC 7534"),
        SpecialBlock("3ffe::/16", .reserved, "Returned (6bone)", "RFC 3701"),
        SpecialBlock("3fff::/20", .documentation, "Documentation", "RFC 9637"),
        SpecialBlock("5f00::/16", .protocolAssignment, "Segment Routing (SRv6) SIDs", "RFC 9602"),
        SpecialBlock("fc00::/7", .privateUse, "Unique-Local", "RFC 4193, RFC 8190"),
        SpecialBlock("fe80::/10", .linkLocal, "Link-Local Unicast", "RFC 4291 section 2.5.6"),
        SpecialBlock("fec0::/10", .privateUse, "Site-Local Unicast (deprecated)", "RFC 3879"),
        SpecialBlock("ff00::/8", .multicast, "Multicast", "RFC 4291 section 2.7"),
    ]

    /// Addresses at which clouds hand out credentials or answer for a machine. Some lie in blocks above, one is public; none can be opened.
    package static let metadata: [SpecialBlock] = [
        ("169.254.169.254/32", "Amazon, Google, Azure and others"), ("169.254.169.253/32", "Amazon's resolver"),
        ("169.254.169.123/32", "Amazon's clock"), ("169.254.170.2/32", "Amazon ECS credentials"), ("169.254.170.23/32", "Amazon EKS credentials"),
        ("169.254.0.23/32", "Tencent"), ("169.254.42.42/32", "Scaleway"), ("100.100.100.200/32", "Alibaba"), ("192.0.0.192/32", "Oracle"),
        ("168.63.129.16/32", "Azure's wire server"), ("fd00:ec2::254/128", "Amazon"), ("fd00:ec2::253/128", "Amazon's resolver"),
        ("fd00:ec2::123/128", "Amazon's clock"), ("fd00:ec2::23/128", "Amazon EKS credentials"), ("fd20:ce::254/128", "Google"),
        ("fd00:42::42/128", "Scaleway"), ("fe80::a9fe:a9fe/128", "OpenStack"),
    ].map { SpecialBlock($0.0, .metadata, "Cloud metadata (\($0.1))", "the provider's documentation") }

    /// ISATAP (RFC 5214 section 6.1) can stand behind any prefix, so it is told by its interface identifier.
    package static let isatap = SpecialBlock("::/0", .embedding, "ISATAP", "RFC 5214")
    /// Only 2000::/3 is allocated for global unicast (RFC 4291 section 2.4, IANA's IPv6 address space).
    package static let unallocated = SpecialBlock("::/0", .reserved, "Reserved by IETF", "RFC 4291 section 2.4")
}
