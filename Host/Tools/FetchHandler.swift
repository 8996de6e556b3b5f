package import Egress
package import IO
package import WorkerProtocol

/// Whose request for the network it is: all of it comes from the call, nothing from the plugin.
package struct FetchContext: Sendable {
    package let caller: EgressCaller
    /// What the plugin may reach; nil when nothing.
    package let access: EgressAccess?
    /// How many requests the same call has made before.
    package let before: Int

    package init(caller: EgressCaller, access: EgressAccess?, before: Int) {
        self.caller = caller
        self.access = access
        self.before = before
    }
}

/// A reply that is read piece by piece; on the loop of its call.
package protocol FetchStream: Sendable {
    /// The next piece, whose id is the caller's to fill in.
    func next() async -> FetchPiecePayload
    /// Ends it before its end; a second time does nothing.
    func close()
}

/// What became of a request whose reply is to be read piece by piece.
package enum FetchOpening: Sendable {
    /// No reply: the payload says why.
    case refused(FetchReplyPayload)
    /// The reply's head, and the rest.
    case open(FetchReplyPayload, any FetchStream)
}

/// Answers a plugin's requests for the network: the egress proxy, or a refusal where there is none.
package protocol FetchHandler: Sendable {
    /// Makes the request if the plugin may, until `deadline`; ends it when the task is cancelled.
    func fetch(_ request: FetchPayload, for context: FetchContext, until deadline: Deadline) async -> FetchReplyPayload
    /// As `fetch`, with the body left to be read piece by piece by whoever gets it, and closed.
    func open(_ request: FetchPayload, for context: FetchContext, until deadline: Deadline) async -> FetchOpening
    /// As `open`, with a body that is written piece by piece.
    func begin(_ request: FetchBeginPayload, _ body: EgressBody, for context: FetchContext, until deadline: Deadline) async -> FetchOpening
}

extension FetchHandler {
    /// For a handler that sends whole bodies only: waits for all of it.
    package func begin(
        _ request: FetchBeginPayload, _ body: EgressBody, for context: FetchContext, until deadline: Deadline
    ) async -> FetchOpening {
        do {
            let whole = try await body.collected(bytesMax: ToolLimits.wholeBodyBytesMax)
            return await open(FetchPayload(id: request.id, request: request.request, body: whole), for: context, until: deadline)
        } catch {
            let failure = (error as? EgressFailure) ?? EgressFailure(.request, "the body was not written to its end")
            return .refused(FetchReplyPayload(id: request.id, status: 0, errorCode: failure.code, errorMessage: failure.description))
        }
    }

    /// For a handler that has whole replies only: cuts them up.
    package func open(_ request: FetchPayload, for context: FetchContext, until deadline: Deadline) async -> FetchOpening {
        var reply = await fetch(request, for: context, until: deadline)
        guard reply.status != 0 else { return .refused(reply) }
        let body = reply.body
        reply.body = []
        return .open(reply, PiecesStream(of: body))
    }
}

/// A body at hand, in pieces.
package final class PiecesStream: FetchStream {
    private let rest: Lock<ArraySlice<UInt8>>

    package init(of body: [UInt8]) { rest = Lock(body[...]) }

    package func next() async -> FetchPiecePayload {
        rest.withLock { rest in
            let piece = rest.prefix(FetchPiecePayload.dataBytesMax)
            rest = rest.dropFirst(piece.count)
            return FetchPiecePayload(isLast: piece.isEmpty, data: Array(piece))
        }
    }

    package func close() { rest.withLock { $0 = [] } }
}

/// Refuses every request with `forbidden`: this host has no proxy.
package struct ForbiddenFetch: FetchHandler {
    package init() {}
    package func fetch(_ request: FetchPayload, for context: FetchContext, until deadline: Deadline) async -> FetchReplyPayload {
        FetchReplyPayload(id: request.id, status: 0, errorCode: "forbidden", errorMessage: "this host allows no requests to the network")
    }
}

/// Makes requests through the egress proxy.
package struct ProxyFetch: FetchHandler {
    private let proxy: EgressProxy

    package init(_ proxy: EgressProxy) { self.proxy = proxy }

    package func fetch(_ request: FetchPayload, for context: FetchContext, until deadline: Deadline) async -> FetchReplyPayload {
        guard let access = context.access else { return Self.failure(request.id, "forbidden", EgressRefusal.noNetwork.description) }
        let wanted: EgressRequest
        do throws(EgressRequest.Malformed) {
            wanted = try EgressRequest(parsing: request.request, body: request.body)
        } catch {
            return Self.failure(request.id, "invalid", error.reason)
        }
        do throws(EgressError) {
            let reply = try await proxy.fetch(wanted, access: access, caller: context.caller, before: context.before, until: deadline)
            return FetchReplyPayload(id: request.id, status: UInt32(reply.status), headers: reply.headersJSON, body: reply.body)
        } catch {
            return Self.failure(request.id, error.code, error.message)
        }
    }

    package func open(_ request: FetchPayload, for context: FetchContext, until deadline: Deadline) async -> FetchOpening {
        await open(request.id, context, until: deadline) { () throws(EgressRequest.Malformed) in
            try EgressRequest(parsing: request.request, body: request.body)
        }
    }

    package func begin(
        _ request: FetchBeginPayload, _ body: EgressBody, for context: FetchContext, until deadline: Deadline
    ) async -> FetchOpening {
        await open(request.id, context, until: deadline) { () throws(EgressRequest.Malformed) in
            var wanted = try EgressRequest(parsing: request.request, body: [])
            if wanted.followsRedirects { throw EgressRequest.Malformed(reason: "a body that is written piece by piece follows no redirects") }
            wanted.upload = body
            return wanted
        }
    }

    private func open(
        _ id: UInt32, _ context: FetchContext, until deadline: Deadline, _ read: () throws(EgressRequest.Malformed) -> EgressRequest
    ) async -> FetchOpening {
        guard let access = context.access else { return .refused(Self.failure(id, "forbidden", EgressRefusal.noNetwork.description)) }
        let wanted: EgressRequest
        do throws(EgressRequest.Malformed) { wanted = try read() } catch { return .refused(Self.failure(id, "invalid", error.reason)) }
        do throws(EgressError) {
            let stream = try await proxy.open(wanted, access: access, caller: context.caller, before: context.before, until: deadline)
            let head = FetchReplyPayload(id: id, status: UInt32(stream.head.status), headers: stream.head.headersJSON)
            return .open(head, ProxyStream(stream: stream))
        } catch {
            return .refused(Self.failure(id, error.code, error.message))
        }
    }

    private struct ProxyStream: FetchStream {
        let stream: EgressStream

        func next() async -> FetchPiecePayload {
            do throws(EgressError) {
                let piece = try await stream.next()
                return FetchPiecePayload(isLast: piece == nil, data: piece ?? [])
            } catch {
                return FetchPiecePayload(errorCode: error.code, errorMessage: error.message)
            }
        }

        func close() { stream.close() }
    }

    private static func failure(_ id: UInt32, _ code: String, _ message: String) -> FetchReplyPayload {
        FetchReplyPayload(id: id, status: 0, errorCode: code, errorMessage: message)
    }
}
