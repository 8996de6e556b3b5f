import Egress
import Registry
import Testing

@Suite("Egress: what the resolver answers")
struct JudgementTests {
    private func judge(_ answers: [String], open networks: [String] = [], for host: String = "a.example.org") throws -> EgressDecision {
        var opened = PrivateNetworks()
        if !networks.isEmpty { try opened.open(networks, for: host) }
        let policy = try samplePolicy(opened)
        let before = policy.decide(fetch: "https://a.example.org/", method: "GET")
        #expect(before.needsAddresses)
        return policy.judge(try answers.map(address), for: before)
    }

    private static let cases: [(answers: [String], dialled: [String], rule: EgressRefusal?)] = [
        (["8.8.8.8"], ["8.8.8.8"], nil), (["2606:4700::1", "8.8.8.8"], ["2606:4700::1", "8.8.8.8"], nil), (["8.8.8.8", "8.8.8.8"], ["8.8.8.8"], nil),
        (["8.8.8.8", "10.0.0.1"], ["8.8.8.8"], nil), (["127.0.0.1", "::1", "8.8.8.8"], ["8.8.8.8"], nil), (["10.0.0.1"], [], .addressNotPublic),
        (["127.0.0.1"], [], .addressNotPublic), (["::1"], [], .addressNotPublic), (["0.0.0.0", "::"], [], .addressNotPublic),
        (["169.254.169.254"], [], .addressNotPublic), (["168.63.129.16"], [], .addressNotPublic), (["::ffff:8.8.8.8"], [], .addressNotPublic),
        (["64:ff9b::8.8.8.8"], [], .addressNotPublic), (["64:ff9b:1::a00:1"], [], .addressNotPublic), (["2002:808:808::1"], [], .addressNotPublic),
        (["fc00::1", "fe80::1", "ff02::1", "224.0.0.1", "255.255.255.255"], [], .addressNotPublic),
        (["100.64.0.1", "198.18.0.1"], [], .addressNotPublic),
        ([], [], .addressMissing),
    ]

    @Test("of mixed answers only the public ones are dialled, in their order; none at all is a refusal", arguments: cases)
    func mixed(answers: [String], dialled: [String], rule: EgressRefusal?) throws {
        let decision = try judge(answers)
        #expect(decision.refusal == rule && decision.addresses.map(\.description) == dialled && (decision.target == nil) == (rule != nil))
    }

    private static let opened: [(networks: [String], answer: String, isDialled: Bool)] = [
        (["10.1.2.0/24"], "10.1.2.3", true), (["10.1.2.0/24"], "10.1.3.1", false), (["10.1.2.3/32"], "10.1.2.3", true),
        (["10.1.2.3/32"], "10.1.2.2", false),
        (["127.0.0.1/32"], "127.0.0.1", true), (["127.0.0.1/32"], "::1", false), (["::1/128"], "::1", true), (["fd12::/16"], "fd12::1", true),
        (["169.254.0.0/16"], "169.254.1.1", true), (["169.254.0.0/16"], "169.254.169.254", false), (["100.64.0.0/10"], "100.100.100.200", false),
        (["fd00::/8"], "fd00:ec2::254", false), (["10.0.0.0/8"], "::ffff:10.0.0.1", false), (["64:ff9b::/96"], "64:ff9b::8.8.8.8", true),
        (["64:ff9b::/96"], "64:ff9b::10.0.0.1", false), (["64:ff9b::/96", "10.0.0.0/8"], "64:ff9b::10.0.0.1", true),
        (["64:ff9b::/96"], "64:ff9b::169.254.169.254", false), (["64:ff9b:1::/96"], "64:ff9b:1::8.8.8.8", true),
        (["64:ff9b:1::/96"], "64:ff9b:1:1::8.8.8.8", false), (["::ffff:0.0.0.0/96"], "::ffff:8.8.8.8", true),
        (["::ffff:0.0.0.0/96"], "::ffff:127.0.0.1", false), (["64:ff9b::/96", "169.254.0.0/16"], "64:ff9b::169.254.169.254", false),
    ]

    @Test("an operator's exception holds for its network, and neither metadata nor a carried address gets in with it", arguments: opened)
    func exceptions(networks: [String], answer: String, isDialled: Bool) throws {
        #expect(try judge([answer], open: networks).isAllowed == isDialled)
        #expect(try !judge([answer], open: networks, for: "b.example.org").isAllowed, "another host's exception")
        #expect(try !judge([answer], open: networks, for: "example.org").isAllowed, "an exception has no wildcard")
    }

    @Test("a literal address is judged at once, and an exception is for it alone")
    func literal() throws {
        var networks = PrivateNetworks()
        try networks.open(["10.1.2.3/32"], for: "10.1.2.3")
        let policy = try samplePolicy(networks)
        let decision = policy.decide(fetch: "https://10.1.2.3/", method: "GET")
        #expect(decision.isAllowed && !decision.needsAddresses && decision.addresses.map(\.description) == ["10.1.2.3"])
        #expect(policy.decide(fetch: "https://127.0.0.1/", method: "GET").refusal == .addressNotPublic)
        // A decision with addresses takes no others.
        #expect(policy.judge([try address("8.8.8.8")], for: decision) == decision)
    }

    @Test("no text of a decision names an internal address, refused or dialled")
    func silence() throws {
        let secret = ["10.77.66.55", "127.9.8.7", "fd12:3456::9", "169.254.169.254", "::ffff:10.77.66.55", "64:ff9b::a4d:4237"]
        var decisions = [try judge(secret), try judge(secret + ["8.8.8.8"]), try judge(secret, open: ["10.77.66.0/24"])]
        let policy = try samplePolicy()
        for host in ["10.1.2.3", "127.0.0.1", "169.254.169.254", "[fd12:3456::9]", "[::ffff:10.1.2.3]"] {
            decisions.append(policy.decide(fetch: "https://\(host)/", method: "GET"))
            decisions.append(policy.decide(connect: "\(host):443"))
        }
        let forbidden = secret + ["10.77.66", "10.1.2.3", "127.0.0.1", "169.254"]
        for decision in decisions {
            let texts = decision.steps.map(\.detail) + [decision.refusal?.description ?? ""]
            for word in forbidden { #expect(!texts.contains { $0.contains(word) }, "\(word) in \(texts)") }
        }
        #expect(decisions.allSatisfy { !$0.steps.isEmpty })
    }

    @Test("more answers than are looked at are not dialled")
    func many() throws {
        let answers = (0..<100).map { IPAddress.v4(0x0808_0000 + UInt32($0)) }
        let policy = try samplePolicy()
        let decision = policy.judge(answers, for: policy.decide(fetch: "https://a.example.org/", method: "GET"))
        #expect(decision.addresses.count == Limits.answersMax)
    }
}
