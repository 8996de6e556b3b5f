import IO
import WorkerProtocol

/// The replies that one call reads piece by piece, by the numbers of their requests. Which turn is whose was judged before (`StreamOrder`).
final class CallStreams: Sendable {
    private struct State {
        var opening: [UInt32: OwnedTask<FetchOpening>] = [:]
        var open: [UInt32: any FetchStream] = [:]
        var isOver = false
    }

    private let state = Lock(State())

    /// Opens a reply and keeps it; the answer is its head.
    func open(_ request: FetchPayload, _ opening: @escaping @Sendable () async -> FetchOpening) async -> FetchReplyPayload {
        let id = request.id
        let task = OwnedTask(on: EventLoop.current) { await opening() }
        let begins = state.withLock { state in
            if !state.isOver { state.opening[id] = task }
            return !state.isOver
        }
        if !begins { task.cancel() }
        let outcome = await withTaskCancellationHandler {
            // try?: the body throws nothing; there is always a value.
            try? await task.value
        } onCancel: {
            task.cancel()
        }
        guard case .open(let reply, let stream)? = outcome else {
            state.withLock { $0.opening[id] = nil }
            if case .refused(let reply)? = outcome { return reply }
            return Self.cancelled(id)
        }
        let isWanted = state.withLock { state in
            let isWanted = state.opening.removeValue(forKey: id) != nil && !state.isOver
            if isWanted { state.open[id] = stream }
            return isWanted
        }
        if isWanted { return reply }
        stream.close()
        return Self.cancelled(id)
    }

    private static func cancelled(_ id: UInt32) -> FetchReplyPayload {
        FetchReplyPayload(id: id, status: 0, errorCode: "cancelled", errorMessage: "the reply was closed")
    }

    /// The next piece of a reply that is open.
    func read(_ id: UInt32) async -> FetchPiecePayload {
        guard let stream = state.withLock({ $0.open[id] }) else { return .cancelled(id: id) }
        var piece = await stream.next()
        piece.id = id
        if piece.isEnd { state.withLock { $0.open[id] = nil } }
        return piece
    }

    /// Ends a reply that is open or being opened; any other is none of ours.
    func close(_ id: UInt32) {
        let (task, stream) = state.withLock { state in (state.opening.removeValue(forKey: id), state.open.removeValue(forKey: id)) }
        task?.cancel()
        stream?.close()
    }

    /// Ends all of them, and whatever is opened later.
    func end() {
        let (tasks, streams) = state.withLock { state in
            defer { (state.opening, state.open, state.isOver) = ([:], [:], true) }
            return (Array(state.opening.values), Array(state.open.values))
        }
        for task in tasks { task.cancel() }
        for stream in streams { stream.close() }
    }
}
