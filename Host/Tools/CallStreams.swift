import Egress
import IO
import WorkerProtocol

/// The replies that one call reads piece by piece, by the numbers of their requests. Which turn is whose was judged before (`StreamOrder`).
final class CallStreams: Sendable {
    private struct State {
        var opening: [UInt32: OwnedTask<FetchOpening>] = [:]
        var open: [UInt32: any FetchStream] = [:]
        var bodies: [UInt32: EgressBody] = [:]
        var isOver = false
    }

    private let state = Lock(State())

    /// Opens a reply and keeps it; the answer is its head.
    func open(_ id: UInt32, _ opening: @escaping @Sendable () async -> FetchOpening) async -> FetchReplyPayload {
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

    /// Keeps the place of a body that `write` will bring, from its beginning on; `onPiece` sees what of it was taken.
    func expect(_ request: FetchBeginPayload, onPiece: @escaping @Sendable ([UInt8]) -> Void) {
        // A length beyond all limits is one of them.
        let body = EgressBody(length: request.length.map { Int(clamping: $0) }, onPiece: onPiece)
        state.withLock { state in if !state.isOver { state.bodies[request.id] = body } }
    }

    /// As `open`, with the body that is expected.
    func begin(_ id: UInt32, _ opening: @escaping @Sendable (EgressBody) async -> FetchOpening) async -> FetchReplyPayload {
        guard let body = state.withLock({ $0.bodies[id] }) else { return Self.cancelled(id) }
        let reply = await open(id) { await opening(body) }
        body.end(reply.status == 0 ? EgressBody.Stop(reply.errorCode, reply.errorMessage) : .replied)
        return reply
    }

    /// Passes a piece on; answers when it was taken, or why it will not be.
    func write(_ id: UInt32, _ data: [UInt8]) async -> EgressBody.Stop? {
        guard let body = state.withLock({ $0.bodies[id] }) else { return .cancelled }
        return await body.write(data)
    }

    /// The body has no more pieces.
    func finish(_ id: UInt32) { state.withLock { $0.bodies[id] }?.finish() }

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
        let (task, stream, body) = state.withLock { state in
            (state.opening.removeValue(forKey: id), state.open.removeValue(forKey: id), state.bodies.removeValue(forKey: id))
        }
        body?.end(.cancelled)
        task?.cancel()
        stream?.close()
    }

    /// Ends all of them, and whatever is opened later.
    func end() {
        let (tasks, streams, bodies) = state.withLock { state in
            defer { (state.opening, state.open, state.bodies, state.isOver) = ([:], [:], [:], true) }
            return (Array(state.opening.values), Array(state.open.values), Array(state.bodies.values))
        }
        for body in bodies { body.end(.cancelled) }
        for task in tasks { task.cancel() }
        for stream in streams { stream.close() }
    }
}
