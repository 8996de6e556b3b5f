internal import Egress

private let secrets = ["open sesame", "sk_live_0123456789", "%25%2525abc", #"s3cr3t"\/<&>'+%"#].map { Array($0.utf8) }
private let scrubber = Scrubber(hiding: secrets)

/// A length of pieces and a body: cut so or whole it comes out the same, with no value in it, and only values and their like went away.
func checkScrubber(_ bytes: [UInt8]) {
    let step = Int(bytes.first ?? 0) & 15 + 1
    let body = Array(bytes.dropFirst())
    let whole = clean(body, step: max(1, body.count))
    let pieces = clean(body, step: step)
    precondition(whole == pieces, "a cut changed what came out")
    for secret in secrets { precondition(!contains(whole.bytes, secret), "a value is left") }
    precondition(clean(whole.bytes, step: step).count == 0, "a value was left for a second look")
    precondition(whole.count > 0 || whole.bytes == body, "something else went away")
    var single = scrubber
    let text = String(decoding: body, as: UTF8.self)
    if single.scrubbed(text) == text { precondition(single.count == 0, "a value was counted and left") }
}

private struct Clean: Equatable {
    var bytes: [UInt8] = []
    var count = 0
}

private func clean(_ body: [UInt8], step: Int) -> Clean {
    var (scrubber, out) = (scrubber, Clean())
    for start in stride(from: 0, to: body.count, by: step) { out.bytes += scrubber.take(Array(body[start..<min(body.count, start + step)])) }
    out.bytes += scrubber.finish()
    out.count = scrubber.count
    return out
}

private func contains(_ bytes: [UInt8], _ text: [UInt8]) -> Bool {
    bytes.count >= text.count && (0...(bytes.count - text.count)).contains { bytes[$0...].starts(with: text) }
}
