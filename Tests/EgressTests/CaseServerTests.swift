import EgressCases
import HTTP
import Registry
import Telemetry
import TestKit
import Testing

@testable import Egress
@testable import IO

/// Servers that are broken, slow, or somebody else, and what the name service may say of them.
@Suite("Egress: cases of servers", .serialized, .timeLimit(.minutes(2))) struct CaseServerTests {
    @Test("a broken, endless, slow or silent server costs its own request alone, by phase, and the next one is served")
    func upstream() async throws {
        let street = try Street()
        var scripts: [String: RawUpstream.Script] = [:]
        for (index, item) in EgressCases.upstreams.enumerated() { scripts["/raw/\(index)"] = item.script }
        let raw = try RawUpstream(scripts)
        street.name("api.test", "127.0.0.1")
        let granted = try CaseTests.access(street, raw.port, open: ["api.test"])
        for (index, item) in EgressCases.upstreams.enumerated() {
            let patience = item.expected == "failed time-out" ? 400 : nil
            let reply = try await street.fetch(EgressRequest("http://api.test:\(raw.port)/raw/\(index)", timeoutMilliseconds: patience), granted)
            #expect(reply.outcome == item.expected && EgressCases.keepsQuiet(reply.message), "\(item.name): \(reply.outcome) \(reply.message)")
        }
        #expect(street.proxy.running == 0)
        await street.stop()
    }

    private static func fetch(_ url: String, _ proxy: EgressProxy, _ access: EgressAccess, _ street: Street) async throws -> Result<
        EgressReply, EgressError
    > {
        try await OwnedTask<Result<EgressReply, EgressError>>(on: street.group.loops[0]) {
            let caller = EgressCaller(plugin: "p", tenant: "t", requestID: "r")
            do throws(EgressError) {
                let reply = try await proxy.fetch(EgressRequest(url), access: access, caller: caller, before: 0, until: .after(milliseconds: 10_000))
                return Result.success(reply)
            } catch {
                return Result.failure(error)
            }
        }.value
    }

    @Test("https goes to whom the certificate is for, now, of an authority that is trusted, and not below TLS 1.2")
    func tls() async throws {
        let street = try Street()
        let ((own, revocations), stranger) = (try TLSCaseServer.authority(), try TestAuthority(name: "stranger"))
        let resolver = try Resolver(on: street.group.loops[0], threads: 2, queueMax: 64) { _ in .success([[127, 0, 0, 1]]) }
        let context = try TLSClientContext(authorities: own.root, revocations: revocations)
        let proxy = EgressProxy(dialer: EgressDialer(resolver: resolver, tls: context), log: Log())
        for item in EgressCases.certificates {
            let server = try TLSCaseServer(case: item.name, own: own, stranger: stranger)
            let port = server.port
            let access = try street.access([EgressRule(host: "api.test", ports: [port])], open: ["api.test"])
            let reply = try await Self.fetch("https://api.test:\(port)/", proxy, access, street)
            #expect(reply.outcome == item.expected && EgressCases.keepsQuiet(reply.message), "\(item.name): \(reply.outcome) \(reply.message)")
            server.stop()
        }
        proxy.close()
        resolver.close()
        await street.stop()
    }

    @Test(
        "what a DNS server says, by aliases, in both families, over TCP or otherwise the second time, is judged address by address and dialled as judged"
    )
    func dns() async throws {
        let street = try Street()
        let port = try street.serve(EgressCases.pages)
        var zone: [String: [CaseNameServer.Answer]] = [:]
        for (index, item) in EgressCases.names.enumerated() where !item.zone.isEmpty { zone["n\(index).test"] = item.zone }
        let server = try CaseNameServer(zone)
        let service = NameService(server: server.address)
        for (index, item) in EgressCases.names.enumerated() {
            // A resolver of its own: nothing is known from the case before.
            let resolver = try Resolver(on: street.group.loops[0], service: service)
            let proxy = EgressProxy(dialer: EgressDialer(resolver: resolver, tls: try TLSClientContext()), log: Log())
            let name = "n\(index).test"
            let access = try street.access([EgressRule(scheme: .http, host: name, ports: [port])], open: item.expected == "200" ? [name] : [])
            let reply = try await Self.fetch("http://\(name):\(port)/", proxy, access, street)
            #expect(reply.outcome == item.expected && EgressCases.keepsQuiet(reply.message), "\(item.name): \(reply.outcome) \(reply.message)")
            proxy.close()
            resolver.close()
        }
        let asked = server.asked
        #expect(asked.contains { $0.hasSuffix("/tcp") } && asked.contains { $0.hasSuffix("/udp") })
        #expect(asked.filter { $0 == "n9.test/1/udp" }.count == 1, "looked up once, whatever the server would say next")
        server.stop()
        await street.stop()
    }
}
