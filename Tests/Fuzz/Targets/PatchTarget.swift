internal import JSON

/// Takes `[document, patch]`: applying must end, and its result must be JSON that our own limits allow.
func checkPatch(_ bytes: [UInt8]) {
    // Refusals are fine answers.
    guard let pair = (try? JSONValue(parsing: bytes))?.arrayValue, pair.count == 2, let patch = try? JSONPatch(pair[1]),
        let result = try? patch.apply(to: pair[0])  // as above
    else { return }
    let again = try? JSONValue(parsing: result.serialized(), limits: JSONLimits(bytesMax: 1 << 28))
    precondition(again == result, "the result is not what our own parser takes")
}
