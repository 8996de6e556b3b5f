package import JSONSchema

/// The one table of routes: the router, the walk over access rules and the OpenAPI document are all made from it.
package struct RouteTable: Sendable {
    /// What a path and method lead to.
    package enum Match: Sendable {
        case route(CompiledRoute, parameters: [String: String])
        /// The path exists, the method does not; the methods that do.
        case methodNotAllowed([String])
        case notFound
    }

    private struct Node: Sendable {
        var literals: [String: Int] = [:]
        var parameter: Int?
        /// Route by method.
        var routes: [String: Int] = [:]
    }

    package let routes: [CompiledRoute]
    private var nodes: [Node] = [Node()]

    /// Compiles the table into a tree of segments. Two routes of one method and path are a programmer's error and trap.
    /// - Throws: `SchemaError` when a route's schema is malformed.
    /// - Parameter bodyBytesMax: Longest body of a route that names no limit of its own.
    package init(_ table: [Route], bodyBytesMax: Int = APIOptions().bodyBytesMax) throws(SchemaError) {
        var compiled: [CompiledRoute] = []
        for route in table { compiled.append(try CompiledRoute(route, bodyBytesMax: bodyBytesMax)) }
        routes = compiled
        for (index, route) in table.enumerated() {
            let node = insert(route.path)
            precondition(nodes[node].routes[route.method] == nil, "\(route.method) \(route.path) stands twice in the table")
            nodes[node].routes[route.method] = index
        }
    }

    private mutating func insert(_ path: PathTemplate) -> Int {
        var node = 0
        for segment in path.segments {
            let known: Int? =
                switch segment {
                case .literal(let text): nodes[node].literals[text]
                case .parameter: nodes[node].parameter
                }
            if let known {
                node = known
                continue
            }
            nodes.append(Node())
            let next = nodes.count - 1
            switch segment {
            case .literal(let text): nodes[node].literals[text] = next
            case .parameter: nodes[node].parameter = next
            }
            node = next
        }
        return node
    }

    /// Finds the route of a request; a literal segment wins over a parameter.
    /// - Parameter path: The path, decoded, without its query.
    package func match(method: String, path: String) -> Match {
        guard path.hasPrefix("/") else { return .notFound }
        let segments = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        guard segments.count <= Limits.pathSegmentsMax else { return .notFound }
        var node = 0
        var values: [String] = []
        for raw in segments {
            guard !raw.isEmpty else { return .notFound }
            let segment = String(raw)
            if let next = nodes[node].literals[segment] {
                node = next
            } else if let next = nodes[node].parameter {
                values.append(segment)
                node = next
            } else {
                return .notFound
            }
        }
        guard !nodes[node].routes.isEmpty else { return .notFound }
        let wanted = method == "HEAD" ? "GET" : method
        guard let index = nodes[node].routes[wanted] else {
            var allowed = nodes[node].routes.keys.sorted()
            if allowed.contains("GET") { allowed.append("HEAD") }
            return .methodNotAllowed(allowed)
        }
        let names = routes[index].route.path.parameterNames
        return .route(routes[index], parameters: Dictionary(zip(names, values), uniquingKeysWith: { first, _ in first }))
    }
}
