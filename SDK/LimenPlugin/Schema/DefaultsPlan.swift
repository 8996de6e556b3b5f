import JSON

/// Where a schema has defaults, so that they can be filled into an input before it is decoded.
struct DefaultsPlan: Sendable {
    private var defaults: [(key: String, value: JSONValue)] = []
    private var properties: [(key: String, plan: Box)] = []
    private var items: Box?
    private var values: Box?

    /// Breaks the struct's recursion.
    private final class Box: Sendable {
        let plan: DefaultsPlan
        init(_ plan: DefaultsPlan) { self.plan = plan }
    }

    /// Nil for a schema without defaults, which is the fast path of every call.
    init?(_ schema: JSONValue) {
        guard case .object(let schema) = schema else { return nil }
        for (key, property) in schema["properties"]?.objectValue ?? [:] {
            if let value = property["default"] { defaults.append((key, value)) }
            if let plan = DefaultsPlan(property) { properties.append((key, Box(plan))) }
        }
        items = schema["items"].flatMap { DefaultsPlan($0) }.map { Box($0) }
        values = schema["additionalProperties"].flatMap { DefaultsPlan($0) }.map { Box($0) }
        if defaults.isEmpty, properties.isEmpty, items == nil, values == nil { return nil }
    }

    func applied(to value: JSONValue) -> JSONValue {
        switch value {
        case .array(let elements):
            guard let items else { return value }
            return .array(elements.map { items.plan.applied(to: $0) })
        case .object(var object):
            for (key, value) in defaults where object[key] == nil { object[key] = value }
            for (key, box) in properties {
                if let value = object[key] { object[key] = box.plan.applied(to: value) }
            }
            if let values {
                for key in object.keys { object[key] = object[key].map { values.plan.applied(to: $0) } }
            }
            return .object(object)
        default:
            return value
        }
    }
}
