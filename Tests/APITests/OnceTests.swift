import HTTP
import IO
import JSON
import Store
import Testing

@testable import API

/// A route with an effect that is counted, and that ends as the body says.
private final class Effects: Sendable {
    private let count = Lock(0)
    private let gate = Lock<CheckedContinuation<Void, Never>?>(nil)
    var happened: Int { count.withLock { $0 } }
    func happen() -> Int {
        count.withLock {
            $0 += 1
            return $0
        }
    }

    var routes: [Route] {
        let body: JSONValue = ["type": "object", "properties": ["how": ["type": "string"], "client_request_id": ["type": "string"]]]
        let act = Route.post("/v1/act", "act", tag: "t", "s", access: .user, limitClass: .writes, body: body, data: [:], produces: [.json, .events]) {
            context throws(APIError) in
            let number = self.happen()
            switch context.body["how"]?.stringValue {
            case "slow":
                do { try await Task.sleep(for: .milliseconds(100)) } catch { throw .unexpected }
            case "endless":
                do { try await EventLoop.current?.sleep(until: .after(milliseconds: 2_500)) } catch { throw .unexpected }
            case "refused": throw .invalid("no")
            case "late": throw .unexpected
            case "unsure": throw APIError(storing: StoreError(.timedOut, "a commit without an answer"))
            case "full": throw APIError(storing: StoreError(.overloaded, "the queue is full"))
            case "long": return .data(.string(String(repeating: "x", count: StoreLimits.idempotencyBodyBytesMax)))
            case "broken":
                return .events { sink in
                    try await sink.send("token", "a")
                    throw CancellationError()
                }
            case "data":
                return .dataEvents { write in
                    try await write("\(number)")
                    try await write("[DONE]")
                }
            case "data-broken":
                return .dataEvents { write in
                    try await write("\(number)")
                    throw CancellationError()
                }
            case "data-failed": return .dataEvents { _ in throw APIError.invalid("no") }
            default: break
            }
            guard context.accepts == .events else { return .data(["number": JSONValue(number)]) }
            return .events { sink in
                try await sink.send("token", "a")
                try await sink.send("result", ["number": JSONValue(number)])
            }
        }
        let once = Route.post("/v1/show", "show", tag: "t", "s", access: .user, limitClass: .writes, data: [:]) { _ throws(APIError) in
            .data(["secret": "s\(self.happen())"])
        }
        return [act, once.showingOnce]
    }
}

