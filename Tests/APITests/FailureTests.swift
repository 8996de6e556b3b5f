import JSON
import JSONSchema
import Testing

@testable import API

@Suite("API: failures")
struct FailureTests {
    struct Case: Sendable, CustomStringConvertible {
        var description: String
        var method = "POST"
        var path = "/v1/tools/a.echo/invoke"
        var query: [(name: String, value: String)] = []
        var headers: [(String, String)] = []
        var body: String?
        var status: Int
        var code = "validation_error"
    }

    static let cases: [Case] = [
        Case(description: "unknown route", method: "GET", path: "/v1/nothing", status: 404, code: "not_found"),
        Case(description: "no version", method: "GET", path: "/tools", status: 404, code: "not_found"),
        Case(description: "empty segment", method: "GET", path: "/v1//tools", status: 404, code: "not_found"),
        Case(description: "trailing slash", method: "GET", path: "/v1/tools/", status: 404, code: "not_found"),
        Case(description: "unknown tool", method: "GET", path: "/v1/tools/x.y", status: 404, code: "not_found"),
        Case(description: "name where an id is wanted", method: "GET", path: "/v1/tools/unique", status: 404, code: "not_found"),
        Case(description: "wrong method", method: "DELETE", path: "/v1/tools", status: 405),
        Case(description: "TRACE", method: "TRACE", path: "/v1/tools", status: 405),
        Case(description: "no coding that we have", headers: [("Accept-Encoding", "br, identity;q=0")], body: #"{"input":{}}"#, status: 406),
        Case(description: "not acceptable", headers: [("Accept", "image/png")], body: #"{"input":{}}"#, status: 406),
        Case(description: "HTML of a tool that makes none", headers: [("Accept", "text/html")], body: #"{"input":{}}"#, status: 406),
        Case(description: "body where none is taken", method: "GET", path: "/v1/tools", body: "{}", status: 413),
        Case(description: "too long", body: #"{"input":""# + String(repeating: "x", count: 2_200_000) + #""}"#, status: 413),
        Case(description: "text", headers: [("Content-Type", "text/plain")], body: "{}", status: 415),
        Case(description: "latin-1", headers: [("Content-Type", "application/json; charset=iso-8859-1")], body: "{}", status: 415),
        Case(description: "gzip", headers: [("Content-Encoding", "gzip")], body: "{}", status: 415),
        Case(description: "no body", body: "", status: 400),
        Case(description: "malformed", body: "{", status: 400),
        Case(description: "null", body: "null", status: 400),
        Case(description: "array", body: "[]", status: 400),
        Case(description: "number", body: "1e999", status: 400),
        Case(description: "input missing", body: "{}", status: 400),
        Case(description: "unknown field", body: #"{"input":{},"tenant_id":"other"}"#, status: 400),
        Case(description: "duplicate key", body: #"{"input":{},"input":{}}"#, status: 400),
        Case(description: "lone surrogate", body: #"{"input":"\ud800"}"#, status: 400),
        Case(description: "deep", body: #"{"input":"# + String(repeating: "[", count: 500) + String(repeating: "]", count: 500) + "}", status: 400),
        Case(description: "wrong type", body: #"{"input":{},"context_ids":"c"}"#, status: 400),
        Case(description: "null id", body: #"{"input":{},"conversation_id":null}"#, status: 400),
        Case(description: "limit zero", method: "GET", path: "/v1/tools", query: [("limit", "0")], status: 400),
        Case(description: "limit above the most", method: "GET", path: "/v1/tools", query: [("limit", "501")], status: 400),
        Case(description: "limit a word", method: "GET", path: "/v1/tools", query: [("limit", "many")], status: 400),
        Case(description: "limit huge", method: "GET", path: "/v1/tools", query: [("limit", "99999999999999999999")], status: 400),
        Case(description: "limit twice", method: "GET", path: "/v1/tools", query: [("limit", "1"), ("limit", "2")], status: 400),
        Case(description: "unknown parameter", method: "GET", path: "/v1/tools", query: [("tenant", "other")], status: 400),
        Case(description: "a cursor of nobody", method: "GET", path: "/v1/tools", query: [("cursor", "zzz")], status: 400),
        Case(description: "ambiguous name", path: "/v1/tools/run", body: #"{"tool_id":"echo","input":{}}"#, status: 409, code: "conflict"),
        Case(description: "tool id with a slash", path: "/v1/tools/run", body: #"{"tool_id":"../echo","input":{}}"#, status: 400),
        Case(description: "broken tool", path: "/v1/tools/b.crash/invoke", body: #"{"input":{}}"#, status: 503, code: "server_error"),
        Case(description: "no such plugin", path: "/v1/admin/plugins/zzz/enable", status: 404, code: "not_found"),
        Case(description: "plugin name with dots", path: "/v1/admin/plugins/a.b/enable", status: 400),
        Case(description: "idempotency key with a space", headers: [("Idempotency-Key", "a b")], body: #"{"input":{}}"#, status: 400),
        Case(
            description: "two idempotency keys", headers: [("Idempotency-Key", "a"), ("Idempotency-Key", "b")], body: #"{"input":{}}"#, status: 400),
    ]

    @Test("each failure is the one envelope with a published code and its own status (API-1, API-8, API-13)", arguments: cases)
    func envelope(example: Case) async throws {
        let response = try await Fixture.shared().send(
            example.method, example.path, query: example.query, headers: example.headers, body: example.body)
        #expect(response.status == example.status)
        let json = try response.json
        #expect(json["error"]?["code"]?.stringValue == example.code)
        #expect(try CompiledSchema(Envelope.failureSchema).validate(json) == [])
        #expect(response.header("Content-Type") == "application/json")
    }

    @Test("a wrong method names the right ones in Allow")
    func allow() async throws {
        let response = try await Fixture.shared().send("PUT", "/v1/tools/a.echo")
        #expect(response.header("Allow") == "GET, HEAD, OPTIONS")
    }

    @Test("a body that fails its schema names place, keyword and message (API-5)")
    func pointers() async throws {
        let response = try await Fixture.shared().send("POST", "/v1/tools/a.echo/invoke", body: #"{"input":{},"context_ids":["",7]}"#)
        let errors = try #require(response.json["error"]?["details"]?["errors"]?.arrayValue)
        #expect(Set(errors.compactMap { $0["instance_path"]?.stringValue }) == ["/context_ids/0", "/context_ids/1"])
        #expect(errors.allSatisfy { $0["keyword"]?.stringValue?.isEmpty == false && $0["message"]?.stringValue?.isEmpty == false })
    }

    @Test(
        "what the protocol refuses says validation_error, what we break says server_error (API-1)",
        arguments: [405, 406, 408, 411, 413, 414, 415, 421, 426, 431, 500, 503])
    func statusCodes(status: Int) {
        #expect(ErrorCode(status: status) == (status >= 500 ? .serverError : .validationError))
    }
}
