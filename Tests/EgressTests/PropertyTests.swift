import Egress
import Registry
import Testing
import TestKit

@Suite("Egress: what holds for every input")
struct PropertyTests {
    private static let pieces = [
        "https", "http", "HTTP", "file", ":", "://", "/", "//", "\\", "@", "#", "?", ".", "..", "%2e", "%2F", "%", "%25", "%00", "[", "]", "::",
        "[::1]",
        "a.example", "A.EXAMPLE.", "evil.net", "x.a.example", "b.example", "xn--mnchen-3ya", "xn--", "-", "--", "_", "127.0.0.1", "0x7f", "1", "0",
        "010",
        "443", ":443", ":8443", ":80", ":0", ":65536", ";", "v1", "/v1/", "\t", "\n", " ", "\u{0}", "ä", "。", "&", "=", "*", "~", "64:ff9b::1.2.3.4",
        "2606:4700::1", "10.0.0.1", "8.8.8.8",
    ]

    /// Mostly a URL, sometimes one with something wrong in some place, sometimes a heap of pieces.
    private static func text(_ random: inout SeededRandom) -> String {
        func pick(_ from: [String]) -> String { from.randomElement(using: &random) ?? "" }
        if Int.random(in: 0..<4, using: &random) == 0 { return (0..<Int.random(in: 0..<12, using: &random)).map { _ in pick(pieces) }.joined() }
        var parts = [
            pick(["https://", "http://", "HTTPS://"]),
            pick(["a.example", "A.Example.", "x.b.example", "b.example", "evila.example", "8.8.8.8", "[2606::1]"]),
            pick(["", "", ":443", ":8443", ":80"]), pick(["", "/", "/v1/x", "/v1/%41/b;c", "/v2", "/v1//x"]), pick(["", "", "?", "?x=1&y=%20/?"]),
        ]
        for _ in 0..<Int.random(in: 0..<3, using: &random) { parts.insert(pick(pieces), at: Int.random(in: 0...parts.count, using: &random)) }
        return parts.joined()
    }

    @Test("a URL that is read is written as itself, and reads the same again")
    func roundTrip() throws {
        var random = SeededRandom()
        var count = 0
        for _ in 0..<20_000 {
            let text = Self.text(&random)
            guard refusal(of: text) == nil else { continue }
            count += 1
            let url = try EgressURL(text)
            let again = try EgressURL(url.description)
            #expect(again == url && again.description == url.description, "\(text.debugDescription), LIMEN_SEED=\(random.seed)")
            #expect(
                text.hasSuffix(url.target) || url.target == "/" || text.hasSuffix(url.target.dropFirst()),
                "path and query changed: \(text.debugDescription)")
            #expect(url.description.utf8.allSatisfy { (0x21...0x7e).contains($0) && $0 != UInt8(ascii: "\\") && $0 != UInt8(ascii: "#") })
        }
        #expect(count > 3000, "too few URLs were read to show anything: \(count)")
    }

    @Test("no allowed URL has a host, port, method or path outside the list, as a second matcher sees it")
    func insideTheList() throws {
        let policy = try EgressPolicy(
            grant(
                EgressRule(host: "a.example", ports: [443, 8443], paths: ["/v1/*"]), EgressRule(host: "*.b.example"),
                EgressRule(scheme: .http, host: "8.8.8.8")))
        var random = SeededRandom()
        var count = 0
        for _ in 0..<20_000 {
            let (text, method) = (Self.text(&random), ["GET", "HEAD", "POST", "get"].randomElement(using: &random) ?? "")
            let decision = policy.decide(fetch: text, method: method)
            guard decision.isAllowed else {
                #expect(decision.target == nil && decision.addresses.isEmpty)
                continue
            }
            count += 1
            let url = try #require(decision.target?.url)
            #expect(isListed("\(url)") && ["GET", "HEAD"].contains(method), "\(text.debugDescription) \(method), LIMEN_SEED=\(random.seed)")
            #expect(decision.target?.host == url.host && decision.target?.port == url.port)
        }
        #expect(count > 300, "too few URLs were allowed to show anything: \(count)")
    }

    /// The same list as regular expressions on the URL's one text: another way to say it, so that both would have to be wrong.
    private func isListed(_ text: String) -> Bool {
        text.wholeMatch(of: /https:\/\/a\.example(:8443)?\/v1\/[^?]*(\?.*)?/) != nil
            || text.wholeMatch(of: /https:\/\/([a-z0-9-]+\.)+b\.example\/.*/) != nil || text.wholeMatch(of: /http:\/\/8\.8\.8\.8\/.*/) != nil
    }

    @Test("every address reads again from its text, and the text of an address is one form")
    func addresses() throws {
        var random = SeededRandom()
        for _ in 0..<5000 {
            // Zeros in whole groups, so that :: has something to stand for.
            let groups = (0..<8).map { _ in Bool.random(using: &random) ? 0 : UInt128.random(in: 0...0xffff, using: &random) }
            for given in [IPAddress.v6(groups.reduce(0) { $0 << 16 | $1 }), .v4(.random(in: 0 ... .max, using: &random))] {
                let again = try #require(IPAddress(given.description), "\(given)")
                #expect(again == given && again.description == given.description, "LIMEN_SEED=\(random.seed)")
            }
        }
    }

    @Test("what is dialled is public, whatever a resolver answers")
    func dialledIsPublic() throws {
        let policy = try EgressPolicy(grant(EgressRule(host: "a.example")))
        let before = policy.decide(fetch: "https://a.example/", method: "GET")
        var random = SeededRandom()
        let inside: [IPAddress] = (SpecialBlock.ipv4 + SpecialBlock.ipv6 + SpecialBlock.metadata).map(\.network.address)
        for _ in 0..<2000 {
            let answers: [IPAddress] = (0..<Int.random(in: 0..<6, using: &random)).map { _ in
                Bool.random(using: &random) ? inside.randomElement(using: &random) ?? .v4(0) : .v4(.random(in: 0 ... .max, using: &random))
            }
            let decision = policy.judge(answers, for: before)
            #expect(decision.addresses.allSatisfy { AddressClass($0).isPublic && answers.contains($0) }, "LIMEN_SEED=\(random.seed)")
            #expect(decision.isAllowed == !decision.addresses.isEmpty)
        }
    }

    @Test("every rule has a text of its own, which a plugin may read: no address and no control character in it")
    func texts() {
        let texts = EgressRefusal.allCases.map(\.explanation)
        #expect(Set(texts).count == texts.count && !texts.contains("the request is not allowed"))
        for text in texts {
            #expect(text.utf8.allSatisfy { (0x20...0x7e).contains($0) } && text.firstMatch(of: /[0-9]+\.[0-9]+\.[0-9]+/) == nil, "\(text)")
        }
    }
}
