import Identity
package import JSON

/// Makes the OpenAPI 3.1 document from the table that also routes and checks, so the two cannot differ (API-5, API-11).
package enum OpenAPI {
    /// The document for these routes.
    package static func document(_ routes: [Route], version: String) -> JSONValue {
        var paths = JSONObject()
        for route in routes {
            var item = paths[route.path.description]?.objectValue ?? [:]
            item[route.method.lowercased()] = operation(route)
            paths[route.path.description] = .object(item)
        }
        return [
            "openapi": "3.1.0",
            "info": [
                "title": "Limen", "version": .string(version), "license": ["name": "Apache-2.0", "identifier": "Apache-2.0"],
                "description": "Tools that are native libraries, each in its own jail, with input and output checked.",
            ],
            "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
            "servers": [["url": "/"]],
            "paths": .object(paths),
            "components": [
                "securitySchemes": [
                    "token": ["type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "An access token."],
                    "key": ["type": "http", "scheme": "bearer", "description": "An API key, for the scope that the route names."],
                    "session": ["type": "apiKey", "in": "header", "name": "X-Session", "description": "A session's id."],
                ],
                "schemas": ["Failure": Envelope.failureSchema],
            ],
        ]
    }

    private static func operation(_ route: Route) -> JSONValue {
        var operation: JSONObject = [
            "operationId": .string(route.operation), "summary": .string(route.summary), "tags": [.string(route.tag)],
            "x-limit-class": .string(route.limitClass.rawValue),
            "security": route.access == .anonymous
                ? [] : route.access == .session ? [["token": []], ["session": []]] : [["token": []], ["session": []], ["key": []]],
            "x-access": .string(route.access.rawValue),
        ]
        let parameters = route.pathParameters.map { parameter($0, in: "path") } + route.queryParameters.map { parameter($0, in: "query") }
        let key: [JSONValue] = route.idempotent ? [idempotencyKey] : []
        if route.access != .anonymous, route.access != .session { operation["x-scope"] = .string(route.scope.rawValue) }
        if !(parameters + key).isEmpty { operation["parameters"] = .array(parameters + key) }
        if let kind = route.concurrency { operation["x-concurrency-class"] = .string(kind.rawValue) }
        if let body = route.body {
            operation["requestBody"] = ["required": true, "content": ["application/json": ["schema": body]]]
        }
        operation["responses"] = responses(route)
        return .object(operation)
    }

    private static func parameter(_ parameter: Parameter, in place: String) -> JSONValue {
        [
            "name": .string(parameter.name), "in": .string(place), "required": .bool(place == "path"),
            "description": .string(parameter.summary), "schema": parameter.schema,
        ]
    }

    private static var idempotencyKey: JSONValue {
        [
            "name": "Idempotency-Key", "in": "header", "required": false,
            "description": "Equal requests with one key have their effect once; the first answer is replayed for 24 hours.",
            "schema": ["type": "string", "minLength": 1, "maxLength": JSONValue(Limits.idempotencyKeyBytesMax)],
        ]
    }

    private static func responses(_ route: Route) -> JSONValue {
        var content = JSONObject()
        for type in route.produces {
            content[type.rawValue] =
                type == .json ? ["schema": route.enveloped ? Envelope.schema(route.data) : route.data] : ["schema": ["type": "string"]]
        }
        let failure: JSONValue = [
            "description": "The one shape of every failure.",
            "content": ["application/json": ["schema": ["$ref": "#/components/schemas/Failure"]]],
        ]
        var responses: JSONObject = ["200": ["description": "Done.", "content": .object(content)]]
        if route.access != .anonymous { (responses["401"], responses["403"]) = (failure, failure) }
        responses["429"] = tooMany(route.limitClass)
        responses["default"] = failure
        return .object(responses)
    }

    /// What a caller hears whose bucket is empty.
    private static func tooMany(_ limitClass: LimitClass) -> JSONValue {
        let integer: JSONValue = ["type": "integer", "minimum": 1]
        let text: JSONValue = ["type": "string"]
        return [
            "description": .string("Too many requests of the class `\(limitClass.rawValue)`."),
            "headers": [
                "Retry-After": ["schema": integer, "description": "Seconds until the next request is welcome."],
                "RateLimit": ["schema": text, "description": "What is left of the class: `r` requests, all again in `t` seconds."],
                "RateLimit-Policy": ["schema": text, "description": "The class: `q` requests in `w` seconds."],
            ],
            "content": ["application/json": ["schema": ["$ref": "#/components/schemas/Failure"]]],
        ]
    }
}
