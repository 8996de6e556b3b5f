internal import JSON
internal import JSONSchema

/// Takes a pattern, a zero byte and a text: both engines must end and agree.
func checkPattern(_ bytes: [UInt8]) {
    let parts = bytes.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, let pattern = String(validating: parts[0], as: UTF8.self), let text = String(validating: parts[1], as: UTF8.self),
        // Refused patterns are a fine answer.
        let fast = try? CompiledSchema(["pattern": .string(pattern)]),
        // The empty look-ahead keeps the automaton away; large patterns may be too much with it.
        let slow = try? CompiledSchema(["pattern": .string("(?=)(?:\(pattern))")]),
        let document = try? JSONDocument(.string(text))  // a string is always a document
    else { return }
    let a = fast.validate(document), b = slow.validate(document)
    if a.contains(where: { $0.keyword == "limit" }) || b.contains(where: { $0.keyword == "limit" }) { return }
    precondition(a.isEmpty == b.isEmpty, "the engines disagree")
}
