import IO
import JSON
import Store
import Telemetry

/// Requests that have their effect once however often they are sent (API-4; draft-ietf-httpapi-idempotency-key-header): the key is claimed by one atomic
/// statement before the handler runs, and what the handler answered is kept for 24 hours. A failure is kept only when something may have been done.
extension Dispatcher {
    /// Runs a route's handler, or answers what it answered before to the same key.
    func once(_ route: CompiledRoute, _ context: RequestContext, _ request: APIRequest) async throws(APIError) -> APIResponse {
        guard let key = context.idempotencyKey, let requests else { return try await handle(route, context, request) }
        let caller = context.principal
        let scope = "\(caller.tenant)\n\(caller.id)\n\(route.route.method) \(route.template)"
        let outcome: IdempotencyStore.Outcome
        do {
            outcome = try await requests.claim(key, scope: scope, request: Self.material(context, request))
        } catch {
            log.error("an idempotency key could not be claimed", [("request_id", .string(context.requestID)), ("cause", .string("\(error)"))])
            throw APIError(storing: error)
        }
        switch outcome {
        case .begin(let claim):
            return try await begin(
                Turn(claim: claim, requests: requests, log: log, identity: (request.path, context.requestID)), route, context, request)
        case .replay(let reply): return replay(reply)
        case .running: throw Self.refusal("idempotency_key_running", "The request with this idempotency key is still running.", retrySeconds: 1)
        case .reused: throw Self.refusal("idempotency_key_reused", "This idempotency key stands for another request.")
        case .lost: throw Self.lost
        }
    }

    /// All of a request that makes a difference to what it asks.
    private static func material(_ context: RequestContext, _ request: APIRequest) -> [UInt8] {
        var bytes = Array("\(request.path)\n\(context.accepts.rawValue)\n".utf8)
        for (name, value) in request.query { bytes += Array("\(name)=\(value)\n".utf8) }
        return bytes + request.body
    }

    private static func refusal(_ reason: String, _ message: String, retrySeconds: Int? = nil) -> APIError {
        APIError(
            .conflict, message, details: ["reason": .string(reason)], headers: retrySeconds.map { [("Retry-After", String($0))] } ?? [])
    }

    fileprivate static let lost = refusal(
        "outcome_unknown", "The request with this idempotency key ended without a word: look whether it was done, then use another key.")
    private static let shown = refusal("shown_once", "This was done; what it showed is shown once and kept nowhere.")
    fileprivate static let notKept = refusal("reply_not_kept", "This was done; the reply was too long to be kept.")

    // MARK: The first request

    private func begin(_ turn: Turn, _ route: CompiledRoute, _ context: RequestContext, _ request: APIRequest) async throws(APIError) -> APIResponse {
        let holder = turn.hold()
        defer { holder?.cancel() }
        do throws(APIError) {
            var response = try await handle(route, context, request)
            if case .events(let run) = response.body {
                response.body = .events { sink in try await Self.stream(run, turn, sink) }
                return response
            }
            if case .dataEvents(let run) = response.body {
                response.body = .dataEvents { write in try await Self.stream(run, turn, write) }
                return response
            }
            let isTooLong = response.bytes.count > StoreLimits.idempotencyBodyBytesMax
            let instead = route.route.isShownOnce ? Self.shown : isTooLong ? Self.notKept : nil
            await turn.end(instead.map(turn.failure) ?? response)
            return response
        } catch {
            await turn.end(error.mayHaveActed ? turn.failure(Self.kept(error)) : nil)
            throw error
        }
    }

    /// Runs a stream and keeps the event that ends it.
    private static func stream(
        _ run: @Sendable (any EventSink) async throws -> Void, _ turn: Turn, _ sink: any EventSink
    ) async throws {
        let kept = LastEvent(sink)
        let holder = turn.hold()
        defer { holder?.cancel() }
        do {
            try await run(kept)
            await turn.keep(kept.last ?? ("error", lost.json))
        } catch let error as APIError {
            if error.mayHaveActed { await turn.keep(kept.last ?? ("error", Self.kept(error).json)) } else { await turn.end(nil) }
            throw error
        } catch {
            // The client went, or the stream broke: who asks again hears how it ended, as far as that is known.
            await turn.keep(kept.last ?? ("error", lost.json))
            throw error
        }
    }

    /// Runs a stream of data and keeps all of it: its protocol has no event that says everything.
    private static func stream(
        _ run: @Sendable (@escaping DataWriter) async throws -> Void, _ turn: Turn, _ write: @escaping DataWriter
    ) async throws {
        let kept = KeptData()
        let holder = turn.hold()
        defer { holder?.cancel() }
        do {
            try await run { data in
                kept.add(data)
                try await write(data)
            }
            await turn.keep(kept)
        } catch let error as APIError {
            await turn.end(error.mayHaveActed ? turn.failure(Self.kept(error)) : nil)
            throw error
        } catch {
            await turn.end(turn.failure(lost))
            throw error
        }
    }

