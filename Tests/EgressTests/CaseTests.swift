import EgressCases
import IO
import Registry
import Testing

@testable import Egress

/// Each case (`EgressCases`) against the proxy, with servers that the suite starts. `EscapeTests` puts the same to the whole host, through jailed plugins.
@Suite("Egress: cases", .serialized, .timeLimit(.minutes(2))) struct CaseTests {
    @Test("there are at least a hundred cases, each with a name of its own")
    func counted() {
        let all = EgressCases.all
        print("egress cases: \(all.count)")
        #expect(Set(all).count == all.count && all.count >= 100)
    }

    @Test("requests and redirects: each is allowed, or refused by exactly its rule, before any look-up where the text is enough")
    func requests() async throws {
        let street = try Street()
        let port = try street.serve(EgressCases.pages)
        for name in ["api.test", "a.sub.test", "inside.test"] { street.name(name, "127.0.0.1") }
        let granted = try Self.access(street, port, open: EgressCases.hosts.opened)
        for item in EgressCases.policy + EgressCases.redirects {
            let before = street.asked.value.count
            let url = item.url.replacing("PORT", with: "\(port)")
            let request = EgressRequest(url, method: item.method, fields: item.fields, followsRedirects: item.follows)
            let reply = try await street.fetch(request, granted)
            #expect(reply.outcome == item.expected, "\(item.name): \(reply.outcome) \(reply.message)")
            #expect(EgressCases.keepsQuiet(reply.message), "\(item.name): \(reply.message)")
            if item.isSilent { #expect(street.asked.value.count == before, "\(item.name) asked the name service") }
            #expect(
                street.proxy.records.latest(1).first?.outcome.label == (item.expected.hasPrefix("refused") ? "refused" : "allowed"), "\(item.name)")
        }
        await street.stop()
    }

    @Test("whatever special address a name resolves to, nothing is dialled and nobody learns it")
    func resolved() async throws {
        let street = try Street()
        let port = try street.serve(EgressCases.pages)
        for (index, item) in EgressCases.addresses.enumerated() {
            let name = "n\(index).test"
            street.name(name, item.address)
            let reply = try await street.fetch(EgressRequest("http://\(name):\(port)/"), Self.access(street, port, open: [], [name]))
            #expect(
                reply.outcome == "refused address_not_public" && EgressCases.keepsQuiet(reply.message),
                "\(item.name): \(reply.outcome) \(reply.message)")
        }
        #expect(street.connections == 0)
        await street.stop()
    }

    @Test("the CONNECT proxy opens what a rule with socket: true names, and answers everything else with its status")
    func connect() async throws {
        let bench = try await TunnelBench()
        for item in EgressCases.tunnels {
            let client = try TunnelClient(bench.address)
            try client.send(Array(item.request.replacing("PORT", with: "\(bench.upstream.address.port)").utf8))
            let answer = client.receiveHead()
            #expect(answer.hasPrefix("HTTP/1.1 \(item.expected) ") && EgressCases.keepsQuiet(answer), "\(item.name): \(answer)")
        }
        #expect(bench.becomesEmpty())
        await bench.stop()
    }

    static func access(_ street: Street, _ port: Int, open: [String], _ more: [String] = []) throws -> EgressAccess {
        try street.access(EgressCases.rules(EgressCases.hosts.granted + more, port: port), open: open) { grant in
            (grant.ratePerMinute, grant.requestsMax) = (100_000, 100_000)
        }
    }
}
