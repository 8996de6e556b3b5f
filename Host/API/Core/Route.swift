package import JSON
package import JSONSchema

/// Who may call a route.
package enum Access: String, Sendable {
    /// Anyone who can reach the port: liveness and readiness only.
    case anonymous
    /// Whoever presents the key.
    case key
}

/// The class of token bucket that a route draws from (SPEC 7); the buckets come with Identity, the classes are named from the first day.
package enum LimitClass: String, Sendable, CaseIterable {
    case reads, writes, tools, config, operations
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
    /// Schema of the body; nil when the route takes none.
    package var body: JSONValue?
    /// Schema of `data` in a success.
    package var data: JSONValue
    /// What the route can send, its own preference first.
    package var produces: [MediaType]
    /// Whether success is wrapped in the envelope; false for the three machine routes and `/openapi.json`.
    package var enveloped: Bool
    /// Whether `Idempotency-Key` is honoured.
    package var idempotent: Bool
    package var handler: Handler

    /// Makes a route that reads.
    package static func get(
        _ path: String, _ operation: String, tag: String, _ summary: String, access: Access = .key, limitClass: LimitClass = .reads,
        parameters: [Parameter] = [], query: [Parameter] = [], data: JSONValue, produces: [MediaType] = [.json], enveloped: Bool = true,
        handler: @escaping Handler
    ) -> Route {
        Route(
            method: "GET", path: PathTemplate(path), operation: operation, summary: summary, tag: tag, access: access, limitClass: limitClass,
            pathParameters: parameters, queryParameters: query, bodyBytesMax: nil, body: nil, data: data, produces: produces,
            enveloped: enveloped, idempotent: false, handler: handler)
    }

    /// Makes a route that acts.
    package static func post(
        _ path: String, _ operation: String, tag: String, _ summary: String, limitClass: LimitClass, parameters: [Parameter] = [],
        body: JSONValue? = nil, bodyBytesMax: Int? = nil, data: JSONValue, produces: [MediaType] = [.json],
        idempotent: Bool = false, handler: @escaping Handler
    ) -> Route {
        Route(
            method: "POST", path: PathTemplate(path), operation: operation, summary: summary, tag: tag, access: .key, limitClass: limitClass,
            pathParameters: parameters, queryParameters: [], bodyBytesMax: bodyBytesMax, body: body, data: data,
            produces: produces, enveloped: true, idempotent: idempotent, handler: handler)
    }
}

/// A route with its schemas compiled.
package struct CompiledRoute: Sendable {
    package let route: Route
    package let body: CompiledSchema?
    /// Longest body in bytes; 0 when the route takes none.
    package let bodyBytesMax: Int
    /// Whether it brings new work, which is turned away while memory is short: calls and writes, but not an operator's acts.
    package let isNewWork: Bool
    package let pathParameters: [String: CompiledSchema]
    package let queryParameters: [String: (schema: JSONValue, compiled: CompiledSchema)]

    /// Compiles the route's schemas; `bodyBytesMax` is the limit of a route that names none.
    /// - Throws: `SchemaError` when a schema of ours is malformed; start-up fails then.
    package init(_ route: Route, bodyBytesMax: Int) throws(SchemaError) {
        self.route = route
        isNewWork = route.limitClass == .tools || (route.limitClass == .writes && !route.path.description.hasPrefix("/v1/admin/"))
        self.bodyBytesMax = route.body == nil ? 0 : route.bodyBytesMax ?? bodyBytesMax
        body = try route.body.map { value throws(SchemaError) in try CompiledSchema(value) }
        var path: [String: CompiledSchema] = [:]
        for parameter in route.pathParameters { path[parameter.name] = try CompiledSchema(parameter.schema) }
        pathParameters = path
        var query: [String: (schema: JSONValue, compiled: CompiledSchema)] = [:]
        for parameter in route.queryParameters { query[parameter.name] = (parameter.schema, try CompiledSchema(parameter.schema)) }
        queryParameters = query
    }
}
