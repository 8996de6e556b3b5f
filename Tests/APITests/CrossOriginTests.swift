import Testing

@testable import API

@Suite("API: pages of other origins")
struct CrossOriginTests {
    private static let origin = "https://app.example.org"
    private func fixture() throws -> Fixture { try Fixture.with { $0.corsOrigins = [Self.origin, "http://localhost:3000"] } }

    private func corsHeaders(_ response: APIResponse) -> [String] {
        response.headers.map(\.name).filter { $0.hasPrefix("Access-Control-") }
    }

    @Test(
        "an origin on the list may read replies, failures too; never all, never with credentials (API-9)",
        arguments: ["/v1/tools", "/v1/none", "/healthz"])
    func allowed(path: String) async throws {
        let response = try await fixture().send("GET", path, headers: [("Origin", Self.origin)])
        #expect(response.header("Access-Control-Allow-Origin") == Self.origin)
        #expect(response.header("Access-Control-Allow-Credentials") == nil)
        #expect(response.header("Vary")?.contains("Origin") == true)
        #expect(response.header("Access-Control-Expose-Headers")?.contains("X-Request-Id") == true)
    }

    @Test(
        "every other origin gets no CORS field, and caches are told that it depends (API-9)",
        arguments: [
            "https://evil.example", "null", "https://app.example.org.evil.example", "https://app.example.org:8443", "http://app.example.org",
            "https://APP.example.org", "https://app.example.org/", "*", "", "https://sub.app.example.org", "http://localhost:3001",
            "http://localhost",
        ])
    func denied(origin: String) async throws {
        for method in ["GET", "OPTIONS"] {
            let response = try await fixture().send(
                method, "/v1/tools", headers: [("Origin", origin), ("Access-Control-Request-Method", "GET")])
            #expect(corsHeaders(response) == [])
            #expect(response.header("Vary")?.contains("Origin") == true)
        }
    }

    @Test("two origins are none, and a request without one gets no CORS field")
    func odd() async throws {
        #expect(corsHeaders(try await fixture().send("GET", "/v1/tools", headers: [("Origin", Self.origin), ("Origin", Self.origin)])) == [])
        #expect(corsHeaders(try await fixture().send("GET", "/v1/tools")) == [])
    }

    @Test("without a list nobody is allowed, and nothing depends on the origin (API-9)")
    func off() async throws {
        let response = try await Fixture.shared().send(
            "OPTIONS", "/v1/tools", headers: [("Origin", Self.origin), ("Access-Control-Request-Method", "GET")], key: nil)
        #expect(response.status == 204 && corsHeaders(response) == [] && response.header("Vary") == nil)
    }

    @Test("a preflight needs no key, names the path's methods and may be kept (API-9)")
    func preflight() async throws {
        let response = try await fixture().send(
            "OPTIONS", "/v1/tools/a.echo/invoke",
            headers: [("Origin", Self.origin), ("Access-Control-Request-Method", "POST"), ("Access-Control-Request-Headers", "authorization")],
            key: nil)
        #expect(response.status == 204 && response.bytes.isEmpty)
        #expect(response.header("Access-Control-Allow-Methods") == "POST, OPTIONS")
        #expect(response.header("Access-Control-Allow-Headers")?.contains("Authorization") == true)
        #expect(response.header("Access-Control-Max-Age") == "600")
        let vary = response.header("Vary") ?? ""
        #expect(["Origin", "Access-Control-Request-Method", "Access-Control-Request-Headers"].allSatisfy { vary.contains($0) })
    }

    @Test("every path says by OPTIONS which methods it takes, without a key; a path that is none is 404", arguments: RouteWalkTests.routes.indices)
    func options(index: Int) async throws {
        let route = RouteWalkTests.routes[index]
        let response = try await Fixture.shared().send("OPTIONS", RouteWalkTests.example(route).path, key: nil)
        #expect(response.status == 204)
        let methods = response.header("Allow")?.split(separator: ", ").map(String.init) ?? []
        #expect(methods.contains(route.method) && methods.contains("OPTIONS") && methods.contains("HEAD") == methods.contains("GET"))
        #expect(try await Fixture.shared().send("OPTIONS", "/v1/none", key: nil).status == 404)
        #expect(try await Fixture.shared().send("OPTIONS", "*", key: nil).status == 204)
    }
}
