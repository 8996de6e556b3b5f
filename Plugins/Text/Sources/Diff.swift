import LimenPlugin

/// Shows what changed between two texts.
struct DiffTool: Tool {
    static let name = "diff"
    static let title: String? = "Difference of two texts"
    static let description = "Compares two texts line by line and returns a unified diff that patch(1) accepts."
    static let annotations: ToolAnnotations = [.readOnly, .idempotent]

    struct Input: Codable, Sendable {
        @Field("The text before.", maxLength: 1_048_576) var old: String
        @Field("The text after.", maxLength: 1_048_576) var new: String
        @Field("The name of the text before.", maxLength: 200, pattern: "^[^\\r\\n]*$") var oldName: String = "old"
        @Field("The name of the text after.", maxLength: 200, pattern: "^[^\\r\\n]*$") var newName: String = "new"
        @Field("Unchanged lines around each change.", minimum: 0, maximum: 100) var context: Int = 3
        enum CodingKeys: String, CodingKey {
            case old, new, context
            case oldName = "old_name"
            case newName = "new_name"
        }
    }

    struct Output: Codable, Sendable {
        @Field("The unified diff; empty when the texts are equal.") var unified = ""
        @Field("Lines added.") var added = 0
        @Field("Lines removed.") var removed = 0
        var hunks = 0
        @Field("False when a stretch was too different to compare line by line and is shown as replaced.") var minimal = true
    }

    func call(_ input: Input, _ context: ToolContext) async throws -> Output {
        let old = try lines(of: input.old)
        let new = try lines(of: input.new)
        let diff = LineDiff(old, new)
        try context.checkCancellation()
        var writer = UnifiedWriter(old: old, new: new, context: input.context)
        writer.write(diff.matches)
        var output = Output(added: writer.added, removed: writer.removed, hunks: writer.hunks, minimal: diff.isMinimal)
        if writer.hunks > 0 { output.unified = "--- \(input.oldName)\n+++ \(input.newName)\n" + writer.text }
        return output
    }

    /// Lines with their line breaks, so that a missing last one is seen.
    private func lines(of text: String) throws -> [Line] {
        var lines: [Line] = []
        var rest = Substring(text).utf8
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            lines.append(Line(bytes: rest[...end]))
            rest = rest[rest.index(after: end)...]
        }
        if !rest.isEmpty { lines.append(Line(bytes: rest)) }
        guard lines.count <= Limits.linesMax else {
            throw PluginError("too_many_lines", "A text may have at most \(Limits.linesMax) lines.")
        }
        return lines
    }
}

/// A line with its line break, compared byte by byte: composed and decomposed letters differ.
struct Line: Hashable {
    let bytes: Substring.UTF8View

    static func == (left: Line, right: Line) -> Bool { left.bytes.elementsEqual(right.bytes) }
    func hash(into hasher: inout Hasher) { for byte in bytes { hasher.combine(byte) } }
}

/// Writes hunks in unified format.
struct UnifiedWriter {
    private let old: [Line]
    private let new: [Line]
    private let context: Int
    private(set) var text = ""
    private(set) var added = 0
    private(set) var removed = 0
    private(set) var hunks = 0

    init(old: [Line], new: [Line], context: Int) {
        (self.old, self.new, self.context) = (old, new, context)
    }

    private struct Change {
        var old: Range<Int>
        var new: Range<Int>
    }

    mutating func write(_ matches: [(old: Int, new: Int)]) {
        var hunk: [Change] = []
        for change in changes(matches) {
            if let last = hunk.last, change.old.lowerBound - last.old.upperBound > 2 * context {
                writeHunk(hunk)
                hunk = []
            }
            hunk.append(change)
        }
        if !hunk.isEmpty { writeHunk(hunk) }
    }

    private func changes(_ matches: [(old: Int, new: Int)]) -> [Change] {
        var changes: [Change] = []
        var (oldNext, newNext) = (0, 0)
        for match in matches + [(old.count, new.count)] {
            if match.old > oldNext || match.new > newNext { changes.append(Change(old: oldNext..<match.old, new: newNext..<match.new)) }
            (oldNext, newNext) = (match.old + 1, match.new + 1)
        }
        return changes
    }

    private mutating func writeHunk(_ changes: [Change]) {
        guard let first = changes.first, let last = changes.last else { return }
        hunks += 1
        let lead = min(context, first.old.lowerBound)
        let trail = min(context, old.count - last.old.upperBound)
        let oldRange = (first.old.lowerBound - lead)..<(last.old.upperBound + trail)
        let newRange = (first.new.lowerBound - lead)..<(last.new.upperBound + trail)
        text += "@@ -\(span(oldRange)) +\(span(newRange)) @@\n"
        var oldNext = oldRange.lowerBound
        for change in changes {
            for line in oldNext..<change.old.lowerBound { append(" ", old[line]) }
            for line in change.old { append("-", old[line]) }
            for line in change.new { append("+", new[line]) }
            removed += change.old.count
            added += change.new.count
            oldNext = change.old.upperBound
        }
        for line in oldNext..<oldRange.upperBound { append(" ", old[line]) }
    }

    private func span(_ range: Range<Int>) -> String {
        let start = range.isEmpty ? range.lowerBound : range.lowerBound + 1
        return range.count == 1 ? "\(start)" : "\(start),\(range.count)"
    }

    private mutating func append(_ sign: String, _ line: Line) {
        text += sign
        text += Substring(line.bytes)
        if line.bytes.last != UInt8(ascii: "\n") { text += "\n\\ No newline at end of file\n" }
    }
}
