package import JSON

/// A value of a workflow with places to fill in: `${input.x}` and `${vars.x}` in its texts (SPEC 9).
///
/// A text that is one place and nothing else becomes the value itself, of whatever type; in a longer text a value is written out, a text as it is and
/// everything else as JSON. `$${` is a `${` that stands for itself. What is filled in is data: it is not looked through for further places.
package struct Template: Sendable {
    private indirect enum Part: Sendable {
        case constant(JSONValue)
        case place(Expression)
        case text([Piece])
        case list([Part])
        case object([(String, Part)])
    }
    private enum Piece: Sendable {
        case plain(String)
        case place(Expression)
    }

    private let root: Part

    /// An object with nothing in it.
    static let empty = Template(root: .object([]))

    private init(root: Part) { self.root = root }

    /// Compiles a value with places.
    /// - Throws: `ExpressionError`; its offset counts from the beginning of the place.
    package init(_ value: JSONValue, names: Set<String> = ["input", "vars"]) throws(ExpressionError) { root = try Self.part(value, names) }

    private static func part(_ value: JSONValue, _ names: Set<String>) throws(ExpressionError) -> Part {
        switch value {
        case .string(let text): return try part(text, names)
        case .array(let items):
            var parts: [Part] = []
            for item in items { parts.append(try part(item, names)) }
            return .list(parts)
        case .object(let members):
            var parts: [(String, Part)] = []
            for (name, member) in members { parts.append((name, try part(member, names))) }
            return .object(parts)
        default: return .constant(value)
        }
    }

    private static func part(_ text: String, _ names: Set<String>) throws(ExpressionError) -> Part {
        var pieces: [Piece] = []
        var plain = ""
        var rest = text[...]
        while let start = rest.firstRange(of: "${") {
            plain += rest[..<start.lowerBound]
            if plain.hasSuffix("$") {
                plain.removeLast()
                plain += "${"
                rest = rest[start.upperBound...]
                continue
            }
            guard let end = rest[start.upperBound...].firstIndex(of: "}") else {
                throw ExpressionError(.syntax, "`}` is missing after `${`", at: 0)
            }
            if !plain.isEmpty { pieces.append(.plain(plain)) }
            plain = ""
            pieces.append(.place(try Expression(String(rest[start.upperBound..<end]), names: names)))
            rest = rest[rest.index(after: end)...]
        }
        plain += rest
        if pieces.isEmpty { return .constant(.string(plain)) }
        if pieces.count == 1, plain.isEmpty, case .place(let expression) = pieces[0] { return .place(expression) }
        if !plain.isEmpty { pieces.append(.plain(plain)) }
        return .text(pieces)
    }

    /// The value with its places filled in.
    /// - Throws: `ExpressionError`; `limit` when what is filled in has more than `bytesMax` bytes, of text or as JSON.
    package func value(in scope: ExpressionScope, bytesMax: Int = WorkflowLimits.templateBytesMax) throws(ExpressionError) -> JSONValue {
        var left = bytesMax
        return try Self.fill(root, scope, &left)
    }

    /// What its places read of a scope: names such as `input` and `vars`.
    package var names: Set<String> { Self.names(of: root) }

    private static func names(of part: Part) -> Set<String> {
        switch part {
        case .constant: []
        case .place(let expression): expression.names
        case .text(let pieces):
            pieces.reduce(into: []) { names, piece in if case .place(let expression) = piece { names.formUnion(expression.names) } }
        case .list(let parts): parts.reduce(into: []) { $0.formUnion(Self.names(of: $1)) }
        case .object(let parts): parts.reduce(into: []) { $0.formUnion(Self.names(of: $1.1)) }
        }
    }

    private static var tooLong: ExpressionError { ExpressionError(.limit, "what is filled in is too long", at: 0) }

    private static func fill(_ part: Part, _ scope: ExpressionScope, _ left: inout Int) throws(ExpressionError) -> JSONValue {
        switch part {
        case .constant(let value): return value
        case .place(let expression):
            let value = try expression.value(in: scope)
            // Values share their storage here; what is made of them later, a text, has each of them in full.
            guard value.takeBytes(from: &left) else { throw tooLong }
            return value
        case .text(let pieces):
            var text = ""
            for piece in pieces {
                switch piece {
                case .plain(let plain): text += plain
                case .place(let expression):
                    let value = try expression.value(in: scope)
                    text += value.stringValue ?? value.text
                }
                guard text.utf8.count <= left else { throw tooLong }
            }
            left -= text.utf8.count
            return .string(text)
        case .list(let parts):
            var items: [JSONValue] = []
            for part in parts { items.append(try fill(part, scope, &left)) }
            return .array(items)
        case .object(let parts):
            var members = JSONObject()
            for (name, part) in parts { members[name] = try fill(part, scope, &left) }
            return .object(members)
        }
    }
}
