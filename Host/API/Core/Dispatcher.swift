import HTTP
import IO
import JSON
package import Store
package import Telemetry

/// Takes a request through the table: route, access, rate, checks, handler, envelope. Everything that fails leaves through `failure`.
package struct Dispatcher: Sendable {
    package let table: RouteTable
    package let options: APIOptions
    /// The buckets of all classes.
    package let limiter: RateLimiter
    let crossOrigin: CrossOrigin
    let authenticator: Authenticator
    /// Where answers to idempotency keys are kept; nil where none are.
    let requests: IdempotencyStore?
    let log: Log
    private let metrics: APIMetrics

    /// Makes a dispatcher over a compiled table.
    package init(
        table: RouteTable, authenticator: Authenticator, requests: IdempotencyStore? = nil, log: Log, metrics: Metrics, options: APIOptions = .init()
    ) {
        self.table = table
        self.requests = requests
        self.options = options
        self.authenticator = authenticator
        self.log = log
        self.metrics = APIMetrics(metrics, routes: table.routes)
        limiter = options.limiter ?? RateLimiter(policies: options.rates)
        crossOrigin = CrossOrigin(options.corsOrigins)
    }

    /// Whether a request's body is worth reading.
    package enum Admission: Sendable {
        /// It may have so many bytes and take so long; nil for the server's own time.
        case accept(bodyBytesMax: Int, bodyMilliseconds: Int?)
        case refuse(APIResponse)
    }

    /// What is known of a request on its way.
    struct Trail {
        let started = Deadline.now()
        var route: CompiledRoute?
        var principal = Principal.anonymous
        var rate: RateLimiter.Verdict?
        /// The next id of the caller's session, when it was renewed.
        var renewedSession: String?
    }

    /// Judges a request by its head: the body of a stranger, or for a route that does not exist, is never read.
    package func admit(_ request: APIRequest) -> Admission {
        var trail = Trail()
        do throws(APIError) {
            if request.method == "OPTIONS" { return .accept(bodyBytesMax: 0, bodyMilliseconds: nil) }
            let (route, _) = try find(request)
            trail.route = route
            let isKnown = try judge(request, route, &trail)
            try checkMemory(route)
            // Only asked here; `respond` takes.
            if isKnown, let key = rateKey(request, trail) { try hold(limiter.glance(key, now: trail.started), &trail) }
            return .accept(bodyBytesMax: route.bodyBytesMax, bodyMilliseconds: route.route.bodyMilliseconds)
        } catch {
            let identity = identity(of: request)
            metrics.refuse(error)
            count(request, trail, status: error.status)
            return .refuse(finished(Self.failure(error, requestID: identity.requestID, path: request.path), request, identity, trail))
        }
    }

    /// Answers a request.
    package func respond(to request: APIRequest) async -> APIResponse {
        let identity = identity(of: request)
        var trail = Trail()
        var response: APIResponse
        do throws(APIError) {
            response = try await answer(request, identity, &trail)
        } catch {
            metrics.refuse(error)
            response = Self.failure(error, requestID: identity.requestID, path: request.path)
        }
        await compress(&response, for: request)
        count(request, trail, status: response.status)
        if response.status >= 500 {
            log.error(
                "request failed",
                [
                    ("request_id", .string(identity.requestID)), ("route", .string(trail.route?.template ?? "unmatched")),
                    ("status", JSONValue(response.status)),
                ])
        }
        return finished(response, request, identity, trail)
    }

    private func answer(_ request: APIRequest, _ identity: RequestIdentity, _ trail: inout Trail) async throws(APIError) -> APIResponse {
        if request.method == "OPTIONS" { return try options(request, &trail) }
        let (route, values) = try find(request)
        trail.route = route
        (trail.principal, trail.renewedSession) = try await principal(of: request, route, trail.started)
        try checkMemory(route)
        if let key = rateKey(request, trail) { try hold(await limiter.draw(key, now: trail.started), &trail) }
        try Authorisation.check(trail.principal, route.route)
        let reader = RequestReader(compiled: route, request: request)
        let context = try reader.context(identity: identity, principal: trail.principal, values: values)
        let counted = metrics.of(route)
        counted.begin()
        defer { counted.end() }
        let place = try await place(for: trail.principal, route.route)
        var response = try await once(route, context, request)
        response.body = streaming(response.body, place, counted, request.path)
        return response
    }

    /// The same body, which holds its caller's place until it is over, however it ends, and is counted as under way until then.
    private func streaming(_ body: APIResponse.Body, _ place: ConcurrencyLease?, _ counted: RouteMetrics, _ path: String) -> APIResponse.Body {
        switch body {
        case .bytes, .socket:
            place?.release()
            return body
        case .pieces(let write):
            let underWay = StreamUnderWay(counted)
            return .pieces { writer in
                defer { place?.release() }
                try await write(writer)
                _ = underWay
            }
        case .events(let run):
            let underWay = StreamUnderWay(counted)
            return .events { sink in
                defer { place?.release() }
                do {
                    try await run(sink)
                } catch let error as APIError {
                    try await sink.send("error", error.json)
                }
                _ = underWay
            }
        case .dataEvents(let run):
            let underWay = StreamUnderWay(counted)
            return .dataEvents { write in
                defer { place?.release() }
                do {
                    try await run(write)
                } catch let error as APIError {
                    try await write(ErrorShape(path: path).json(error).text)
                }
                _ = underWay
            }
        }
    }

    /// What the handler answers, as it is sent.
    func handle(_ route: CompiledRoute, _ context: RequestContext, _ request: APIRequest) async throws(APIError) -> APIResponse {
        let response = try render(try await route.route.handler(context), route.route, context, request)
        guard response.bytes.count <= options.outputBytesMax else {
            var error = APIError.tooLong(response.bytes.count, max: options.outputBytesMax)
            error.mayHaveActed = true
            throw error
        }
        return response
    }

    /// The place that the route's row asks for; one that is not given back by hand is when nobody refers to it any more.
    private func place(for principal: Principal, _ route: Route) async throws(APIError) -> ConcurrencyLease? {
        guard let kind = route.concurrency, let leases = options.leases else { return nil }
        return try await leases.acquire(kind, principal)
    }

    private func find(_ request: APIRequest) throws(APIError) -> (CompiledRoute, [String]) {
        switch table.match(method: request.method, path: request.path) {
        case .route(let route, let values):
            guard request.headBytes <= route.headBytesMax else {
                throw APIError(
                    .validationError, status: 431,
                    "The request line and fields are longer than the \(route.headBytesMax) bytes that this route takes.")
            }
            return (route, values)
        case .notFound: throw .missing("route")
        case .methodNotAllowed(let methods):
            throw APIError(
                .validationError, status: 405, "This path does not take \(request.method.prefix(16)).",
                headers: [("Allow", methods.joined(separator: ", "))])
        }
    }

    /// Which methods a path takes, and whether a page may use them; needs no key, because browsers send none here.
    private func options(_ request: APIRequest, _ trail: inout Trail) throws(APIError) -> APIResponse {
        try hold(limiter.take(RateKey(.strangers, address: request.remoteAddress), now: trail.started), &trail)
        let methods: [String]? = request.path == "*" ? ["GET", "HEAD", "OPTIONS", "POST"] : table.methods(path: request.path)
        guard let allowed = methods?.joined(separator: ", ") else { throw .missing("route") }
        var response = APIResponse(status: 204, headers: [("Allow", allowed)], body: .bytes([]))
        crossOrigin.finishPreflight(&response, to: request, methods: allowed)
        return response
    }

    /// What the head alone tells of the caller: true when it is known who that is. A credential that only the store can judge is let through here, at
    /// most as often as its address may be wrong, and judged by `respond`.
    private func judge(_ request: APIRequest, _ route: CompiledRoute, _ trail: inout Trail) throws(APIError) -> Bool {
        if route.route.access == .anonymous { return true }
        let strangers = RateKey(.strangers, address: request.remoteAddress)
        switch authenticator.glance(at: request) {
        case .known(let principal):
            trail.principal = principal
            try Authorisation.check(principal, route.route)
            return true
        case .possible:
            let verdict = limiter.take(strangers, now: trail.started, isAsking: true)
            if !verdict.isAllowed { throw verdict.refusal }
            return false
        case .none:
            let verdict = limiter.take(strangers, now: trail.started)
            throw verdict.isAllowed ? Authenticator.refusal : verdict.refusal
        }
    }

    private func principal(
        of request: APIRequest, _ route: CompiledRoute, _ now: Deadline
    ) async throws(APIError) -> (Principal, renewedSession: String?) {
        if route.route.access == .anonymous { return (.anonymous, nil) }
        if route.route.isSocket, !Authenticator.hasCredential(request) { return (.anonymous, nil) }
        do throws(APIError) {
            return try await authenticator.principal(of: request)
        } catch {
            // Whoever has a key is never held up by those at the same address who have none.
            guard error.code == .unauthorized else { throw error }
            let verdict = await limiter.draw(RateKey(.strangers, address: request.remoteAddress), now: now)
            throw verdict.isAllowed ? error : verdict.refusal
        }
    }

    /// Whose bucket of the route's class it is: the principal's, or the address's where nobody signed in or machines ask.
    private func rateKey(_ request: APIRequest, _ trail: Trail) -> RateKey? {
        guard let limitClass = trail.route?.route.limitClass else { return nil }
        let isByAddress = limitClass == .operations || trail.principal.tenant.isEmpty
        return isByAddress ? RateKey(limitClass, address: request.remoteAddress) : RateKey(limitClass, trail.principal)
    }

    /// - Throws: 429 when the bucket is empty.
    private func hold(_ verdict: RateLimiter.Verdict, _ trail: inout Trail) throws(APIError) {
        // Who only asks whether the server is well need not be told on every reply.
        if verdict.limitClass != .operations || !verdict.isAllowed { trail.rate = verdict }
        if !verdict.isAllowed { throw verdict.refusal }
    }

    /// Turns new work away while memory is short; what reads or administrates goes on, so that an operator sees and can act (LIM-4).
    private func checkMemory(_ route: CompiledRoute) throws(APIError) {
        if route.isNewWork, options.isShortOfMemory() { throw .shortOfMemory }
    }

    private func count(_ request: APIRequest, _ trail: Trail, status: Int) {
        if let route = trail.route {
            metrics.of(route).finish(trail.started, status: status)
        } else {
            metrics.finishUnmatched(trail.started, method: request.method, status: status)
        }
    }

    private func identity(of request: APIRequest) -> RequestIdentity {
        RequestIdentity(
            requestID: request.requestID ?? request.values("x-request-id").first, traceparent: request.values("traceparent").first)
    }

    /// Adds what every reply carries.
    private func finished(_ response: APIResponse, _ request: APIRequest, _ identity: RequestIdentity, _ trail: Trail) -> APIResponse {
        var response = response
        response.headers += [("X-Request-Id", identity.requestID), ("traceparent", identity.traceparent)]
        if let rate = trail.rate { response.headers += rate.headers }
        if let session = trail.renewedSession { response.headers.append(("X-Session", session)) }
        crossOrigin.finish(&response, to: request)
        response.note = HTTPNote(route: trail.route?.template, caller: trail.principal == .anonymous ? nil : trail.principal.id)
        return response
    }
}
