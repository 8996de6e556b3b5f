import JSON
import PluginABI

/// Replies that are read piece by piece.
extension CallHandle {
    /// Opens a reply; its number and its head. Nil for a host that opens none.
    func openFetch(_ request: FetchRequest) async throws -> (id: UInt32, head: FetchResponse)? {
        guard let streaming = host.streaming else { return nil }
        let json = request.json.serialized()
        let reply = Reply<FetchResponse>(executor: executor)
        var opened: UInt32 = 0
        do {
            let head = try await reply.wait { context in
                let id: UInt32? = withCall { call in
                    json.withLimenBytes { json in
                        request.body.withLimenBytes { streaming.open(call, json, $0, { Reply.finish($0, fetchResult($1)) }, context) }
                    }
                }
                opened = id ?? 0
                if id == nil { Reply<FetchResponse>.finish(context, .failure(CancellationError())) }
            }
            return (opened, head)
        } catch {
            // Cancelled while the head was awaited: nobody will read it.
            closeFetch(opened)
            throw error
        }
    }

    /// The next piece of a reply; nil at its end.
    func readFetch(_ id: UInt32) async throws -> [UInt8]? {
        guard let streaming = host.streaming else { throw CancellationError() }
        let reply = Reply<[UInt8]?>(executor: executor)
        return try await reply.wait { context in
            let sent: Void? = withCall { streaming.read($0, id, { Reply.finish($0, pieceResult($1)) }, context) }
            if sent == nil { Reply<[UInt8]?>.finish(context, .failure(CancellationError())) }
        }
    }

    /// Ends a reply; one that has ended, or whose call has, stays as it is.
    func closeFetch(_ id: UInt32) {
        guard id != 0, let streaming = host.streaming else { return }
        withCall { streaming.close($0, id) }
    }
}

private func pieceResult(_ piece: UnsafePointer<limen_piece>?) -> Result<[UInt8]?, any Error> {
    guard let piece = piece?.pointee, piece.error_code.length == 0 else {
        return .failure(hostError(piece?.pointee.error_code, piece?.pointee.error_message))
    }
    return .success(piece.is_last != 0 ? nil : [UInt8](piece.data))
}
