package import JSON

/// A parameter in a path or query: its name, its schema, and what it is for. The schema checks requests and stands in the OpenAPI document.
package struct Parameter: Sendable {
    package var name: String
    package var schema: JSONValue
    package var summary: String

    /// Makes a parameter.
    package init(_ name: String, _ schema: JSONValue, _ summary: String) {
        self.name = name
        self.schema = schema
        self.summary = summary
    }
}

/// A path with named parameters, such as `/v1/tools/{id}`.
package struct PathTemplate: Sendable, Hashable, CustomStringConvertible {
    /// One segment: literal text, or a parameter by name.
    package enum Segment: Sendable, Hashable {
        case literal(String)
        case parameter(String)
    }

    package let description: String
    package let segments: [Segment]

    /// Reads a template. Programmer input: a malformed one traps.
    package init(_ template: String) {
        precondition(template.hasPrefix("/"))
        description = template
        segments = template.dropFirst().split(separator: "/").map { part in
            part.hasPrefix("{") && part.hasSuffix("}") ? .parameter(String(part.dropFirst().dropLast())) : .literal(String(part))
        }
    }

    /// The names of the parameters, in order.
    package var parameterNames: [String] {
        segments.compactMap { if case .parameter(let name) = $0 { name } else { nil } }
    }
}
