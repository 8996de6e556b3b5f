import IO
import Supervisor
import WorkerProtocol

/// Replies that a worker reads piece by piece: each turn is judged before anything is done for it.
extension WorkerHandle {
    /// What serves the requests of the call.
    func requests(_ talk: inout Talk) -> CallRequests {
        let requests = talk.requests ?? CallRequests(talk.registration, until: talk.deadline)
        talk.requests = requests
        return requests
    }

    func fetchOpen(_ frame: Frame, _ talk: inout Talk) async throws(FrameEnd) {
        let request: FetchPayload
        do { request = try FetchPayload(decoding: frame.payload) } catch { throw .fault(.malformed) }
        let (callID, host, deadline, requests) = (talk.id, talk.host, talk.deadline, requests(&talk))
        let opening = requests.streams.opens(request.id)
        if opening == .fault { throw .fault(.streamOrder) }
        try await ask(.fetch, &talk) {
            let reply = await Self.opened(request.id, opening, requests, host) { await host.fetchOpen(request, until: deadline) }
            return Frame(type: .fetchReply, callID: callID, payload: reply.encoded()).encoded()
        }
    }

    /// What a worker hears that has opened a reply.
    private static func opened(
        _ id: UInt32, _ opening: StreamOrder.Opening, _ requests: CallRequests, _ host: any WorkerCallHost,
        _ open: () async -> FetchReplyPayload
    ) async -> FetchReplyPayload {
        var reply = FetchReplyPayload(id: id, status: 0, errorCode: "invalid", errorMessage: tooMany)
        guard opening == .accepted else { return reply }
        if !requests.streams.isClosing(id) { reply = await open() }
        if requests.streams.answered(id, isEnd: reply.status == 0) { return reply }
        // Closed while it was being opened: what came meanwhile is nobody's.
        host.fetchClose(id)
        return FetchReplyPayload(id: id, status: 0, errorCode: "cancelled", errorMessage: "the reply was closed")
    }

    // MARK: Bodies

    /// Waits for no turn among the requests: its pieces come after it, and would wait behind it.
    func fetchBegin(_ frame: Frame, _ talk: inout Talk) throws(FrameEnd) {
        let request: FetchBeginPayload
        do { request = try FetchBeginPayload(decoding: frame.payload) } catch { throw .fault(.malformed) }
        let (callID, host, deadline, requests) = (talk.id, talk.host, talk.deadline, requests(&talk))
        let opening = requests.streams.opens(request.id)
        if opening == .fault { throw .fault(.streamOrder) }
        requests.uploads.begins(request.id)
        if opening == .accepted { host.fetchExpect(request) }
        requests.addBeside {
            let reply = await Self.opened(request.id, opening, requests, host) { await host.fetchBegin(request, until: deadline) }
            return Frame(type: .fetchReply, callID: callID, payload: reply.encoded()).encoded()
        }
    }

    func fetchWrite(_ frame: Frame, _ talk: inout Talk) throws(FrameEnd) {
        let piece: FetchWritePayload
        do { piece = try FetchWritePayload(decoding: frame.payload) } catch { throw .fault(.malformed) }
        let (callID, host, requests) = (talk.id, talk.host, requests(&talk))
        guard requests.uploads.writes(piece.id) else { throw .fault(.streamOrder) }
        requests.addBeside {
            let written = await host.fetchWrite(piece.id, piece.data)
            requests.uploads.written(piece.id, isEnd: written.isEnd)
            return Frame(type: .fetchWritten, callID: callID, payload: written.encoded()).encoded()
        }
    }

    func fetchFinish(_ frame: Frame, _ talk: inout Talk) throws(FrameEnd) {
        let id = try Self.stream(frame)
        switch requests(&talk).uploads.finishes(id) {
        case .pass: talk.host.fetchFinish(id)
        case .ignore: break
        case .fault: throw .fault(.streamOrder)
        }
    }

    // MARK: Replies

    func fetchRead(_ frame: Frame, _ talk: inout Talk) async throws(FrameEnd) {
        let id = try Self.stream(frame)
        let (callID, host, requests) = (talk.id, talk.host, requests(&talk))
        guard requests.streams.reads(id) else { throw .fault(.streamOrder) }
        try await ask(.fetch, &talk) {
            var piece = requests.streams.isClosing(id) ? .cancelled(id: id) : await host.fetchRead(id)
            if !requests.streams.answered(id, isEnd: piece.isEnd) { piece = .cancelled(id: id) }
            return Frame(type: .fetchPiece, callID: callID, payload: piece.encoded()).encoded()
        }
    }

    /// Needs no turn among the requests: it ends one.
    func fetchClose(_ frame: Frame, _ talk: inout Talk) throws(FrameEnd) {
        let id = try Self.stream(frame)
        requests(&talk).uploads.closes(id)
        switch requests(&talk).streams.closes(id) {
        case .close: talk.host.fetchClose(id)
        case .ignore: break
        case .fault: throw .fault(.streamOrder)
        }
    }

    private static func stream(_ frame: Frame) throws(FrameEnd) -> UInt32 {
        do { return try FetchStreamPayload(decoding: frame.payload).id } catch { throw .fault(.malformed) }
    }

    private static var tooMany: String { "the call has \(SupervisorLimits.streamsOpenMax) replies open; read one to its end or close it" }
}
