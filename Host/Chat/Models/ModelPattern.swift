/// Names of models, by a text in which each `*` stands for any characters: `openai/gpt-4o*`.
package struct ModelPattern: Sendable, Hashable {
    package let text: String

    /// Nil for a text that can be no name.
    package init?(_ text: String) {
        guard (1...ChatLimits.modelNameMax).contains(text.utf8.count) else { return nil }
        self.text = text
    }

    /// Whether a name is one of them. Goes back to the last `*` alone, so it costs no more than the product of both lengths.
    package func matches(_ name: String) -> Bool {
        let (pattern, name) = (Array(text.utf8), Array(name.utf8))
        var (place, index) = (0, 0)
        var star: (place: Int, index: Int)?
        while index < name.count {
            if place < pattern.count, pattern[place] == UInt8(ascii: "*") {
                star = (place, index)
                place += 1
            } else if place < pattern.count, pattern[place] == name[index] {
                (place, index) = (place + 1, index + 1)
            } else if let last = star {
                star = (last.place, last.index + 1)
                (place, index) = (last.place + 1, last.index + 1)
            } else {
                return false
            }
        }
        return pattern[place...].allSatisfy { $0 == UInt8(ascii: "*") }
    }
}