    /// What the same key gets later. A database that broke off bids its client to try again, and of something that may have been done there is no other try.
    private static func kept(_ error: APIError) -> APIError { error.details["reason"] == "database" ? lost : error }

    // MARK: Later ones

    private func replay(_ reply: StoredReply) -> APIResponse {
        let replayed = ("Idempotency-Replayed", "true")
        let type = ("Content-Type", reply.contentType)
        guard reply.contentType == MediaType.events.rawValue else {
            return APIResponse(status: reply.status, headers: [type, replayed], body: .bytes(reply.body))
        }
        if let data = KeptData(stored: reply.body) {
            return APIResponse(
                status: reply.status, headers: [type, replayed], body: .dataEvents { write in for piece in data.pieces { try await write(piece) } })
        }
        return APIResponse(
            status: reply.status, headers: [type, replayed],
            body: .events { sink in
                let event = try JSONValue(parsing: reply.body, limits: JSONLimits(bytesMax: StoreLimits.idempotencyBodyBytesMax))
                try await sink.send(event["event"]?.stringValue ?? "error", event["data"] ?? .null)
            })
    }
}

/// A claim in the hands of the request that got it. Every end is written even when the request's own task is cancelled.
private struct Turn: Sendable {
    let claim: IdempotencyClaim
    let requests: IdempotencyStore
    let log: Log
    let identity: (path: String, requestID: String)

    /// A failure as it is kept.
    func failure(_ error: APIError) -> APIResponse { Dispatcher.failure(error, requestID: identity.requestID, path: identity.path) }

    /// Renews the claim until it is cancelled, so that a request that takes longer than a lease is not taken for dead; nil where no loop runs.
    func hold() -> OwnedTask<Void>? {
        guard let loop = EventLoop.current else { return nil }
        return OwnedTask(on: loop) { [claim, requests, log] in
            // No request of ours lasts longer; one that hangs gives its key up at last.
            let end = Deadline.after(milliseconds: Limits.requestMillisecondsMax)
            while !end.hasPassed {
                try await loop.sleep(until: .after(milliseconds: Int(requests.leaseMilliseconds / 3)))
                do {
                    try await requests.renew(claim)
                } catch {
                    // The next renewal comes before the lease is over.
                    log.error("the claim of an idempotency key could not be renewed", [("cause", .string("\(error)"))])
                }
            }
        }
    }

    /// Keeps the event that ended a stream.
    func keep(_ last: (event: String, data: JSONValue)) async {
        var bytes = (["event": .string(last.event), "data": last.data] as JSONValue).serialized()
        if bytes.count > StoreLimits.idempotencyBodyBytesMax {
            bytes = (["event": "error", "data": Dispatcher.notKept.json] as JSONValue).serialized()
        }
        await end(APIResponse(status: 200, headers: [("Content-Type", MediaType.events.rawValue)], body: .bytes(bytes)))
    }

    /// Keeps a stream of data that has ended, or that it was too long.
    func keep(_ data: KeptData) async {
        guard let bytes = data.stored else { return await end(failure(Dispatcher.notKept)) }
        await end(APIResponse(status: 200, headers: [("Content-Type", MediaType.events.rawValue)], body: .bytes(bytes)))
    }

    /// Keeps a reply, or with none gives the key back. A store that does not take it leaves the claim, which then says that nobody knows.
    func end(_ response: APIResponse?) async {
        let writing = OwnedTask(on: EventLoop.current) { [claim, requests] in
            guard let response else { return try await requests.abandon(claim) }
            let reply = StoredReply(status: response.status, contentType: response.header("Content-Type") ?? "", body: response.bytes)
            try await requests.finish(claim, reply)
        }
        do {
            try await writing.value
        } catch {
            log.error("the outcome of a request could not be kept for its idempotency key", [("cause", .string("\(error)"))])
        }
    }
}

/// Passes events on, and remembers the one that ends its stream.
private final class LastEvent: EventSink {
    private let sink: any EventSink
    private let kept = Lock<(event: String, data: JSONValue)?>(nil)

    init(_ sink: any EventSink) { self.sink = sink }

    var last: (event: String, data: JSONValue)? { kept.withLock { $0 } }

    func send(_ event: String, _ data: JSONValue) async throws { try await send(event, data, until: .distantFuture) }

    func send(_ event: String, _ data: JSONValue, until deadline: Deadline) async throws {
        if ["result", "message_done", "cancel_ack", "error"].contains(event) { kept.withLock { $0 = (event, data) } }
        try await sink.send(event, data, until: deadline)
    }
}
