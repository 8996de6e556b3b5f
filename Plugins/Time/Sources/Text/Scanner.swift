/// Walks over the bytes of a short text.
struct Scanner {
    let bytes: [UInt8]
    var index = 0

    init(_ text: String) throws(TimeError) {
        guard text.utf8.count <= Limits.textBytesMax else {
            throw TimeError(.syntax, "The text has more than \(Limits.textBytesMax) bytes.")
        }
        bytes = Array(text.utf8)
    }

    var isAtEnd: Bool { index >= bytes.count }

    func isAt(_ character: Unicode.Scalar, offset: Int = 0) -> Bool {
        index + offset < bytes.count && bytes[index + offset] == UInt8(ascii: character)
    }

    func isDigit(offset: Int = 0) -> Bool { index + offset < bytes.count && bytes[index + offset] &- 48 < 10 }

    mutating func skip(_ character: Unicode.Scalar) -> Bool {
        guard isAt(character) else { return false }
        index += 1
        return true
    }

    func fault(_ wanted: String) -> TimeError {
        let found = isAtEnd ? "the end" : "'\(String(decoding: bytes[index..<min(index + 12, bytes.count)], as: UTF8.self))'"
        return TimeError(.syntax, "Expected \(wanted), found \(found).", at: index)
    }

    func end() throws(TimeError) {
        guard isAtEnd else { throw fault("the end") }
    }

    /// The number of digits from here.
    var digitRun: Int {
        var count = 0
        while isDigit(offset: count) { count += 1 }
        return count
    }

    /// Exactly `count` digits.
    mutating func digits(_ count: Int, _ what: String) throws(TimeError) -> Int {
        guard digitRun >= count else { throw fault("\(count) digits of the \(what)") }
        var value = 0
        for _ in 0..<count {
            value = value * 10 + Int(bytes[index] &- 48)
            index += 1
        }
        return value
    }

    /// Any number of digits, up to `Limits.durationComponentMax`.
    mutating func longNumber() throws(TimeError) -> Int64 {
        let start = index
        guard isDigit() else { throw fault("a number") }
        var value: Int64 = 0
        while isDigit() {
            value = value * 10 + Int64(bytes[index] &- 48)
            guard value <= Limits.durationComponentMax else { throw TimeError(.range, "The number is too large.", at: start) }
            index += 1
        }
        return value
    }

    /// `.5` or `,5` as billionths; nil if there is none. Digits after the ninth must be there to be read but do not count.
    mutating func fraction() throws(TimeError) -> Int64? {
        guard isAt(".") || isAt(",") else { return nil }
        index += 1
        let run = digitRun
        guard run >= 1 else { throw fault("digits after the point") }
        var value: Int64 = 0
        for place in 0..<9 { value = value * 10 + (place < run ? Int64(bytes[index + place] &- 48) : 0) }
        index += run
        return value
    }
}
