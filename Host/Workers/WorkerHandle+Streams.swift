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
            var reply = FetchReplyPayload(id: request.id, status: 0, errorCode: "invalid", errorMessage: Self.tooMany)
            if opening == .accepted {
                if !requests.streams.isClosing(request.id) { reply = await host.fetchOpen(request, until: deadline) }
                if !requests.streams.answered(request.id, isEnd: reply.status == 0) {
                    // Closed while it was being opened: what came meanwhile is nobody's.
                    host.fetchClose(request.id)
                    reply = FetchReplyPayload(id: request.id, status: 0, errorCode: "cancelled", errorMessage: "the reply was closed")
                }
            }
            return Frame(type: .fetchReply, callID: callID, payload: reply.encoded()).encoded()
        }
    }

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
