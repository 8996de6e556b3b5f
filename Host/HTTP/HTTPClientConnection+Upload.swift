import Glibc
package import IO

/// Requests whose content is sent piece by piece.
extension HTTPClientConnection {
    /// How one half of the exchange ended.
    private enum Part: Sendable {
        case sent((any Error)?)
        case head(Result<HTTPResponse, any Error>)
    }

    /// As `begin`, with content that `content` gives piece by piece and nil at its end: asked for as fast as the server takes it.
    ///
    /// A server may answer before it has all: then the rest is not asked for, and the connection is of use for this reply alone.
    /// - Parameter length: how long all of it is; nil sends it in chunks.
    package func begin(
        _ request: HTTPClientRequest, host: String, length: Int?, until deadline: Deadline,
        content: @escaping @Sendable () async throws -> [UInt8]?
    ) async throws -> HTTPResponse {
        start(request)
        isSent = false
        let framing = length.map { "Content-Length: \($0)\r\n" } ?? "Transfer-Encoding: chunked\r\n"
        try await stream.write(HTTPClientConnection.head(request, host: host, framing: framing), until: deadline)
        let (head, failure) = await withTaskGroup(of: Part.self) { group -> (HTTPResponse?, (any Error)?) in
            group.addTask { await self.send(content, isChunked: length == nil, until: deadline) }
            group.addTask {
                do { return .head(.success(try await self.head(until: deadline))) } catch { return .head(.failure(error)) }
            }
            defer { group.cancelAll() }
            var broken: (any Error)?
            for await part in group {
                switch part {
                case .sent(nil):
                    isSent = true
                    phase = .headers
                // A server that takes no more may have said why; the reader hears that, or the end, at once.
                case .sent(let error?) where Self.isGone(error): broken = error
                case .sent(let error): return (nil, error)
                case .head(.success(let head)): return (head, nil)
                case .head(.failure(let error)): return (nil, broken ?? error)
                }
            }
            return (nil, broken)
        }
        guard let head else { throw failure ?? IOError(.closed, "reply") }
        phase = .body
        return head
    }

    private func send(_ content: @Sendable () async throws -> [UInt8]?, isChunked: Bool, until deadline: Deadline) async -> Part {
        do {
            while let piece = try await content() {
                if piece.isEmpty { continue }
                try await stream.write(isChunked ? Self.chunk(piece) : piece, until: deadline)
            }
            if isChunked { try await stream.write(Array("0\r\n\r\n".utf8), until: deadline) }
            return .sent(nil)
        } catch {
            return .sent(error)
        }
    }

    private static func chunk(_ piece: [UInt8]) -> [UInt8] { Array("\(String(piece.count, radix: 16))\r\n".utf8) + piece + [13, 10] }

    /// Whether the server has closed its end.
    private static func isGone(_ error: any Error) -> Bool {
        switch (error as? IOError)?.code {
        case .system(let code)?: code.code == EPIPE || code.code == ECONNRESET
        case .tls?, .closed?: true
        default: false
        }
    }
}
