/// A wrong command line: told on standard error, exit code 2.
struct UsageError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// A command that could not do its work: told on standard error, exit code 1.
struct CommandError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// One option of a command.
struct Option: Sendable {
    /// Without the dashes.
    let name: String
    /// What its value is called in the help; nil for a flag.
    let value: String?
    let summary: String

    static func flag(_ name: String, _ summary: String) -> Option { Option(name: name, value: nil, summary: summary) }
    static func value(_ name: String, _ value: String, _ summary: String) -> Option { Option(name: name, value: value, summary: summary) }
}

/// Options and operands after the command's words.
struct Arguments: Sendable {
    private(set) var operands: [String] = []
    private var values: [String: String] = [:]
    private var flags: Set<String> = []

    /// Reads what follows the command's words: `--name value`, `--name=value`, flags, operands, and `--` before operands only.
    init(_ words: [String], options: [Option], operandsMax: Int) throws(UsageError) {
        var rest = words[...]
        var operandsOnly = false
        while let word = rest.popFirst() {
            guard !operandsOnly, word.hasPrefix("--") || (word.hasPrefix("-") && word.count == 2) else {
                operands.append(word)
                continue
            }
            if word == "--" {
                operandsOnly = true
                continue
            }
            try read(word, &rest, options)
        }
        guard operands.count <= operandsMax else { throw UsageError("too many operands: \(operands[operandsMax])") }
    }

    private mutating func read(_ word: String, _ rest: inout ArraySlice<String>, _ options: [Option]) throws(UsageError) {
        let parts = word.drop { $0 == "-" }.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let name = String(parts[0])
        guard let option = options.first(where: { $0.name == name }) else { throw UsageError("unknown option \(word)") }
        guard values[name] == nil, !flags.contains(name) else { throw UsageError("option --\(name) stands twice") }
        guard option.value != nil else {
            guard parts.count == 1 else { throw UsageError("option --\(name) takes no value") }
            flags.insert(name)
            return
        }
        if parts.count == 2 {
            values[name] = String(parts[1])
        } else if let next = rest.popFirst() {
            values[name] = next
        } else {
            throw UsageError("option --\(name) needs a value")
        }
    }

    subscript(option: String) -> String? { values[option] }

    func has(_ flag: String) -> Bool { flags.contains(flag) }

    /// The operand at that place.
    func operand(_ index: Int, _ name: String) throws(UsageError) -> String {
        guard index < operands.count else { throw UsageError("\(name) is missing") }
        return operands[index]
    }

    /// An option that is a whole number within `range`.
    func integer(_ option: String, in range: ClosedRange<Int>) throws(UsageError) -> Int? {
        guard let text = values[option] else { return nil }
        guard let number = Int(text), range.contains(number) else {
            throw UsageError("--\(option) must be a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }
}
