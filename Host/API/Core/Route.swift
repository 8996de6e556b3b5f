package import JSON
package import JSONSchema

/// Who may call a route.
package enum Access: String, Sendable {
    /// Anyone who can reach the port: liveness, readiness, and the doors to sign in.
    case anonymous
    /// Whoever has an account, by session or by API key.
    case user
    /// Whoever signed in; no API key.
    case session
    /// An admin of a tenant, or an operator.
    case admin
    /// An operator of the host.
    case operatorOfHost = "operator"
}

/// One route: everything about it that the router, the checks and the OpenAPI document need.
package struct Route: Sendable {
    package typealias Handler = @Sendable (RequestContext) async throws(APIError) -> Reply

    package var method: String
    package var path: PathTemplate
    /// Name of the operation in the OpenAPI document.
    package var operation: String
    package var summary: String
    package var tag: String
    package var access: Access
    package var limitClass: LimitClass
    /// Parameters of the path, one for each name of the template.
    package var pathParameters: [Parameter]
    /// Parameters of the query, all optional; any other is refused.
    package var queryParameters: [Parameter]
    /// Longest body in bytes where the route wants another limit than `limits.body_bytes`.
    package var bodyBytesMax: Int?
    /// Milliseconds from head to end of the body where the route wants another limit than the server's.
    package var bodyMilliseconds: Int?
    /// Schema of the body; nil when the route takes none.
    package var body: JSONValue?
    /// Schema of `data` in a success.
    package var data: JSONValue
    /// What the route can send, its own preference first.
    package var produces: [MediaType]
    /// Whether success is wrapped in the envelope; false for the three machine routes and `/openapi.json`.
    package var enveloped: Bool
    /// Whether `Idempotency-Key` is honoured: on every POST of whoever signed in.
    package var idempotent: Bool
    /// Whether a success shows something that is shown once and kept nowhere, such as a key: it is not replayed either.
    package var isShownOnce = false
    /// Whether somebody who must set another password first may call it.
    package var worksBeforeChange = false
    /// Whether it is a WebSocket's: whoever shows no credential in its head may do so in its first message.
    package var isSocket = false
    /// What of a user's it is that runs at most so often at once.
    package var concurrency: LeaseClass?
    package var handler: Handler

    /// The same route, which takes one of its caller's places for as long as it runs.
    package func taking(_ kind: LeaseClass) -> Route {
        var route = self
        route.concurrency = kind
        return route
    }

    /// The same route, for somebody who must set another password first too.
    var alsoBeforeChange: Route {
        var route = self
        route.worksBeforeChange = true
        return route
    }

    /// The same route, whose success shows a secret once.
    var showingOnce: Route {
        var route = self
        route.isShownOnce = true
        return route
    }
    /// Longest head in bytes where the route takes less than the server's `limits.header_bytes`.
    package var headBytesMax: Int?

    /// Makes a route that reads.
    package static func get(
        _ path: String, _ operation: String, tag: String, _ summary: String, access: Access = .operatorOfHost, limitClass: LimitClass = .reads,
        parameters: [Parameter] = [], query: [Parameter] = [], data: JSONValue, produces: [MediaType] = [.json], enveloped: Bool = true,
        handler: @escaping Handler
    ) -> Route {
        Route(
            method: "GET", path: PathTemplate(path), operation: operation, summary: summary, tag: tag, access: access, limitClass: limitClass,
            pathParameters: parameters, queryParameters: query, bodyBytesMax: nil, bodyMilliseconds: nil, body: nil, data: data, produces: produces,
            enveloped: enveloped, idempotent: false, handler: handler)
    }

    /// Makes the route of a WebSocket.
    package static func socket(_ path: String, _ operation: String, tag: String, _ summary: String) -> Route {
        var route = get(path, operation, tag: tag, summary, access: .user, data: Schemas.text) { _ throws(APIError) in .socket }
        (route.isSocket, route.enveloped) = (true, false)
        return route
    }

    /// Makes a route that acts.
    package static func post(
        _ path: String, _ operation: String, tag: String, _ summary: String, access: Access = .operatorOfHost, limitClass: LimitClass,
        parameters: [Parameter] = [], body: JSONValue? = nil, bodyBytesMax: Int? = nil, bodyMilliseconds: Int? = nil, data: JSONValue,
        produces: [MediaType] = [.json], handler: @escaping Handler
    ) -> Route {
        var route = act(
            "POST", path, operation, tag: tag, summary, access: access, limitClass: limitClass, parameters: parameters, body: body,
            bodyBytesMax: bodyBytesMax, bodyMilliseconds: bodyMilliseconds, data: data, produces: produces, handler: handler)
        route.idempotent = access != .anonymous
        return route
    }

    /// Makes a route that acts by another method than POST.
    package static func act(
        _ method: String, _ path: String, _ operation: String, tag: String, _ summary: String, access: Access = .operatorOfHost,
        limitClass: LimitClass,
        parameters: [Parameter] = [], body: JSONValue? = nil, bodyBytesMax: Int? = nil, bodyMilliseconds: Int? = nil, data: JSONValue,
        produces: [MediaType] = [.json], handler: @escaping Handler
    ) -> Route {
        Route(
            method: method, path: PathTemplate(path), operation: operation, summary: summary, tag: tag, access: access, limitClass: limitClass,
            pathParameters: parameters, queryParameters: [], bodyBytesMax: bodyBytesMax, bodyMilliseconds: bodyMilliseconds, body: body, data: data,
            produces: produces, enveloped: true, idempotent: false, handler: handler)
    }
}

