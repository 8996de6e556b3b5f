import PluginABI
import WorkerProtocol

/// Replies that the plugin reads piece by piece; the host judges every turn anew.
extension PluginRuntime.Shared {
    /// Begins one; its number.
    mutating func open(_ callback: PluginRuntime.Callback<limen_fetch_callback?>) -> UInt32 {
        defer { nextRequest &+= 1 }
        streams[nextRequest] = PluginRuntime.Stream(phase: .opening(callback))
        return nextRequest
    }

    /// The head has come, or a refusal: whom to tell, and whether the plugin has closed the reply meanwhile.
    mutating func opened(_ id: UInt32, isRefused: Bool) -> (PluginRuntime.Callback<limen_fetch_callback?>?, Bool) {
        guard let stream = streams[id], case .opening(let callback) = stream.phase else { return (nil, false) }
        streams[id] = isRefused || stream.isClosed ? nil : PluginRuntime.Stream(phase: .idle)
        return (callback, stream.isClosed)
    }

    /// Asks for a piece; false when it is not the plugin's turn.
    mutating func read(_ id: UInt32, _ callback: PluginRuntime.Callback<limen_piece_callback?>) -> Bool {
        guard let stream = streams[id], !stream.isClosed, case .idle = stream.phase else { return false }
        streams[id]?.phase = .reading(callback)
        return true
    }

    /// A piece has come: whom to tell, nil when none was asked for, and whether the plugin has closed the reply meanwhile. Nil for an unknown reply.
    mutating func answered(_ id: UInt32, isEnd: Bool) -> (PluginRuntime.Callback<limen_piece_callback?>?, Bool)? {
        guard let stream = streams[id] else { return nil }
        guard case .reading(let callback) = stream.phase else { return (nil, false) }
        streams[id] = isEnd || stream.isClosed ? nil : PluginRuntime.Stream(phase: .idle)
        return (callback, stream.isClosed)
    }

    /// Closes one; false when there is nothing to close.
    mutating func close(_ id: UInt32) -> Bool {
        guard let stream = streams[id], !stream.isClosed else { return false }
        uploads[id]?.isFinished = true
        if case .idle = stream.phase { streams[id] = nil } else { streams[id]?.isClosed = true }
        return true
    }
}

extension FetchPiecePayload {
    /// Lends the piece to C as a `limen_piece`.
    func withPiece(_ body: (UnsafePointer<limen_piece>) -> Void) {
        limen_bytes.lend(data) { data in
            limen_bytes.lend(errorCode) { code in
                limen_bytes.lend(errorMessage) { message in
                    var piece = limen_piece(
                        size: UInt32(MemoryLayout<limen_piece>.size), is_last: isLast ? 1 : 0, data: data, error_code: code, error_message: message)
                    body(&piece)
                }
            }
        }
    }
}
