import PluginABI
import Synchronization
import WorkerProtocol

extension PluginRuntime {
    /// A body that is written piece by piece, as this side knows it.
    struct Upload {
        /// Whom to tell of the piece that is on its way.
        var writing: Callback<limen_written_callback?>?
        /// No more pieces: all were written, none is taken any more, or the request was closed.
        var isFinished = false
    }
}

/// Bodies that the plugin writes piece by piece; the host judges every turn anew.
extension PluginRuntime.Shared {
    /// Begins a request with such a body; its number.
    mutating func begin(_ callback: PluginRuntime.Callback<limen_fetch_callback?>) -> UInt32 {
        let id = open(callback)
        uploads[id] = PluginRuntime.Upload()
        return id
    }

    /// Writes a piece; false when it is not the plugin's turn.
    mutating func write(_ id: UInt32, _ callback: PluginRuntime.Callback<limen_written_callback?>) -> Bool {
        guard let upload = uploads[id], upload.writing == nil, !upload.isFinished else { return false }
        uploads[id]?.writing = callback
        return true
    }

    /// The host has answered a piece: whom to tell.
    mutating func written(_ id: UInt32, isEnd: Bool) -> PluginRuntime.Callback<limen_written_callback?>? {
        guard let callback = uploads[id]?.writing else { return nil }
        uploads[id]?.writing = nil
        if isEnd { uploads[id]?.isFinished = true }
        return callback
    }

    /// Says that this was all; false when there is nothing to say.
    mutating func finish(_ id: UInt32) -> Bool {
        guard let upload = uploads[id], !upload.isFinished else { return false }
        uploads[id]?.isFinished = true
        return true
    }
}

extension FetchWrittenPayload {
    /// What a plugin hears whose piece does not leave.
    static var outOfTurn: FetchWrittenPayload {
        FetchWrittenPayload(errorCode: "invalid", errorMessage: "the body takes no piece now, or the piece is empty or too long")
    }

    /// Lends the answer to C as a `limen_written`.
    func withWritten(_ body: (UnsafePointer<limen_written>) -> Void) {
        limen_bytes.lend(errorCode) { code in
            limen_bytes.lend(errorMessage) { message in
                var written = limen_written(
                    size: UInt32(MemoryLayout<limen_written>.size), reserved: 0, error_code: code, error_message: message)
                body(&written)
            }
        }
    }
}

extension HostTable {
    static let fetchBegin: @convention(c) (OpaquePointer?, limen_bytes, UInt64, limen_fetch_callback?, UnsafeMutableRawPointer?) -> UInt32 = {
        call, request, length, callback, context in
        let pending = PluginRuntime.Callback(function: callback, context: context)
        // A frame has room for no longer request; the host would refuse half of it too.
        guard let callID = inFlight(call), request.length <= FetchBeginPayload.bytesMax - 64 else {
            PluginRuntime.current.shared.withLock { $0.refusedFetches.append(pending) }
            wakeMainThread()
            return 0
        }
        let id = PluginRuntime.current.shared.withLock { $0.begin(pending) }
        send(.fetchBegin, callID, FetchBeginPayload(id: id, length: length == .max ? nil : length, request: Array(request)).encoded())
        return id
    }

    static let fetchWrite: @convention(c) (OpaquePointer?, UInt32, limen_bytes, limen_written_callback?, UnsafeMutableRawPointer?) -> Void = {
        call, id, data, callback, context in
        let pending = PluginRuntime.Callback(function: callback, context: context)
        let isPiece = data.data != nil && (1...FetchWritePayload.dataBytesMax).contains(data.length)
        guard isPiece, let callID = inFlight(call), PluginRuntime.current.shared.withLock({ $0.write(id, pending) }) else {
            PluginRuntime.current.shared.withLock { $0.refusedWrites.append(pending) }
            return wakeMainThread()
        }
        send(.fetchWrite, callID, FetchWritePayload(id: id, data: Array(data)).encoded())
    }

    static let fetchFinish: @convention(c) (OpaquePointer?, UInt32) -> Void = { call, id in
        guard let callID = inFlight(call), PluginRuntime.current.shared.withLock({ $0.finish(id) }) else { return }
        send(.fetchFinish, callID, FetchStreamPayload(id: id).encoded())
    }
}
