/// Text as it grows: white space is collapsed, breaks never pile up, and it ends at a number of characters.
struct TextBuilder {
    private(set) var bytes: [UInt8] = []
    private(set) var isFull = false
    private var count = 0
    private let charactersMax: Int
    /// Line breaks before what comes next: 0, 1 or 2.
    private var breaks = 0
    private var wantsSpace = false
    private var prefix = ""

    init(charactersMax: Int) { self.charactersMax = charactersMax }

    var text: String { String(decoding: bytes, as: UTF8.self) }
    /// Nothing stands on the line yet.
    var isAtLineStart: Bool { bytes.isEmpty || breaks > 0 || bytes.last == 10 }

    /// Ends the line; 2 leaves an empty line.
    mutating func lineBreak(_ lines: Int) {
        breaks = max(breaks, lines)
        wantsSpace = false
    }

    /// What the next line begins with; the line is only begun if something comes.
    mutating func beginLine(with text: String) { prefix = text }

    /// Forgets the beginning of a line that nothing came on.
    mutating func dropPrefix() { prefix = "" }

    /// Appends text, white space collapsed.
    mutating func append(_ text: String) {
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 9, 10, 12, 13, 32, 0xa0: wantsSpace = true
            case _ where TextBuilder.isUnseen(scalar): continue
            default:
                begin()
                put(scalar)
                if isFull { return }
            }
        }
    }

    /// Appends text as it stands.
    mutating func appendPreformatted(_ text: String) {
        for scalar in text.unicodeScalars {
            if scalar.value != 9 && scalar.value != 10 && TextBuilder.isUnseen(scalar) { continue }
            if scalar.value != 10 { begin() }
            put(scalar)
            if isFull { return }
        }
    }

    /// Controls, what has no width, and what turns the direction of writing, by which a text can look like another.
    private static func isUnseen(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0...31, 127...0x9f, 0xad, 0x200b, 0x2060, 0xfeff, 0x202a...0x202e, 0x2066...0x2069: true
        default: false
        }
    }

    /// Pays what is owed to what came before: breaks, a line's beginning, or a space.
    private mutating func begin() {
        if breaks > 0 {
            if !bytes.isEmpty {
                while bytes.last == 10 || bytes.last == 32 { bytes.removeLast() }
                for _ in 0..<breaks { put("\n") }
            }
            breaks = 0
            wantsSpace = false
        }
        if !prefix.isEmpty {
            let beginning = prefix
            prefix = ""
            for scalar in beginning.unicodeScalars { put(scalar) }
            wantsSpace = false
        }
        if wantsSpace {
            wantsSpace = false
            if let last = bytes.last, last != 10, last != 32 { put(" ") }
        }
    }

    private mutating func put(_ scalar: Unicode.Scalar) {
        guard !isFull else { return }
        guard count < charactersMax else {
            isFull = true
            return
        }
        count += 1
        bytes += UTF8.encode(scalar) ?? UTF8.EncodedScalar()
    }
}

extension TextBuilder {
    /// HTML's text on one line, or as paragraphs.
    static func collapsed(_ text: String, charactersMax: Int) -> String {
        var builder = TextBuilder(charactersMax: charactersMax)
        builder.append(text)
        return builder.text
    }
}
