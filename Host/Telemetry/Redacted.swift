/// A secret that prints as a placeholder wherever it ends up: logs, errors, dumps, string interpolation.
package struct Redacted<Value: Sendable>: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    private let value: Value

    package init(_ value: Value) { self.value = value }

    /// The secret itself; the name is meant to be noticed in review.
    package func reveal() -> Value { value }

    package var description: String { "[redacted]" }
    package var debugDescription: String { "[redacted]" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

extension Redacted: Equatable where Value: Equatable {
    package static func == (left: Redacted, right: Redacted) -> Bool { left.value == right.value }
}