@Suite("API: idempotency keys")
struct OnceTests {
    @Test("a write whose outcome nobody knows is not made again by the same key; one that was not begun is (API-4)")
    func unsure() async throws {
        try await with { fixture, effects in
            func send(_ how: String) async -> APIResponse {
                await fixture.send("POST", "/v1/act", headers: [("Idempotency-Key", how)], body: #"{"how":"\#(how)"}"#)
            }
            #expect(await send("unsure").status == 503)
            let again = await send("unsure")
            #expect(again.status == 409 && effects.happened == 1)
            let reason = try again.json["error"]?["details"]?["reason"]
            #expect(reason == "outcome_unknown")
            #expect(await send("full").status == 503)
            #expect(await send("full").status == 503 && effects.happened == 3)
        }
    }

    @Test("a stream of data alone is answered whole to the same key; one that broke is not begun again, one that was refused is (API-4)")
    func data() async throws {
        try await with { fixture, effects in
            func send(_ how: String) async -> (status: Int, data: [String]) {
                let response = await fixture.send("POST", "/v1/act", headers: [("Idempotency-Key", how)], body: #"{"how":"\#(how)"}"#)
                guard case .dataEvents(let run) = response.body else { return (response.status, []) }
                let data = Lock<[String]>([])
                // The stream that breaks is meant to.
                try? await run { piece in data.withLock { $0.append(piece) } }
                return (response.status, data.withLock { $0 })
            }
            #expect(await send("data").data == ["1", "[DONE]"])
            #expect(await send("data").data == ["1", "[DONE]"] && effects.happened == 1)
            #expect(await send("data-broken").data == ["2"])
            #expect(await send("data-broken").status == 409 && effects.happened == 2)
            #expect(await send("data-failed").data.count == 1)
            #expect(await send("data-failed").data.count == 1 && effects.happened == 4)
        }
    }

    @Test("a request that takes longer than its key's lease is running until it has ended, and its answer is kept then (API-4)")
    func long() async throws {
        let group = try EventLoopGroup(count: 1)
        try await with { fixture, effects in
            let first = OwnedTask(on: group.loops[0]) { await self.act(fixture, "k", #"{"how":"endless"}"#) }
            for _ in 0..<6 {
                try await Task.sleep(for: .milliseconds(300))
                let beside = await act(fixture, "k", #"{"how":"endless"}"#)
                #expect(beside.status == 409 && reason(beside) == "idempotency_key_running")
            }
            #expect(try await first.value.status == 200)
            let again = await act(fixture, "k", #"{"how":"endless"}"#)
            #expect(again.status == 200 && again.header("Idempotency-Replayed") == "true" && effects.happened == 1)
        }
    }

    private func with(_ body: (Fixture, Effects) async throws -> Void) async throws {
        try await withDatabase { database in
            let effects = Effects()
            try await body(
                try Fixture(checks: [], extra: effects.routes, requests: IdempotencyStore(database: database, leaseMilliseconds: 1_000)), effects)
        }
    }

    private func act(
        _ fixture: Fixture, _ key: String?, _ body: String = "{}", accept: String = "application/json", as who: String = Fixture.key
    ) async -> APIResponse {
        var headers = [("Accept", accept)]
        if let key { headers.append(("Idempotency-Key", key)) }
        return await fixture.send("POST", "/v1/act", headers: headers, body: body, key: who)
    }

    private func reason(_ response: APIResponse) -> String? {
        do { return try response.json["error"]?["details"]?["reason"]?.stringValue } catch { return "no JSON: \(error)" }
    }

    @Test("of 100 equal requests with one key one runs; those beside it hear 409, those after it its very answer (API-4)")
    func once() async throws {
        try await with { fixture, effects in
            let replies = await withTaskGroup(of: APIResponse.self) { group in
                for _ in 0..<100 { group.addTask { await act(fixture, "k", #"{"how":"slow"}"#) } }
                return await group.reduce(into: [APIResponse]()) { $0.append($1) }
            }
            #expect(effects.happened == 1)
            let done = replies.filter { $0.status == 200 }
            let running = replies.filter { $0.status == 409 }
            #expect(!done.isEmpty && done.count + running.count == 100)
            for reply in running {
                #expect(reason(reply) == "idempotency_key_running")
                #expect(reply.header("Retry-After") == "1")
            }
            let later = await act(fixture, "k", #"{"how":"slow"}"#)
            #expect(later.status == 200 && later.bytes == done[0].bytes && later.header("Idempotency-Replayed") == "true")
            #expect(effects.happened == 1)
        }
    }

    @Test("a key stands for one request of one caller: another body, path or form is a conflict, another caller's key is another (API-4)")
    func reused() async throws {
        try await with { fixture, effects in
            #expect(await act(fixture, "k").status == 200)
            #expect(reason(await act(fixture, "k", #"{"how":"other"}"#)) == "idempotency_key_reused")
            #expect(reason(await act(fixture, "k", accept: "text/event-stream")) == "idempotency_key_reused")
            #expect(await act(fixture, "k", as: "user").status == 200)
            #expect(await act(fixture, nil).status == 200)
            #expect(effects.happened == 3)
            #expect(await act(fixture, "bad key").status == 400)
        }
    }

    @Test("client_request_id of the body is the key where no header is, and the header wins (API-4)")
    func fromBody() async throws {
        try await with { fixture, effects in
            for _ in 0..<2 { #expect(await act(fixture, nil, #"{"client_request_id":"c"}"#).status == 200) }
            #expect(effects.happened == 1)
            #expect(await act(fixture, "other", #"{"client_request_id":"c"}"#).status == 200)
            #expect(effects.happened == 2)
        }
    }

    @Test("a refusal gives the key back; a failure after which something may have been done is kept (API-4)")
    func failures() async throws {
        try await with { fixture, effects in
            for _ in 0..<2 { #expect(await act(fixture, "r", #"{"how":"refused"}"#).status == 400) }
            #expect(effects.happened == 2)
            for _ in 0..<2 { #expect(await act(fixture, "l", #"{"how":"late"}"#).status == 500) }
            #expect(effects.happened == 3)
        }
    }

    @Test("what is too long to keep is not done again, and what is shown once is neither kept nor shown again (API-4, AUTH-13)")
    func notKept() async throws {
        try await with { fixture, effects in
            #expect(await act(fixture, "k", #"{"how":"long"}"#).status == 200)
            #expect(reason(await act(fixture, "k", #"{"how":"long"}"#)) == "reply_not_kept")
            let first = await fixture.send("POST", "/v1/show", headers: [("Idempotency-Key", "s")])
            #expect(String(decoding: first.bytes, as: UTF8.self).contains("s2"))
            let again = await fixture.send("POST", "/v1/show", headers: [("Idempotency-Key", "s")])
            #expect(reason(again) == "shown_once")
            #expect(!String(decoding: again.bytes, as: UTF8.self).contains("s2"))
            #expect(effects.happened == 2)
        }
    }

    @Test("a stream with a key answers later requests with the event that ended it (API-4)")
    func streams() async throws {
        try await with { fixture, effects in
            for round in 0..<2 {
                let response = await act(fixture, "k", accept: "text/event-stream")
                guard case .events(let run) = response.body else {
                    Issue.record("no stream")
                    return
                }
                let sink = RecordingSink()
                try await run(sink)
                #expect(sink.events.map(\.event) == (round == 0 ? ["token", "result"] : ["result"]))
                #expect(sink.events.last?.data == ["number": 1])
            }
            #expect(effects.happened == 1)
        }
    }

    @Test("a request whose end nobody saw is not done again: the key says so, whether its stream broke or its host died (API-4)")
    func lost() async throws {
        try await with { fixture, effects in
            guard case .events(let run) = await act(fixture, "k", #"{"how":"broken"}"#, accept: "text/event-stream").body else {
                Issue.record("no stream")
                return
            }
            await #expect(throws: CancellationError.self) { try await run(RecordingSink()) }
            guard case .events(let again) = await act(fixture, "k", #"{"how":"broken"}"#, accept: "text/event-stream").body else {
                Issue.record("no stream")
                return
            }
            let sink = RecordingSink()
            try await again(sink)
            #expect(sink.events.map(\.event) == ["error"])
            #expect(sink.events.first?.data["details"]?["reason"] == "outcome_unknown")
            // A stream that nobody ran holds its key like a host that died.
            _ = await act(fixture, "dead", accept: "text/event-stream")
            #expect(reason(await act(fixture, "dead", accept: "text/event-stream")) == "idempotency_key_running")
            try await Task.sleep(for: .milliseconds(1_100))
            #expect(reason(await act(fixture, "dead", accept: "text/event-stream")) == "outcome_unknown")
            #expect(effects.happened == 2)
        }
    }

    @Test("every POST with an effect of whoever signed in takes a key, and the document says so (API-4)")
    func everyPost() {
        for route in RouteWalkTests.routes {
            #expect(route.idempotent == (route.method == "POST" && route.access != .anonymous), "\(route.operation)")
        }
    }
}
