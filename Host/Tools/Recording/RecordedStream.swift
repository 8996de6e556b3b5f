internal import Crypto
internal import IO
internal import JSON
internal import WorkerProtocol

/// A reply as it was read piece by piece: its head, the pieces as they were cut, and how the reading ended.
struct RecordedStream: Sendable {
    /// What ended the reading.
    enum End: Sendable, Hashable {
        /// The body had ended.
        case last
        /// It broke off.
        case failed(code: String, message: String)
        /// The plugin closed it, or its call was over.
        case closed
    }

    var head: FetchReplyPayload
    var pieces: [[UInt8]] = []
    var end: End = .closed

    init(head: FetchReplyPayload) { self.head = head }

    var json: JSONObject {
        var object = head.recorded
        object["pieces"] = .array(pieces.map { .string(Base64URL.encode($0)) })
        switch end {
        case .last: object["end"] = "last"
        case .closed: object["end"] = "closed"
        case .failed(let code, let message): object["end"] = ["error_code": .string(code), "error_message": .string(message)]
        }
        return object
    }

    /// nil when the recording is damaged.
    init?(_ recorded: JSONObject) {
        guard let head = FetchReplyPayload(id: 0, recorded: recorded), let list = recorded["pieces"]?.arrayValue, let end = recorded["end"] else {
            return nil
        }
        self.head = head
        for item in list {
            guard let piece = item.stringValue.flatMap({ Base64URL.decode($0) }), !piece.isEmpty, piece.count <= FetchPiecePayload.dataBytesMax else {
                return nil
            }
            pieces.append(piece)
        }
        switch end.stringValue {
        case "last": self.end = .last
        case "closed": self.end = .closed
        default:
            guard let code = end["error_code"]?.stringValue, !code.isEmpty, let message = end["error_message"]?.stringValue else { return nil }
            self.end = .failed(code: code, message: message)
        }
    }
}

/// A live reply whose reading is kept on a tape when it ends.
final class RecordingStream: FetchStream {
    private struct State {
        var recorded: RecordedStream
        var isKept = false
    }

    private let live: any FetchStream
    private let state: Lock<State>
    private let keep: @Sendable (RecordedStream) -> Void

    init(_ live: any FetchStream, head: FetchReplyPayload, keep: @escaping @Sendable (RecordedStream) -> Void) {
        (self.live, self.keep) = (live, keep)
        state = Lock(State(recorded: RecordedStream(head: head)))
    }

    func next() async -> FetchPiecePayload {
        let piece = await live.next()
        if !piece.data.isEmpty { state.withLock { $0.recorded.pieces.append(piece.data) } }
        if piece.isLast { end(.last) } else if piece.isEnd { end(.failed(code: piece.errorCode, message: piece.errorMessage)) }
        return piece
    }

    func close() {
        live.close()
        end(.closed)
    }

    /// The first end counts.
    private func end(_ how: RecordedStream.End) {
        let recorded: RecordedStream? = state.withLock { state in
            if state.isKept { return nil }
            state.isKept = true
            state.recorded.end = how
            return state.recorded
        }
        if let recorded { keep(recorded) }
    }
}

/// A recorded reply, given out as it was read.
final class ReplayingStream: FetchStream {
    private struct State {
        var place = 0
        var hasEnded = false
    }

    private let recorded: RecordedStream
    private let state = Lock(State())
    private let complain: @Sendable (String) -> Void

    init(_ recorded: RecordedStream, complain: @escaping @Sendable (String) -> Void) { (self.recorded, self.complain) = (recorded, complain) }

    func next() async -> FetchPiecePayload {
        let piece: FetchPiecePayload? = state.withLock { state in
            if state.place < recorded.pieces.count {
                defer { state.place += 1 }
                return FetchPiecePayload(data: recorded.pieces[state.place])
            }
            state.hasEnded = true
            switch recorded.end {
            case .last: return FetchPiecePayload(isLast: true)
            case .failed(let code, let message): return FetchPiecePayload(errorCode: code, errorMessage: message)
            case .closed: return nil
            }
        }
        if let piece { return piece }
        complain("the plugin read on where it had closed a reply when it was recorded")
        return FetchPiecePayload(errorCode: "invalid", errorMessage: "the recording has no such piece")
    }

    func close() {
        let isEarly = state.withLock { state in
            defer { state.hasEnded = true }
            return !state.hasEnded && (state.place < recorded.pieces.count || recorded.end != .closed)
        }
        if isEarly { complain("the plugin closed a reply earlier than when it was recorded") }
    }
}
