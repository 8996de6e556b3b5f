internal import HTTP

/// A coding with a length of pieces, and a body: cut so or whole it decodes to the same or fails the same way, and never past its limit.
func checkInflate(_ bytes: [UInt8]) {
    let first = bytes.first ?? 0
    let coding: ContentDecoder.Coding = first & 1 == 0 ? .gzip : .deflate
    let body = Array(bytes.dropFirst())
    let bytesMax = first & 2 == 0 ? 4 << 20 : 100
    let whole = decode(body, coding, bytesMax, step: max(1, body.count))
    let pieces = decode(body, coding, bytesMax, step: Int(first >> 4) + 1)
    precondition(whole.bytes.count <= bytesMax && pieces.bytes.count <= bytesMax, "the limit was passed")
    // How much zlib has read when so much has come out depends on the pieces by some bytes.
    if whole.fault == .tooDense || pieces.fault == .tooDense { return }
    // How much of a bad body came out before it was refused depends on the pieces, and with it which of two faults is met first.
    precondition((whole.fault == nil) == (pieces.fault == nil), "a cut changed whether the body is good")
    if whole.fault == nil { precondition(whole.bytes == pieces.bytes, "a cut changed the content") }
}

private func decode(
    _ body: [UInt8], _ coding: ContentDecoder.Coding, _ bytesMax: Int, step: Int
) -> (bytes: [UInt8], fault: ContentDecoder.Fault?) {
    let decoder = ContentDecoder(coding, bytesMax: bytesMax)
    var out: [UInt8] = []
    do throws(ContentDecoder.Fault) {
        for start in stride(from: 0, to: body.count, by: step) {
            decoder.feed(Array(body[start..<min(body.count, start + step)]))
            while let bytes = try decoder.next() { out += bytes }
        }
        try decoder.finish()
        return (out, nil)
    } catch {
        return (out, error)
    }
}
