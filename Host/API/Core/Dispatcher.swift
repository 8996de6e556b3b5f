package import Telemetry
import JSON

/// Takes a request through the table: route, access, checks, handler, envelope. Everything that fails leaves through `failure`.
package struct Dispatcher: Sendable {
    package let table: RouteTable
    private let authenticator: Authenticator
    private let log: Log
    private let metrics: APIMetrics
    package let options: APIOptions

    /// Makes a dispatcher over a compiled table.
    package init(table: RouteTable, authenticator: Authenticator, log: Log, metrics: Metrics, options: APIOptions = .init()) {
        self.table = table
        self.options = options
        self.authenticator = authenticator
        self.log = log
        self.metrics = APIMetrics(metrics)
    }

    /// Whether a request's body is worth reading.
    package enum Admission: Sendable {
        case accept(bodyBytesMax: Int)
        case refuse(APIResponse)
    }

    /// Judges a request by its head: the body of a stranger, or for a route that does not exist, is never read.
    package func admit(_ request: APIRequest) -> Admission {
        do throws(APIError) {
            let (compiled, _) = try find(request)
            if compiled.route.access == .key { _ = try authenticator.principal(of: request) }
            try checkMemory(compiled)
            return .accept(bodyBytesMax: compiled.bodyBytesMax)
        } catch {
            let identity = identity(of: request)
            metrics.finish(metrics.start(), method: request.method, route: "refused", status: error.status)
            return .refuse(finished(Self.failure(error, requestID: identity.requestID), identity))
        }
    }

    private func identity(of request: APIRequest) -> RequestIdentity {
        RequestIdentity(
            requestID: request.requestID ?? request.values("x-request-id").first, traceparent: request.values("traceparent").first)
    }

    private func finished(_ response: APIResponse, _ identity: RequestIdentity) -> APIResponse {
        var response = response
        response.headers += [("X-Request-Id", identity.requestID), ("traceparent", identity.traceparent)]
        return response
    }

    /// Answers a request.
    package func respond(to request: APIRequest) async -> APIResponse {
        let identity = identity(of: request)
        let started = metrics.start()
        var response: APIResponse
        var template = "unmatched"
        do throws(APIError) {
            let (compiled, parameters) = try find(request)
            template = compiled.route.path.description
            response = try await answer(request, compiled, parameters, identity)
        } catch {
            response = Self.failure(error, requestID: identity.requestID)
        }
        if request.method == "HEAD", case .bytes = response.body { response.body = .bytes([]) }
        metrics.finish(started, method: request.method, route: template, status: response.status)
        if response.status >= 500 {
            log.error(
                "request failed",
                [("request_id", .string(identity.requestID)), ("route", .string(template)), ("status", JSONValue(response.status))])
        }
        return finished(response, identity)
    }

    private func find(_ request: APIRequest) throws(APIError) -> (CompiledRoute, [String: String]) {
        switch table.match(method: request.method, path: request.path) {
        case .route(let compiled, let parameters): return (compiled, parameters)
        case .notFound: throw .missing("route")
        case .methodNotAllowed(let methods):
            throw APIError(
                .validationError, status: 405, "This path does not take \(request.method.prefix(16)).",
                headers: [("Allow", methods.joined(separator: ", "))])
        }
    }

    private func answer(
        _ request: APIRequest, _ compiled: CompiledRoute, _ parameters: [String: String], _ identity: RequestIdentity
    ) async throws(APIError) -> APIResponse {
        let principal: Principal =
            switch compiled.route.access {
            case .anonymous: .anonymous
            case .key: try authenticator.principal(of: request)
            }
        try checkMemory(compiled)
        let reader = RequestReader(compiled: compiled, request: request)
        let context = try reader.context(identity: identity, principal: principal, parameters: parameters)
        let response = render(try await compiled.route.handler(context), compiled.route, context)
        guard response.bytes.count <= options.outputBytesMax else { throw .tooLong(response.bytes.count, max: options.outputBytesMax) }
        return response
    }

    /// Turns new work away while memory is short; what reads or administrates goes on, so that an operator sees and can act (LIM-4).
    private func checkMemory(_ compiled: CompiledRoute) throws(APIError) {
        if compiled.isNewWork, options.isShortOfMemory() { throw .shortOfMemory }
    }

    private func render(_ reply: Reply, _ route: Route, _ context: RequestContext) -> APIResponse {
        let json = [("Content-Type", "application/json")]
        switch reply {
        case .data(let value, let status):
            let bytes = route.enveloped ? Envelope.success(value, requestID: context.requestID) : value.serialized()
            return APIResponse(status: status, headers: json, body: .bytes(bytes))
        case .dataBytes(let data, let status):
            let bytes = Envelope.success(bytes: data, requestID: context.requestID)
            return APIResponse(status: status, headers: json, body: .bytes(bytes))
        case .raw(let contentType, let bytes, let status):
            return APIResponse(status: status, headers: [("Content-Type", contentType)], body: .bytes(bytes))
        case .events(let run):
            return APIResponse(status: 200, headers: [("Content-Type", "text/event-stream")], body: .events(run))
        }
    }

    /// The envelope of a failure, with its headers.
    package static func failure(_ error: APIError, requestID: String) -> APIResponse {
        APIResponse(
            status: error.status, headers: [("Content-Type", "application/json")] + error.headers,
            body: .bytes(Envelope.failure(error, requestID: requestID)))
    }
}
