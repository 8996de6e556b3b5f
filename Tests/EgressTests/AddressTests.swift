import Egress
import Testing

@Suite("Egress: what an address is")
struct AddressTests {
    private static let classes: [(String, SpecialBlock.Kind?)] = [
        ("8.8.8.8", nil), ("1.1.1.1", nil), ("9.255.255.255", nil), ("11.0.0.0", nil), ("100.63.255.255", nil), ("100.128.0.0", nil),
        ("172.15.255.255", nil), ("172.32.0.0", nil), ("192.167.255.255", nil), ("192.169.0.0", nil), ("198.17.255.255", nil), ("198.20.0.0", nil),
        ("169.253.255.255", nil), ("169.255.0.0", nil), ("126.255.255.255", nil), ("128.0.0.0", nil), ("223.255.255.255", nil), ("1.0.0.0", nil),
        ("192.0.1.0", nil), ("192.0.3.0", nil), ("168.63.129.15", nil),
        ("0.0.0.0", .unspecified), ("0.1.2.3", .unspecified), ("10.0.0.0", .privateUse), ("10.255.255.255", .privateUse), ("100.64.0.0", .shared),
        ("100.127.255.255", .shared), ("127.0.0.1", .loopback), ("127.255.255.254", .loopback), ("169.254.1.1", .linkLocal),
        ("172.16.0.1", .privateUse),
        ("172.31.255.255", .privateUse), ("192.0.0.1", .protocolAssignment), ("192.0.0.8", .protocolAssignment), ("192.0.0.170", .protocolAssignment),
        ("192.0.0.255", .protocolAssignment), ("192.0.2.1", .documentation), ("192.31.196.1", .protocolAssignment),
        ("192.52.193.1", .protocolAssignment),
        ("192.88.99.1", .embedding), ("192.88.99.2", .embedding), ("192.168.1.1", .privateUse), ("192.175.48.1", .protocolAssignment),
        ("198.18.0.1", .benchmarking), ("198.19.255.255", .benchmarking), ("198.51.100.7", .documentation), ("203.0.113.7", .documentation),
        ("224.0.0.1", .multicast), ("239.255.255.255", .multicast), ("240.0.0.1", .reserved), ("255.255.255.254", .reserved),
        ("255.255.255.255", .broadcast),
        ("169.254.169.254", .metadata), ("169.254.170.2", .metadata), ("100.100.100.200", .metadata), ("192.0.0.192", .metadata),
        ("168.63.129.16", .metadata), ("fd00:ec2::254", .metadata), ("fd20:ce::254", .metadata),
        ("::ffff:169.254.169.254", .metadata), ("64:ff9b::a9fe:a9fe", .metadata), ("2002:a9fe:a9fe::1", .metadata), ("::169.254.169.254", .metadata),
        ("64:ff9b:1::a9fe:a9fe", .metadata),
        ("2606:4700::1111", nil), ("2a00:1450:4001::1", nil), ("2001:200::1", nil), ("2001:4860:4860::8888", nil), ("2003::1", nil),
        ("2620:4f:7fff::1", nil), ("3ffd::1", nil), ("2001:db7:ffff::1", nil), ("2001:db9::1", nil),
        ("::", .unspecified), ("::1", .loopback), ("::2", .embedding), ("::1.2.3.4", .embedding), ("::ffff:1.2.3.4", .embedding),
        ("::ffff:8.8.8.8", .embedding), ("::ffff:0:8.8.8.8", .embedding), ("64:ff9b::8.8.8.8", .embedding), ("64:ff9b:1::8.8.8.8", .embedding),
        ("64:ff9b:1:ffff::1", .embedding), ("64:ff9b:2::1", .reserved), ("64:ff9a::1", .reserved), ("100::1", .discard), ("100:0:0:1::1", .discard),
        ("100:0:0:2::1", .reserved), ("2001::1", .embedding), ("2001:0:4136:e378:8000:63bf:3fff:fdd2", .embedding),
        ("2001:1::1", .protocolAssignment),
        ("2001:1::3", .protocolAssignment), ("2001:2::1", .benchmarking), ("2001:3::1", .protocolAssignment), ("2001:4:112::1", .protocolAssignment),
        ("2001:10::1", .protocolAssignment), ("2001:20::1", .protocolAssignment), ("2001:30::1", .protocolAssignment),
        ("2001:1ff::1", .protocolAssignment), ("2001:db8::1", .documentation), ("2002::1", .embedding), ("2002:808:808::1", .embedding),
        ("2620:4f:8000::1", .protocolAssignment), ("3ffe::1", .reserved), ("3fff::1", .documentation), ("3fff:fff::1", .documentation),
        ("3fff:1000::1", nil), ("4000::1", .reserved), ("5f00::1", .protocolAssignment), ("fc00::1", .privateUse), ("fdff::1", .privateUse),
        ("fe00::1", .reserved), ("fe80::1", .linkLocal), ("febf::1", .linkLocal), ("fec0::1", .privateUse), ("ff02::1", .multicast),
        ("2606:4700::5efe:10.0.0.1", .embedding), ("2606:4700::200:5efe:8.8.8.8", .embedding), ("2606:4700::5eff:10.0.0.1", nil),
    ]

