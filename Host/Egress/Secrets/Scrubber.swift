/// Takes the values of secrets out of what a server sends back, piece by piece, wherever they are cut and however they are written.
///
/// Found are the value itself, its percent, JSON, JavaScript and HTML escapes (mixed too), hexadecimal digits, and base64 at every alignment in both alphabets, over line
/// breaks too. Not found: what a server that knows the value does to hide it, such as encrypting it; a secret is given only to servers that its operator trusts with it.
/// Kept between pieces are at most the bytes of one occurrence. The length changes: a reply that was scrubbed has no `Content-Length`, digest or range any more.
package struct Scrubber: Sendable {
    /// What stands where a value stood.
    package static let replacement = Array("[redacted]".utf8)

    private let table: ScrubTable
    /// The end of what came, which may be the beginning of a value.
    private var kept: [UInt8] = []
    /// Values taken out so far.
    package private(set) var count = 0

    private init(_ table: ScrubTable) { self.table = table }

    /// Looks for values of at least `SecretRules.valueBytesMin` bytes.
    package init(hiding values: [[UInt8]]) { table = ScrubTable(hiding: values) }

    /// Whether there is nothing to look for; then nothing is changed or kept.
    package var isIdle: Bool { table.needles.isEmpty }

    /// Takes a piece of a body and gives what is clean so far.
    package mutating func take(_ piece: [UInt8]) -> [UInt8] {
        if isIdle { return piece }
        return run(kept.isEmpty ? piece : kept + piece, isLast: false)
    }

    /// Ends the body and gives the rest of it.
    package mutating func finish() -> [UInt8] { run(kept, isLast: true) }

    /// A whole text without the values, such as a header's value.
    package mutating func scrubbed(_ text: String) -> String {
        if isIdle { return text }
        var single = Scrubber(table)
        let out = single.run(Array(text.utf8), isLast: true)
        count += single.count
        return single.count == 0 ? text : String(decoding: out, as: UTF8.self)
    }

    /// Header fields without the values; a field whose name holds one is left out.
    package mutating func scrubbed(_ fields: [(name: String, value: String)]) -> [(name: String, value: String)] {
        if isIdle { return fields }
        var out: [(name: String, value: String)] = []
        for field in fields where scrubbed(field.name) == field.name { out.append((field.name, scrubbed(field.value))) }
        return out
    }

    private mutating func run(_ bytes: [UInt8], isLast: Bool) -> [UInt8] {
        var out: [UInt8] = []
        // Where what was not given out yet begins, and where what is kept begins.
        var (clean, end) = (0, bytes.count)
        var found = 0
        bytes.withUnsafeBufferPointer { input in
            ScrubSearch.run(table, input) { search in
                while let (place, finding) = search.next(from: clean, isLast: isLast) {
                    guard !finding.isOpen || isLast, let next = finding.end else {
                        end = place
                        break
                    }
                    out.append(contentsOf: input[clean..<place])
                    out.append(contentsOf: Self.replacement)
                    clean = next
                    found += 1
                }
                if found > 0 || end < bytes.count { out.append(contentsOf: input[clean..<end]) }
            }
        }
        count += found
        kept = end < bytes.count ? Array(bytes[end...]) : []
        return found == 0 && end == bytes.count ? bytes : out
    }
}
