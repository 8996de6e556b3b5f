internal import JSON

/// Reads any bytes as JSON: what is read must survive being written and read again, in every style.
func checkJSON(_ bytes: [UInt8]) {
    for limits in [JSONLimits.default, JSONLimits(depthMax: 8, numberBytesMax: 20, duplicateKeys: .keepLast)] {
        // A refusal is a fine answer; only what was read is looked at further.
        guard let document = try? JSONDocument(parsing: bytes, limits: limits) else { continue }
        let value = document.value()
        for style: JSONWritingOptions in [[], [.pretty, .sortedKeys]] {
            guard let again = try? JSONValue(parsing: value.serialized(style), limits: JSONLimits(bytesMax: 1 << 26)) else {
                preconditionFailure("what was written cannot be read")
            }
            precondition(again == value && again.hashValue == value.hashValue, "what was read again differs")
        }
        // Some values have no canonical form.
        if let canonical = try? value.canonical() { precondition((try? JSONValue(parsing: canonical)) != nil, "the canonical text is no JSON") }
        _ = try? JSONCoder.decode([String: [Int]].self, from: value)  // refusals are fine
    }
}
