/// Every bound of workflows and their expressions, in one place.
package enum WorkflowLimits {
    /// Longest expression, in bytes.
    package static let expressionBytesMax = 2_000
    /// Deepest nesting of an expression: parentheses, operators and calls.
    package static let expressionDepthMax = 32
    /// Most operators, calls, names and literals of an expression.
    package static let expressionNodesMax = 256
    /// Most steps of one evaluation: one for each part, and one for each item or 64 bytes that a part looks at.
    package static let expressionStepsMax = 100_000
    /// Most bytes of text that filling in the places of one value makes.
    package static let templateBytesMax = 1 << 20
}
