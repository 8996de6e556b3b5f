import HTTP
import IO

/// One request of a plugin, with the redirects that it follows; for one task.
final class EgressExchange {
    let request: EgressRequest
    let access: EgressAccess
    let caller: EgressCaller
    private let proxy: EgressProxy
    private(set) var bytesOut = 0
    private(set) var bytesIn = 0
    /// Whom the log names: what was asked last.
    private(set) var shown: (host: String, port: Int)?
    private var url: EgressURL?
    private var secrets = SecretSet.none
    private var redirects: EgressRedirects?
    /// The reply that the plugin gets is left unread, to be read piece by piece.
    private let isStreamed: Bool

    init(_ proxy: EgressProxy, _ request: EgressRequest, _ access: EgressAccess, _ caller: EgressCaller, isStreamed: Bool = false) {
        self.isStreamed = isStreamed
        self.proxy = proxy
        self.request = request
        self.access = access
        self.caller = caller
    }

    /// Counts what came of a streamed reply.
    func count(in bytes: Int) { bytesIn += bytes }

    /// What the policy says before anything is looked up.
    func firstDecision() -> EgressDecision {
        do throws(EgressRefusal) {
            let url = try EgressURL(request.url)
            self.url = url
            shown = (url.host.shown, url.port)
            try EgressHeaders.check(request.fields)
            return access.policy.decide(url, method: request.method)
        } catch {
            return EgressDecision(steps: [EgressStep("url", error.description, isPassed: false)], refusal: error)
        }
    }

    /// Makes an allowed request, following redirects as far as the plugin and the policy want; the reply is the plugin's.
    func run(_ first: EgressDecision, until deadline: Deadline) async throws(EgressError) -> EgressInbound {
        guard let start = url else { throw .refused(.urlEmpty) }
        secrets = try await proxy.secretSet(access, caller)
        redirects = EgressRedirects(url: start, method: request.method, isAsked: request.followsRedirects)
        var url = start
        var hop = EgressRedirects.Hop(decision: first, method: request.method, keepsCredentials: true, keepsBody: true)
        while true {
            shown = (url.host.shown, url.port)
            let reply = try await make(hop, url, until: deadline)
            url = redirects?.url ?? url
            switch reply.action {
            case .deliver: return reply
            case .refuse(let decision): throw .refused(decision.refusal ?? .redirectAmbiguous)
            case .follow(let next): hop = next
            }
        }
    }

    /// One hop. Secrets come first: what they refuse is refused before any look-up, and their use is on record before anything is sent.
    private func make(_ hop: EgressRedirects.Hop, _ url: EgressURL, until deadline: Deadline) async throws(EgressError) -> EgressInbound {
        let outward: SecretSet.Outward
        do throws(EgressRefusal) {
            outward = try secrets.apply(to: url, fields: fields(hop), keepsCredentials: hop.keepsCredentials)
        } catch {
            throw .refused(error)
        }
        try await proxy.noteUse(outward.used, by: caller)
        return try await send(outbound(hop, outward), hop, url, until: deadline)
    }

    /// Sends a request: over a connection that is kept, else over a new one. A kept one that the server has closed meanwhile is no failure of a request that
    /// may be made twice.
    private func send(
        _ outbound: HTTPClientRequest, _ hop: EgressRedirects.Hop, _ url: EgressURL, until deadline: Deadline
    ) async throws(EgressError) -> EgressInbound {
        let key = EgressPool.Key(
            plugin: caller.plugin, tenant: caller.tenant, secrets: secrets.identity, scheme: url.scheme, host: url.host, port: url.port)
        // A body that is sent once cannot be sent again: it goes over a connection that nobody has kept.
        while request.upload == nil, let kept = proxy.pool.take(key) {
            let inbound = inbound(hop)
            do throws(EgressError) {
                return try await exchange(outbound, over: kept, host: url.authority, key, inbound, until: deadline)
            } catch {
                let mayRepeat = ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"].contains(hop.method)
                guard mayRepeat, !inbound.hasBegun, case .failed(let failure) = error, [.request, .headers].contains(failure.phase) else {
                    throw error
                }
            }
        }
        let connection = try await connect(hop.decision, key, until: min(deadline, .after(milliseconds: Limits.connectMillisecondsMax)))
        return try await exchange(outbound, over: connection, host: url.authority, key, inbound(hop), until: deadline)
    }

    private func inbound(_ hop: EgressRedirects.Hop) -> EgressInbound {
        EgressInbound(bytesMax: responseBytesMax, isHead: hop.method == "HEAD", scrubber: proxy.scrubber(of: secrets))
    }

    private var responseBytesMax: Int { min(access.responseBytesMax, request.responseBytesMax ?? .max) }

