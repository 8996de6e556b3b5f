import Synchronization

/// A reply whose body is read piece by piece.
public struct FetchStream: Sendable {
    /// The HTTP status.
    public let status: Int
    /// Header values by lower-case name.
    public let headers: [String: String]
    /// The body; nothing of it is fetched from the server before it is asked for.
    public let body: FetchBody

    /// Ends the reply before its end: the connection to the server is closed at once.
    public func cancel() { body.state.close() }
}

/// The body of a ``FetchStream``, in pieces of at most 64 KiB. It is read once; letting go of it closes the reply.
public struct FetchBody: AsyncSequence, Sendable {
    /// A piece of the body, at least a byte.
    public typealias Element = [UInt8]

    let state: State

    /// Reads on where the last iterator stopped.
    public func makeAsyncIterator() -> Iterator { Iterator(state: state) }

    /// All that is left, of at most `bytesMax` bytes; throws ``PluginError`` with the code `too_large` for more.
    public func collected(bytesMax: Int) async throws -> [UInt8] {
        var all: [UInt8] = []
        for try await piece in self {
            guard all.count + piece.count <= bytesMax else { throw PluginError("too_large", "The reply has more than \(bytesMax) bytes.") }
            all += piece
        }
        return all
    }

    /// Gives the pieces of the body.
    public struct Iterator: AsyncIteratorProtocol {
        let state: State

        /// The next piece; nil at the end.
        ///
        /// Throws ``PluginError`` with the code `timed_out`, `too_large`, `unreachable` or `invalid` when the reply breaks off, and
        /// `CancellationError` when it was closed or the call is over.
        public mutating func next() async throws -> [UInt8]? { try await state.next() }
    }

    /// One open reply, or a whole one where the host opens none.
    final class State: Sendable {
        private let handle: CallHandle
        private let id: UInt32
        private let left: Mutex<Left>

        private enum Left {
            /// Pieces are asked for.
            case open
            /// All of the body is here.
            case whole([UInt8])
            case over
        }

        init(_ handle: CallHandle, id: UInt32) {
            (self.handle, self.id) = (handle, id)
            left = Mutex(.open)
        }

        init(_ handle: CallHandle, whole body: [UInt8]) {
            (self.handle, id) = (handle, 0)
            left = Mutex(.whole(body))
        }

        func next() async throws -> [UInt8]? {
            let whole: [UInt8]? = left.withLock { left in
                switch left {
                case .open: return nil
                case .over: return []
                case .whole(let body):
                    left = .over
                    return body
                }
            }
            if let whole { return whole.isEmpty ? nil : whole }
            do {
                let piece = try await handle.readFetch(id)
                if piece == nil { left.withLock { $0 = .over } }
                return piece
            } catch {
                close()
                throw error
            }
        }

        func close() {
            let isOpen = left.withLock { left in
                defer { left = .over }
                if case .open = left { return true }
                return false
            }
            if isOpen { handle.closeFetch(id) }
        }

        deinit { close() }
    }
}

extension ToolContext {
    /// Asks the host for an HTTP request and reads its reply piece by piece, as slowly as it likes: the server waits.
    ///
    /// ```swift
    /// let reply = try await context.fetchStream(FetchRequest("https://example.com/large"))
    /// for try await piece in reply.body { count += piece.count }
    /// ```
    /// A call may have eight replies open. Throws as ``fetch(_:)`` does. On a host that opens no replies the whole body comes as one piece.
    public func fetchStream(_ request: FetchRequest) async throws -> FetchStream {
        guard let (id, head) = try await handle.openFetch(request) else {
            let whole = try await handle.fetch(request)
            return FetchStream(status: whole.status, headers: whole.headers, body: FetchBody(state: FetchBody.State(handle, whole: whole.body)))
        }
        return FetchStream(status: head.status, headers: head.headers, body: FetchBody(state: FetchBody.State(handle, id: id)))
    }

    /// As ``fetchStream(_:)``, with a body that is asked for piece by piece as fast as the server takes it; `request.body` is not sent.
    ///
    /// ```swift
    /// let reply = try await context.fetchStream(FetchRequest("https://example.com/upload", method: "PUT"), body: pieces, length: count)
    /// ```
    /// `length` becomes the Content-Length and must then be right; without it the body goes in chunks. At most 64 MiB; no redirect is followed. A server
    /// may answer before it has all: then the rest is not asked for. What `body` throws ends the request and is thrown on. On a host that takes no
    /// pieces the body is collected first, up to 2 MiB.
    public func fetchStream<Body: AsyncSequence & Sendable>(_ request: FetchRequest, body: Body, length: Int? = nil) async throws -> FetchStream
    where Body.Element == [UInt8] {
        guard let upload = handle.beginFetch(request, length: length) else { return try await fetchStream(collecting(body, into: request)) }
        do {
            let head = try await withThrowingTaskGroup(of: FetchResponse?.self) { group in
                group.addTask { try await upload.head.value() }
                group.addTask {
                    for try await piece in body { guard try await handle.writeFetch(upload.id, piece) else { return nil } }
                    handle.finishFetch(upload.id)
                    return nil
                }
                defer { group.cancelAll() }
                for try await head in group { if let head { return head } }
                throw CancellationError()
            }
            return FetchStream(status: head.status, headers: head.headers, body: FetchBody(state: FetchBody.State(handle, id: upload.id)))
        } catch {
            handle.closeFetch(upload.id)
            throw error
        }
    }

    private func collecting<Body: AsyncSequence>(_ body: Body, into request: FetchRequest) async throws -> FetchRequest
    where Body.Element == [UInt8] {
        var request = request
        request.body = []
        for try await piece in body {
            request.body += piece
            guard request.body.count <= Limits.wholeBodyBytesMax else {
                throw PluginError("too_large", "This host takes bodies of \(Limits.wholeBodyBytesMax) bytes at most.")
            }
        }
        return request
    }
}
