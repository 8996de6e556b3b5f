import JSON
import LimenPlugin
import PluginABI
import Synchronization

/// The fake host's replies that are read piece by piece: the handler's whole reply, cut up as a host cuts.
enum HarnessStreams {
    private struct State {
        var last: UInt32 = 0
        var bodies: [UInt32: ArraySlice<UInt8>] = [:]
    }

    private static let pieceBytesMax = 64 << 10
    private static let state = Mutex(State())

    static let open: @convention(c) (OpaquePointer?, limen_bytes, limen_bytes, limen_fetch_callback?, UnsafeMutableRawPointer?) -> UInt32 = {
        call, request, body, callback, context in
        let id = state.withLock { state in
            state.last += 1
            return state.last
        }
        open(call, request: [UInt8](request), body: [UInt8](body), id: id, callback, Context(pointer: context))
        return id
    }

    /// Makes a request whose reply is then read by `id`.
    static func open(
        _ call: OpaquePointer?, request: [UInt8], body: [UInt8], id: UInt32, _ callback: limen_fetch_callback?, _ context: Context
    ) {
        let request = request.withLimenBytes { json($0) }
        let handler = HarnessCalls.find(call)?.harness.fetchHandler
        state.withLock { $0.bodies[id] = [] }
        HarnessLoop.shared.post {
            var reply = HarnessFetchReply.refused("cancelled", "The call has ended.")
            switch request {
            case .success(let request): if let handler { reply = handler(request, body) }
            case .failure(let error): reply = .refused("invalid", error.message)
            }
            if case .response(let status, let headers, let content) = reply {
                state.withLock { state in if state.bodies[id] != nil { state.bodies[id] = content[...] } }
                reply = .response(status: status, headers: headers)
            }
            answer(reply, callback, context)
        }
    }

    static let read: @convention(c) (OpaquePointer?, UInt32, limen_piece_callback?, UnsafeMutableRawPointer?) -> Void = {
        _, id, callback, context in
        let context = Context(pointer: context)
        HarnessLoop.shared.post {
            let data: [UInt8]? = state.withLock { state in
                guard let body = state.bodies[id] else { return nil }
                let piece = body.prefix(pieceBytesMax)
                state.bodies[id] = piece.isEmpty ? nil : body.dropFirst(piece.count)
                return Array(piece)
            }
            let code = Array((data == nil ? "invalid" : "").utf8)
            var piece = limen_piece()
            piece.size = UInt32(MemoryLayout<limen_piece>.size)
            piece.is_last = data?.isEmpty == true ? 1 : 0
            (data ?? []).withLimenBytes { data in
                code.withLimenBytes { code in
                    (piece.data, piece.error_code) = (data, code)
                    callback?(context.pointer, &piece)
                }
            }
        }
    }

    static let close: @convention(c) (OpaquePointer?, UInt32) -> Void = { _, id in state.withLock { $0.bodies[id] = nil } }

    /// Replies that are open.
    static var count: Int { state.withLock { $0.bodies.count } }
}
