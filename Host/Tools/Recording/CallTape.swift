internal import Egress
internal import IO
internal import JSON
package import WorkerProtocol

/// What stands between one call and the outside while it is recorded or replayed.
///
/// A replay answers each question with the first unused answer to the very same question: questions asked side by side may come in another order.
/// A question that was never recorded is the divergence; from then on every answer is an error, so that nothing is made up.
package final class CallTape: Sendable {
    private enum Mode: Sendable { case record, replay }

    private struct State: Sendable {
        var exchanges: [Exchange]
        var used: Set<Int> = []
        var bytes = 0
        /// Bodies that are being written, by the number of their request.
        var heard: [UInt32: [UInt8]] = [:]
        var problem: String?
    }

    private let mode: Mode
    private let state: Lock<State>

    /// A tape that records.
    package init() {
        mode = .record
        state = Lock(State(exchanges: []))
    }

    /// A tape that answers as it was recorded.
    package init(replaying exchanges: [Exchange]) {
        mode = .replay
        state = Lock(State(exchanges: exchanges))
    }

    /// What was recorded, in the order of the answers.
    package var exchanges: [Exchange] { state.withLock { $0.exchanges } }

    /// The first thing that was not as recorded, or that there was too much to record; nil when all was.
    package var problem: String? {
        state.withLock { state in
            if let problem = state.problem { return problem }
            guard mode == .replay, let left = state.exchanges.indices.first(where: { !state.used.contains($0) }) else { return nil }
            let exchange = state.exchanges[left]
            return "exchange \(left + 1) of the recording was not asked for: \(Exchange.words(exchange.kind, exchange.request))"
        }
    }

    /// The answer to a fetch: `live`'s, kept, or the recorded one without asking it.
    package func fetch(_ request: FetchPayload, _ live: () async -> FetchReplyPayload) async -> FetchReplyPayload {
        guard mode == .replay else {
            let reply = await live()
            keep(Exchange(kind: .fetch, request: request.recorded, reply: reply.recorded))
            return reply
        }
        if let reply = answer(.fetch, request.recorded).flatMap({ FetchReplyPayload(id: request.id, recorded: $0) }) { return reply }
        return FetchReplyPayload(id: request.id, status: 0, errorCode: "invalid", errorMessage: "the recording has no such request")
    }

    /// The answer to a fetch whose reply is read piece by piece: `live`'s, kept when the reading has ended, or the recorded one.
    package func open(_ request: FetchPayload, _ live: () async -> FetchOpening) async -> FetchOpening {
        await open(request.id, request.recorded, live)
    }

    /// A piece of a body was sent.
    func hear(_ piece: [UInt8], of id: UInt32) {
        guard mode == .record else { return }
        state.withLock { state in
            state.bytes += piece.count
            if state.bytes <= ToolLimits.recordingBytesMax { state.heard[id, default: []] += piece }
        }
    }

    /// As `open`, for a request whose body is written piece by piece: the body is part of the question, unless the server had not waited for all of it.
    func begin(_ request: FetchBeginPayload, _ body: EgressBody, _ live: () async -> FetchOpening) async -> FetchOpening {
        var question = FetchPayload(id: request.id, request: request.request, body: [])
        var unfinished = question.recorded
        unfinished["unfinished"] = true
        if mode == .record {
            let opening = await live()
            question.body = state.withLock { $0.heard.removeValue(forKey: request.id) } ?? []
            return await open(request.id, body.isFinished ? question.recorded : unfinished) { opening }
        }
        if !holds(unfinished) {
            do { question.body = try await body.collected(bytesMax: ToolLimits.recordingBytesMax) } catch {
                return .refused(FetchReplyPayload(id: request.id, status: 0, errorCode: "cancelled", errorMessage: "the request was closed"))
            }
            unfinished = question.recorded
        }
        return await open(request.id, unfinished, live)
    }

    private func holds(_ question: JSONObject) -> Bool {
        state.withLock { state in
            state.exchanges.indices.contains { !state.used.contains($0) && state.exchanges[$0].request == question }
        }
    }

    private func open(_ id: UInt32, _ question: JSONObject, _ live: () async -> FetchOpening) async -> FetchOpening {
        guard mode == .replay else {
            switch await live() {
            case .refused(let reply):
                var recorded = RecordedStream(head: reply)
                recorded.end = .last
                keep(Exchange(kind: .stream, request: question, reply: recorded.json))
                return .refused(reply)
            case .open(let reply, let stream):
                return .open(
                    reply,
                    RecordingStream(stream, head: reply) { [self] in keep(Exchange(kind: .stream, request: question, reply: $0.json)) })
            }
        }
        guard let recorded = answer(.stream, question).flatMap(RecordedStream.init) else {
            return .refused(FetchReplyPayload(id: id, status: 0, errorCode: "invalid", errorMessage: "the recording has no such request"))
        }
        var head = recorded.head
        head.id = id
        if head.status == 0 { return .refused(head) }
        return .open(
            head, ReplayingStream(recorded) { [self] problem in state.withLock { $0.problem = $0.problem ?? problem } })
    }

    /// The answer to a key-value request: `live`'s, kept, or the recorded one without asking it.
    package func keyValue(_ request: KeyValuePayload, _ live: () async -> KeyValueReplyPayload) async -> KeyValueReplyPayload {
        guard mode == .replay else {
            let reply = await live()
            keep(Exchange(kind: .keyValue, request: request.recorded, reply: reply.recorded))
            return reply
        }
        if let reply = answer(.keyValue, request.recorded).flatMap({ KeyValueReplyPayload(id: request.id, recorded: $0) }) { return reply }
        return KeyValueReplyPayload(id: request.id, found: false, errorCode: "invalid", errorMessage: "the recording has no such request")
    }

    private func keep(_ exchange: Exchange) {
        state.withLock { state in
            state.bytes += JSONValue.object(exchange.json).serialized().count
            guard state.exchanges.count < ToolLimits.exchangesRecordedMax, state.bytes <= ToolLimits.recordingBytesMax else {
                state.problem = state.problem ?? "the call asked for more than a recording holds"
                return
            }
            state.exchanges.append(exchange)
        }
    }

    private func answer(_ kind: Exchange.Kind, _ request: JSONObject) -> JSONObject? {
        state.withLock { state in
            guard state.problem == nil else { return nil }
            let found = state.exchanges.indices.first {
                !state.used.contains($0) && state.exchanges[$0].kind == kind && state.exchanges[$0].request == request
            }
            guard let found else {
                let next = state.exchanges.indices.first { !state.used.contains($0) }.map { index in
                    "; exchange \(index + 1) of the recording is \(Exchange.words(state.exchanges[index].kind, state.exchanges[index].request))"
                }
                state.problem = "the plugin asked for \(Exchange.words(kind, request))\(next ?? "; the recording has no more exchanges")"
                return nil
            }
            state.used.insert(found)
            return state.exchanges[found].reply
        }
    }
}
