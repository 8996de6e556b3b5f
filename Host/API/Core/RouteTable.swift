package import JSONSchema

/// The one table of routes: the router, the walk over access rules and the OpenAPI document are all made from it.
package struct RouteTable: Sendable {
    /// What a path and method lead to.
    package enum Match: Sendable {
        /// The route, and the path's parameters in the order of its template.
        case route(CompiledRoute, values: [String])
        /// The path exists, the method does not; the methods that do.
        case methodNotAllowed([String])
        case notFound
    }

    private struct Node: Sendable {
        var literals: [(name: [UInt8], node: Int)] = []
        var parameter: Int?
        var routes: [(method: String, index: Int)] = []
        /// What `Allow` says.
        var methods: [String] = []
    }

    package let routes: [CompiledRoute]
    private var nodes: [Node] = [Node()]

    /// Compiles the table into a tree of segments. Two routes of one method and path are a programmer's error and trap.
    /// - Throws: `SchemaError` when a route's schema is malformed.
    /// - Parameter bodyBytesMax: Longest body of a route that names no limit of its own.
    package init(_ table: [Route], bodyBytesMax: Int = APIOptions().bodyBytesMax) throws(SchemaError) {
        var compiled: [CompiledRoute] = []
        for route in table { compiled.append(try CompiledRoute(route, index: compiled.count, bodyBytesMax: bodyBytesMax)) }
        routes = compiled
        for (index, route) in table.enumerated() {
            let node = insert(route.path)
            precondition(!nodes[node].routes.contains { $0.method == route.method }, "\(route.method) \(route.path) stands twice in the table")
            nodes[node].routes.append((route.method, index))
        }
        for index in nodes.indices where !nodes[index].routes.isEmpty {
            let methods = nodes[index].routes.map(\.method).sorted()
            nodes[index].methods = methods + (methods.contains("GET") ? ["HEAD"] : []) + ["OPTIONS"]
        }
    }

    private mutating func insert(_ path: PathTemplate) -> Int {
        var node = 0
        for segment in path.segments {
            let known: Int? =
                switch segment {
                case .literal(let text): literal(node, Array(text.utf8)[...])
                case .parameter: nodes[node].parameter
                }
            if let known {
                node = known
                continue
            }
            nodes.append(Node())
            let next = nodes.count - 1
            switch segment {
            case .literal(let text): nodes[node].literals.append((Array(text.utf8), next))
            case .parameter: nodes[node].parameter = next
            }
            node = next
        }
        return node
    }

    private func literal(_ node: Int, _ segment: some Collection<UInt8>) -> Int? {
        for (name, next) in nodes[node].literals where name.count == segment.count && name.elementsEqual(segment) { return next }
        return nil
    }

    /// Finds the route of a request; a literal segment wins over a parameter. No text is made but the parameters' own.
    /// - Parameter path: The path, decoded, without its query.
    package func match(method: String, path: String) -> Match {
        var path = path
        return path.withUTF8 { match(method, UnsafeRawBufferPointer($0)) }
    }

    /// The methods that a path has, OPTIONS among them; nil for a path that does not exist.
    package func methods(path: String) -> [String]? {
        var path = path
        let node = path.withUTF8 { find(UnsafeRawBufferPointer($0))?.node }
        return node.map { nodes[$0].methods }
    }

    private func match(_ method: String, _ path: UnsafeRawBufferPointer) -> Match {
        guard let (node, ranges) = find(path) else { return .notFound }
        let wanted = method == "HEAD" ? "GET" : method
        guard let (_, index) = nodes[node].routes.first(where: { $0.method == wanted }) else { return .methodNotAllowed(nodes[node].methods) }
        return .route(routes[index], values: ranges.map { String(decoding: UnsafeRawBufferPointer(rebasing: path[$0]), as: UTF8.self) })
    }

    /// The node of a path that has routes, and where its parameters lie.
    private func find(_ path: UnsafeRawBufferPointer) -> (node: Int, parameters: [Range<Int>])? {
        guard path.first == UInt8(ascii: "/") else { return nil }
        var node = 0
        var count = 0
        var parameters: [Range<Int>] = []
        var start = 1
        while start <= path.count {
            let end = path[start...].firstIndex(of: UInt8(ascii: "/")) ?? path.count
            count += 1
            guard end > start, count <= Limits.pathSegmentsMax else { return nil }
            if let next = literal(node, path[start..<end]) {
                node = next
            } else if let next = nodes[node].parameter {
                parameters.append(start..<end)
                node = next
            } else {
                return nil
            }
            start = end + 1
        }
        return nodes[node].routes.isEmpty ? nil : (node, parameters)
    }
}
