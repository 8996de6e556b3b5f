import LimenPlugin
import PluginABI
import Synchronization

/// The fake host's bodies that are written piece by piece: collected, then handed to the handler as one.
enum HarnessUploads {
    /// A request whose body is not complete; what is needed to make it then.
    private struct Upload: @unchecked Sendable {
        // SAFETY: the call's handle is only handed back to `HarnessStreams.open`, on the main thread, as any host function's would be.
        let call: OpaquePointer?
        let request: [UInt8]
        let callback: limen_fetch_callback?
        let context: Context
        var body: [UInt8] = []
    }

    private struct State {
        var last: UInt32 = 1 << 30
        var uploads: [UInt32: Upload] = [:]
    }

    private static let state = Mutex(State())

    static let begin: @convention(c) (OpaquePointer?, limen_bytes, UInt64, limen_fetch_callback?, UnsafeMutableRawPointer?) -> UInt32 = {
        call, request, _, callback, context in
        let upload = Upload(call: call, request: [UInt8](request), callback: callback, context: Context(pointer: context))
        return state.withLock { state in
            state.last += 1
            state.uploads[state.last] = upload
            return state.last
        }
    }

    static let write: @convention(c) (OpaquePointer?, UInt32, limen_bytes, limen_written_callback?, UnsafeMutableRawPointer?) -> Void = {
        _, id, data, callback, context in
        let (context, data) = (Context(pointer: context), [UInt8](data))
        HarnessLoop.shared.post {
            let isTaken = state.withLock { state in
                state.uploads[id]?.body += data
                return state.uploads[id] != nil
            }
            let code = Array((isTaken ? "" : "invalid").utf8)
            code.withLimenBytes { code in
                var written = limen_written()
                written.size = UInt32(MemoryLayout<limen_written>.size)
                written.error_code = code
                callback?(context.pointer, &written)
            }
        }
    }

    static let finish: @convention(c) (OpaquePointer?, UInt32) -> Void = { _, id in
        guard let upload = state.withLock({ $0.uploads.removeValue(forKey: id) }) else { return }
        HarnessStreams.open(upload.call, request: upload.request, body: upload.body, id: id, upload.callback, upload.context)
    }
}
