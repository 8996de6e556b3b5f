package import JSON

/// What an expression can see.
package struct ExpressionScope: Sendable {
    /// Values by the names that paths begin with, such as `input` and `vars`.
    package var values: [String: JSONValue]
    /// Label of the cluster that the request belongs to, for `cluster_label_contains`; nil where there is none.
    package var clusterLabel: String?

    /// Makes a scope.
    package init(_ values: [String: JSONValue] = [:], clusterLabel: String? = nil) { (self.values, self.clusterLabel) = (values, clusterLabel) }
}

/// A formula of workflows and routing policies (SPEC 9): compiled once, evaluated often, bounded in length, depth and cost (WF-4).
///
/// It is a value of numbers, texts, booleans, null, lists and objects; it reads its scope and nothing else, changes nothing, and cannot loop. Where a path
/// leads nowhere its value is null. Numbers are exact as long as they are integers of 64 bits, else IEEE 754 binary64.
package struct Expression: Sendable {
    /// As it was written.
    package let text: String
    private let root: ExpressionNode

    /// Compiles an expression.
    /// - Parameters:
    ///   - names: What paths may begin with.
    ///   - type: What its value has to be, as far as the text tells; `any` for whatever it is.
    /// - Throws: `ExpressionError` with the place.
    package init(_ text: String, names: Set<String> = ["input", "vars"], type: ExpressionType = .any) throws(ExpressionError) {
        self.text = text
        root = try ExpressionParser.parse(text, names: names)
        let found = ExpressionParser.type(of: root)
        guard type == .any || found == .any || found == type else {
            throw ExpressionError(.type, "this has to be a \(type.rawValue), not a \(found.rawValue)", at: 0)
        }
    }

    /// The value in a scope.
    /// - Throws: `ExpressionError` where the values do not fit, a division is by zero, or it costs too much.
    package func value(in scope: ExpressionScope) throws(ExpressionError) -> JSONValue {
        var evaluator = ExpressionEvaluator(scope: scope)
        return try evaluator.value(of: root)
    }

    /// Whether a condition holds.
    /// - Throws: `ExpressionError`; also when the value is no boolean.
    package func holds(in scope: ExpressionScope) throws(ExpressionError) -> Bool {
        guard case .bool(let holds) = try value(in: scope) else { throw ExpressionError(.type, "a condition has to be true or false", at: 0) }
        return holds
    }

    /// What it reads of a scope: the names that its paths begin with.
    package var names: Set<String> { root.names }
}
