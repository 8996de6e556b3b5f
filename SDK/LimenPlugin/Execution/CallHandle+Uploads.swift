import JSON
import PluginABI

/// Requests whose body is written piece by piece.
extension CallHandle {
    /// A request that has begun: its number, and its reply's head to come.
    struct Upload: Sendable {
        let id: UInt32
        let head: Reply<FetchResponse>
    }

    /// Begins one; nil for a host that takes none.
    func beginFetch(_ request: FetchRequest, length: Int?) -> Upload? {
        guard let uploading = host.uploading else { return nil }
        let json = request.json.serialized()
        let head = Reply<FetchResponse>(executor: executor)
        var begun: UInt32 = 0
        head.send { context in
            let id: UInt32? = withCall { call in
                json.withLimenBytes { json in
                    uploading.begin(call, json, length.map { UInt64(max($0, 0)) } ?? .max, { Reply.finish($0, fetchResult($1)) }, context)
                }
            }
            begun = id ?? 0
            if id == nil { Reply<FetchResponse>.finish(context, .failure(CancellationError())) }
        }
        return Upload(id: begun, head: head)
    }

    /// Writes pieces of the body; false when no more are taken: the head says why, or the server has answered already.
    func writeFetch(_ id: UInt32, _ bytes: [UInt8]) async throws -> Bool {
        guard let uploading = host.uploading else { return false }
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = Array(rest.prefix(Limits.pieceBytesMax))
            rest = rest.dropFirst(piece.count)
            let reply = Reply<Bool>(executor: executor)
            let isTaken = try await reply.wait { context in
                let sent: Void? = withCall { call in
                    piece.withLimenBytes {
                        uploading.write(call, id, $0, { Reply.finish($0, .success($1?.pointee.error_code.length == 0)) }, context)
                    }
                }
                if sent == nil { Reply<Bool>.finish(context, .failure(CancellationError())) }
            }
            if !isTaken { return false }
        }
        return true
    }

    /// Says that this was all.
    func finishFetch(_ id: UInt32) {
        guard let uploading = host.uploading else { return }
        withCall { uploading.finish($0, id) }
    }
}
