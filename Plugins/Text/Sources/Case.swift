import LimenPlugin

/// Changes the case of a text or the style of a name.
struct CaseTool: Tool {
    static let name = "case"
    static let title: String? = "Change case"
    static let description =
        "Converts a text to upper, lower, title, sentence or swapped case, or each of its lines to camel, Pascal, snake, kebab or constant style."
    static let annotations: ToolAnnotations = [.readOnly, .idempotent]
    static let contentType = ToolContentType.text

    enum Style: String, Codable, CaseIterable, Sendable {
        case upper, lower, title, sentence, swap, camel, pascal, snake, kebab, constant
    }

    struct Input: Codable, Sendable {
        @Field("The text.", maxLength: 1_048_576) var text: String
        @Field("The case or style to convert to.") var style: Style
    }

    struct Output: Codable, Sendable { var text: String }

    func call(_ input: Input, _ context: ToolContext) async throws -> Output {
        switch input.style {
        case .upper: Output(text: input.text.uppercased())
        case .lower: Output(text: input.text.lowercased())
        case .swap: Output(text: String(input.text.map { $0.isUppercase ? $0.lowercased() : $0.uppercased() }.joined()))
        case .title: Output(text: capitalised(input.text, after: { !$0.isLetter && !$0.isNumber && $0 != "'" && $0 != "’" }))
        case .sentence: Output(text: sentences(input.text))
        case .camel, .pascal, .snake, .kebab, .constant: Output(text: lines(input.text) { styled($0, input.style) })
        }
    }

    private func capitalised(_ text: String, after isBreak: (Character) -> Bool) -> String {
        var result = ""
        var isStart = true
        for character in text {
            result += isStart ? character.uppercased() : character.lowercased()
            isStart = isBreak(character)
        }
        return result
    }

    private func sentences(_ text: String) -> String {
        var result = ""
        var isStart = true
        for character in text {
            if character.isLetter || character.isNumber {
                result += isStart ? character.uppercased() : character.lowercased()
                isStart = false
            } else {
                result.append(character)
                isStart = isStart || ".!?\n\r\r\n".contains(character)
            }
        }
        return result
    }

    private func lines(_ text: String, _ convert: (Substring) -> String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).map(convert).joined(separator: "\n")
    }

    private func styled(_ line: Substring, _ style: Style) -> String {
        let words = words(of: line)
        return switch style {
        case .camel: words.enumerated().map { $0 == 0 ? $1.lowercased() : capital($1) }.joined()
        case .pascal: words.map(capital).joined()
        case .snake: words.map { $0.lowercased() }.joined(separator: "_")
        case .kebab: words.map { $0.lowercased() }.joined(separator: "-")
        default: words.map { $0.uppercased() }.joined(separator: "_")
        }
    }

    private func capital(_ word: String) -> String { word.prefix(1).uppercased() + word.dropFirst().lowercased() }

    /// Splits at everything but letters and digits, and where case changes: `parseHTTPRequest2` has parse, HTTP and Request2.
    private func words(of line: Substring) -> [String] {
        let characters = Array(line)
        var words: [String] = []
        var word = ""
        for (index, character) in characters.enumerated() {
            guard character.isLetter || character.isNumber else {
                if !word.isEmpty { words.append(word) }
                word = ""
                continue
            }
            let next = index + 1 < characters.count ? characters[index + 1] : nil
            let startsWord =
                character.isUppercase && (word.last?.isUppercase == false || (word.last?.isUppercase == true && next?.isLowercase == true))
            if startsWord, !word.isEmpty {
                words.append(word)
                word = ""
            }
            word.append(character)
        }
        if !word.isEmpty { words.append(word) }
        return words
    }
}
