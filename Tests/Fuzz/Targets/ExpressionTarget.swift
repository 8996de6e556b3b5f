internal import JSON
internal import Workflows

/// An expression, and behind a zero byte the JSON that it reads: a value or a refusal with a place, the same each time, within its bounds.
func checkExpression(_ bytes: [UInt8]) {
    let parts = bytes.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
    let text = String(decoding: parts[0], as: UTF8.self)
    // Input that is no JSON is none at all here.
    let input = parts.count > 1 ? (try? JSONValue(parsing: Array(parts[1]))) ?? .null : .null
    let scope = ExpressionScope(["input": input, "vars": ["a": 1]], clusterLabel: "label")
    precondition(evaluate(text, scope) == evaluate(text, scope), "two values of one expression")
    do throws(ExpressionError) {
        _ = try Template(.string(text)).value(in: scope, bytesMax: 4096)
    } catch {
        precondition(!error.message.isEmpty)
    }
}

/// The value as text, or the refusal's code.
private func evaluate(_ text: String, _ scope: ExpressionScope) -> String {
    do throws(ExpressionError) {
        return try Expression(text).value(in: scope).text
    } catch {
        precondition((0...max(text.utf8.count, WorkflowLimits.expressionBytesMax)).contains(error.offset), "a refusal without a place")
        return error.code.rawValue
    }
}