/// A route with its schemas compiled.
package final class CompiledRoute: Sendable {
    /// A parameter with its schema, compiled once.
    struct Check: Sendable {
        let name: String
        let type: String?
        let schema: CompiledSchema

        init(_ parameter: Parameter) throws(SchemaError) {
            name = parameter.name
            type = parameter.schema["type"]?.stringValue
            schema = try CompiledSchema(parameter.schema)
        }
    }

    package let route: Route
    /// The route's place in the table.
    let index: Int
    /// The path as the table has it, for logs and metrics.
    let template: String
    package let body: CompiledSchema?
    /// Longest head in bytes; strangers have less room than whoever has a key.
    let headBytesMax: Int
    /// Longest body in bytes; 0 when the route takes none.
    package let bodyBytesMax: Int
    /// Whether it brings new work, which is turned away while memory is short: calls, writes and uses of passwords, but not an operator's acts.
    package let isNewWork: Bool
    /// In the order of the template.
    let pathParameters: [Check]
    let queryParameters: [String: Check]

    /// Compiles the route's schemas; `bodyBytesMax` is the limit of a route that names none.
    /// - Throws: `SchemaError` when a schema of ours is malformed; start-up fails then.
    init(_ route: Route, index: Int, bodyBytesMax: Int) throws(SchemaError) {
        self.route = route
        self.index = index
        template = route.path.description
        headBytesMax = route.headBytesMax ?? (route.access == .anonymous ? Limits.strangersHeadBytesMax : .max)
        isNewWork =
            [.tools, .login, .chat].contains(route.limitClass)
            || (route.limitClass == .writes && !route.path.description.hasPrefix("/v1/admin/"))
        self.bodyBytesMax = route.body == nil ? 0 : route.bodyBytesMax ?? bodyBytesMax
        body = try route.body.map { value throws(SchemaError) in try CompiledSchema(value) }
        var path: [Check] = []
        for name in route.path.parameterNames {
            guard let parameter = route.pathParameters.first(where: { $0.name == name }) else {
                preconditionFailure("\(route.path) has no schema for \(name)")
            }
            path.append(try Check(parameter))
        }
        pathParameters = path
        var query: [String: Check] = [:]
        for parameter in route.queryParameters { query[parameter.name] = try Check(parameter) }
        queryParameters = query
    }
}