    @Test("every special-purpose block, its edges and its neighbours are classified as the registries say", arguments: classes)
    func classify(text: String, kind: SpecialBlock.Kind?) throws { #expect(try AddressClass(address(text)).block?.kind == kind, "\(text)") }

    private static let embedded: [(String, String?)] = [
        ("::ffff:10.0.0.1", "10.0.0.1"), ("::10.0.0.1", "10.0.0.1"), ("::ffff:0:10.0.0.1", "10.0.0.1"), ("64:ff9b::10.0.0.1", "10.0.0.1"),
        ("64:ff9b:1::10.0.0.1", "10.0.0.1"), ("2002:a00:1::5", "10.0.0.1"), ("2001:0:4136:e378:8000:63bf:3fff:fdd2", "192.0.2.45"),
        ("2606:4700::5efe:10.0.0.1", "10.0.0.1"), ("fe80::200:5efe:10.0.0.1", "10.0.0.1"), ("::", nil), ("::1", nil), ("2606:4700::1", nil),
        ("10.0.0.1", nil),
    ]

    @Test("the IPv4 address is found in every known form of IPv6 address that carries one", arguments: embedded)
    func carries(text: String, inner: String?) throws { #expect(try AddressClass(address(text)).embedded?.description == inner) }

    @Test("no address of an allocated special block is public, at its first, its last and a middle address")
    func blocksAreNotPublic() throws {
        for block in SpecialBlock.ipv4 + SpecialBlock.ipv6 + SpecialBlock.metadata {
            let network = block.network
            let free = UInt128(network.address.width - network.prefix)
            let span: UInt128 = free == 128 ? .max : (UInt128(1) << free) - 1
            for offset in [0, span, span / 2] {
                let inside: IPAddress
                switch network.address {
                case .v4(let first): inside = .v4(first + UInt32(truncatingIfNeeded: offset))
                case .v6(let first): inside = .v6(first + offset)
                }
                #expect(!AddressClass(inside).isPublic, "\(inside) of \(block.name)")
                #expect(!AddressClass(inside).description.contains("\(inside)"), "the class's text names the address")
            }
        }
    }

    @Test("addresses are read in one form, and written as RFC 5952 says")
    func text() throws {
        for bad in [
            "", "1", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.256", "1.2.3.4 ", " 1.2.3.4", "0x1.2.3.4", "1.2.3.4/32", "[::1]", "::1%lo", ":", ":::",
            "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", "g::", "::1.2.3", "12345::", "1:2:3:4:5:6:7:8::",
        ] { #expect(IPAddress(bad) == nil, "\(bad)") }
        for (given, written) in [
            ("2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("0:0:0:0:0:0:0:0", "::"), ("1:0:0:0:0:0:0:0", "1::"),
            ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
            ("::FFFF:1.2.3.4", "::ffff:1.2.3.4"), ("0001:0002::", "1:2::"), ("255.255.255.255", "255.255.255.255"),
        ] { #expect(try address(given).description == written) }
    }

    @Test("a network is its first address and a prefix; anything looser is none")
    func networks() throws {
        for bad in [
            "10.0.0.0", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/08", "10.0.0.0/", "10.0.0.0/-1", "10/8", "fc00::/129", "fc00::1/7", "/8", "x/8",
        ] {
            #expect(IPNetwork(bad) == nil, "\(bad)")
        }
        let ten = try #require(IPNetwork("10.0.0.0/8"))
        #expect(try ten.contains(address("10.255.0.1")) && !ten.contains(address("11.0.0.0")) && !ten.contains(address("::10.0.0.1")))
        #expect(try #require(IPNetwork("::/0")).contains(address("ffff::")))
    }

    @Test(
        "an operator opens exact networks only: none too wide, none of metadata, none that no host lives in",
        arguments: [
            "0.0.0.0/0", "10.0.0.0/7", "::/0", "0.0.0.0/8", "8.8.8.0/24", "224.0.0.0/4", "255.255.255.255/32", "169.254.169.254/32", "2002::/16",
            "::/96",
            "64:ff9b::/64", "64:ff9b:1::/48", "2001:db8::/32", "fd00:ec2::254/128", "nonsense", "10.0.0.1/8", "168.63.129.16/32",
        ])
    func notOpened(network: String) {
        var networks = PrivateNetworks()
        #expect(throws: PrivateNetworks.Problem.self) { try networks.open([network], for: "a.example") }
        #expect(networks == PrivateNetworks())
    }
}
