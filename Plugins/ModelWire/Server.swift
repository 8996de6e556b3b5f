package import JSON
package import LimenPlugin

/// The server that an adapter speaks to, as the operator's `config` names it.
package struct Server: Sendable {
    /// Without a slash at its end.
    package let base: String
    /// For errors.
    package let errors: ProviderError

    /// `base_url` of the configuration, else the provider's own.
    package init(_ name: String, config: JSONValue, base standard: String) {
        var base = config["base_url"]?.stringValue ?? standard
        while base.hasSuffix("/") { base.removeLast() }
        self.base = base
        let host = base.split(separator: "/", omittingEmptySubsequences: true).dropFirst().first.map(String.init) ?? base
        errors = ProviderError(server: "\(name) at \(host)")
    }

    /// Sends JSON and opens the reply; throws in the host's codes unless the server agrees.
    package func post(_ path: String, _ body: JSONObject, headers: [String: String] = [:], _ context: ToolContext) async throws -> FetchStream {
        var request = FetchRequest(base + path, method: "POST", headers: headers)
        request.headers["content-type"] = "application/json"
        request.headers["accept"] = body["stream"] == true ? "text/event-stream, application/json" : "application/json"
        let stream: FetchStream
        do {
            stream = try await open(request, JSONValue.object(body).serialized(), context)
        } catch {
            throw errors.cut(error, sentTokens: false)
        }
        guard (200...299).contains(stream.status) else {
            // try?: what the server says about it helps, and is not needed.
            let words = (try? await stream.body.collected(bytesMax: Limits.complaintBytesMax)) ?? []
            throw errors.refused(status: stream.status, headers: stream.headers, body: words)
        }
        return stream
    }

    /// The whole of a reply that is JSON.
    package func json(_ stream: FetchStream) async throws -> JSONValue {
        let body: [UInt8]
        do { body = try await stream.body.collected(bytesMax: Limits.replyBytesMax) } catch { throw errors.cut(error, sentTokens: false) }
        return try errors.parsed(body)
    }

    /// A long conversation does not fit into one frame to the host.
    private func open(_ request: FetchRequest, _ body: [UInt8], _ context: ToolContext) async throws -> FetchStream {
        var request = request
        guard body.count > Limits.wholeBodyBytesMax else {
            request.body = body
            return try await context.fetchStream(request)
        }
        return try await context.fetchStream(request, body: Pieces(rest: body[...]), length: body.count)
    }
}

/// Bytes at hand, in pieces.
private struct Pieces: AsyncSequence, AsyncIteratorProtocol, Sendable {
    var rest: ArraySlice<UInt8>

    func makeAsyncIterator() -> Pieces { self }

    mutating func next() async -> [UInt8]? {
        guard !rest.isEmpty else { return nil }
        defer { rest = rest.dropFirst(Limits.pieceBytes) }
        return Array(rest.prefix(Limits.pieceBytes))
    }
}