    private func connect(_ decision: EgressDecision, _ key: EgressPool.Key, until deadline: Deadline) async throws(EgressError)
        -> HTTPClientConnection
    {
        let judged: EgressDecision
        do throws(EgressFailure) { judged = try await proxy.dialer.judged(decision, by: access.policy, until: deadline) } catch {
            throw Task.isCancelled ? .cancelled : .failed(error)
        }
        if let rule = judged.refusal { throw .refused(rule) }
        do throws(EgressFailure) {
            return HTTPClientConnection(try await proxy.dialer.connect(judged, scope: key.scope, until: deadline).stream)
        } catch {
            throw Task.isCancelled ? .cancelled : .failed(error)
        }
    }

    private func exchange(
        _ outbound: HTTPClientRequest, over connection: HTTPClientConnection, host: String, _ key: EgressPool.Key, _ inbound: EgressInbound,
        until deadline: Deadline
    ) async throws(EgressError) -> EgressInbound {
        bytesOut += outbound.body.count
        do {
            try inbound.take(head: try await begin(outbound, over: connection, host: host, until: deadline))
            inbound.action = redirects?.take(status: inbound.status, locations: inbound.locations, policy: access.policy) ?? .deliver
            if isStreamed, case .deliver = inbound.action {
                inbound.source = EgressInbound.Source(connection: connection, key: key)
                return inbound
            }
            defer { bytesIn += inbound.received }
            try await inbound.collect(from: connection, until: deadline)
            proxy.pool.give(connection, key)
            return inbound
        } catch {
            let phase = connection.phase
            connection.end()
            throw Task.isCancelled ? .cancelled : .failed(Self.failure(error, phase))
        }
    }

    /// Sends the request and reads the head of its reply.
    private func begin(
        _ outbound: HTTPClientRequest, over connection: HTTPClientConnection, host: String, until deadline: Deadline
    ) async throws -> HTTPResponse {
        guard let upload = request.upload else { return try await connection.begin(outbound, host: host, until: deadline) }
        defer { bytesOut += upload.written }
        let head = try await connection.begin(outbound, host: host, length: upload.length, until: deadline) { try await upload.next() }
        upload.end(.replied)
        return head
    }

    /// The plugin's own fields that go along on this hop.
    private func fields(_ hop: EgressRedirects.Hop) -> [(name: String, value: String)] {
        request.fields.filter { field in
            let lower = field.name.lowercased()
            if !hop.keepsCredentials && EgressHeaders.credentials.contains(lower) { return false }
            // How the reply is coded is between the proxy and the server.
            return lower != "accept-encoding" && (hop.keepsBody || !lower.hasPrefix("content-"))
        }
    }

    /// The request as it is sent on this hop.
    private func outbound(_ hop: EgressRedirects.Hop, _ outward: SecretSet.Outward) -> HTTPClientRequest {
        var headers = HTTPHeaders()
        for (name, value) in outward.fields { headers.add(name, value) }
        if !headers.contains("User-Agent") { headers.add("User-Agent", "limen") }
        if !headers.contains("Accept") { headers.add("Accept", "*/*") }
        headers.add("Accept-Encoding", "gzip, deflate")
        if !headers.contains("X-Request-Id") { headers.add("X-Request-Id", caller.requestID) }
        if let traceparent = caller.traceparent, !headers.contains("traceparent") { headers.add("traceparent", traceparent) }
        let method = HTTPMethod(rawValue: hop.method) ?? .get
        return HTTPClientRequest(method, outward.url.target, headers: headers, body: hop.keepsBody ? request.body : [])
    }

    /// What went wrong, in the words of the phase.
    static func failure(_ error: any Error, _ phase: HTTPClientError.Phase?) -> EgressFailure {
        switch error {
        case let failure as EgressFailure: return failure
        case let fault as EgressBody.Fault: return fault.failure
        case ContentDecoder.Fault.tooLarge: return EgressFailure(.size, "the reply is too large when it is decompressed")
        case let fault as ContentDecoder.Fault: return EgressFailure(.body, "the reply's coding is broken: \(fault.rawValue)")
        case let failure as HTTPFailure: return EgressFailure(phase == .body ? .body : .headers, "the reply breaks the rules: \(failure.message)")
        case let error as IOError where error.code == .timedOut: return EgressFailure(.timeout, "no reply in time (\(phase?.rawValue ?? "body"))")
        case let error as IOError:
            let reason = if case .tls(let failure) = error.code { failure.reason } else { "the server ended the connection" }
            return EgressFailure(EgressPhase(rawValue: phase?.rawValue ?? "body") ?? .body, reason)
        default: return EgressFailure(.body, "the reply could not be read")
        }
    }
}
