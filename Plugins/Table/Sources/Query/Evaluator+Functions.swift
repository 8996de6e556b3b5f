extension Evaluator {
    mutating func call(_ function: Function, _ arguments: [Program], _ position: Int) throws(TableError) -> Value {
        switch function {
        case .coalesce:
            for argument in arguments {
                let value = try evaluate(argument)
                if !value.isNull { return value }
            }
            return .null
        case .choose:
            let condition = try truth(evaluate(arguments[0]), position)
            return try evaluate(condition == true ? arguments[1] : arguments[2])
        default: break
        }
        var values: [Value] = []
        for argument in arguments {
            let value = try evaluate(argument)
            if case .text(let text) = value { try charge(text.utf8.count / 8) }
            values.append(value)
        }
        if function == .concat { return try joined(values, position) }
        if values.contains(.null) { return .null }
        switch function {
        case .abs, .round, .floor, .ceil: return try numeric(function, values, position)
        case .text: return .text(values[0].shown)
        case .number: return Evaluator.converted(values[0])
        case .contains, .startsWith, .endsWith: return try search(function, values, position)
        default: return try textual(function, values, position)
        }
    }

    private func joined(_ values: [Value], _ position: Int) throws(TableError) -> Value {
        let text = values.map(\.shown).joined()
        guard text.utf8.count <= Limits.valueBytesMax else {
            throw TableError(.tooLarge, "A text has more than \(Limits.valueBytesMax) bytes.", at: position, line: row + 1)
        }
        return .text(text)
    }

    private func numeric(_ function: Function, _ values: [Value], _ position: Int) throws(TableError) -> Value {
        guard let value = try number(values[0], position) else { return .null }
        switch function {
        case .abs: return .number(value.isNegative ? -value : value)
        case .floor: return .number(value.rounded(places: 0, .down))
        case .ceil: return .number(value.rounded(places: 0, .up))
        default:
            let places = values.count > 1 ? try number(values[1], position)?.int : 0
            guard let places, places.magnitude <= 30 else {
                throw TableError(.type, "The number of places is a whole number of at most 30.", at: position)
            }
            return .number(value.rounded(places: places))
        }
    }

    /// A text as a number; null if it is none.
    private static func converted(_ value: Value) -> Value {
        switch value {
        case .number: value
        case .bool(let value): .number(Decimal(value ? 1 : 0))
        case .text(let text): Decimal(Array(text.utf8)).map { .number($0) } ?? .null
        case .null: .null
        }
    }

    private mutating func search(_ function: Function, _ values: [Value], _ position: Int) throws(TableError) -> Value {
        guard let text = try text(values[0], position), let wanted = try self.text(values[1], position) else { return .null }
        switch function {
        case .startsWith: return .bool(text.utf8.starts(with: wanted.utf8))
        case .endsWith: return .bool(text.utf8.reversed().starts(with: wanted.utf8.reversed()))
        default: return .bool(Search.first(wanted, in: text) != nil)
        }
    }

    private mutating func textual(_ function: Function, _ values: [Value], _ position: Int) throws(TableError) -> Value {
        guard let text = try text(values[0], position) else { return .null }
        switch function {
        case .len: return .number(Decimal(text.unicodeScalars.count))
        case .lower: return .text(text.lowercased())
        case .upper: return .text(text.uppercased())
        case .trim: return .text(Search.trimmed(text))
        case .replace: return try replaced(text, values, position)
        default: return try part(text, values, position)
        }
    }

    /// `substr(text, start from 1, count)`, in Unicode scalars.
    private func part(_ text: String, _ values: [Value], _ position: Int) throws(TableError) -> Value {
        let start = try number(values[1], position)?.int
        let count = values.count > 2 ? try number(values[2], position)?.int : Int.max
        guard let start, let count, start >= 1, count >= 0 else {
            throw TableError(.type, "substr counts from 1 and takes a length that is not negative.", at: position, line: row + 1)
        }
        return .text(String(text.unicodeScalars.dropFirst(start - 1).prefix(count)))
    }

    private func replaced(_ text: String, _ values: [Value], _ position: Int) throws(TableError) -> Value {
        guard let wanted = try self.text(values[1], position), let other = try self.text(values[2], position), !wanted.isEmpty else {
            return .text(text)
        }
        var (result, rest): ([UInt8], ArraySlice<UInt8>) = ([], Array(text.utf8)[...])
        let pattern = Array(wanted.utf8)
        while let found = Search.first(pattern, in: rest) {
            result += rest[rest.startIndex..<found]
            result += other.utf8
            rest = rest[(found + pattern.count)...]
            guard result.count <= Limits.valueBytesMax else {
                throw TableError(.tooLarge, "A text has more than \(Limits.valueBytesMax) bytes.", at: position, line: row + 1)
            }
        }
        return .text(String(decoding: result + rest, as: UTF8.self))
    }
}

/// Finding text in time proportional to its length.
enum Search {
    static func first(_ pattern: String, in text: String) -> Int? {
        first(Array(pattern.utf8), in: Array(text.utf8)[...])
    }

    /// Where the pattern starts (Knuth, Morris and Pratt).
    static func first(_ pattern: [UInt8], in text: ArraySlice<UInt8>) -> Int? {
        if pattern.isEmpty { return text.startIndex }
        if pattern.count > text.count { return nil }
        var borders = [Int](repeating: 0, count: pattern.count)
        var border = 0
        for index in pattern.indices.dropFirst() {
            while border > 0 && pattern[index] != pattern[border] { border = borders[border - 1] }
            if pattern[index] == pattern[border] { border += 1 }
            borders[index] = border
        }
        border = 0
        for index in text.indices {
            while border > 0 && text[index] != pattern[border] { border = borders[border - 1] }
            if text[index] == pattern[border] { border += 1 }
            if border == pattern.count { return index - pattern.count + 1 }
        }
        return nil
    }

    static func trimmed(_ text: String) -> String {
        let scalars = text.unicodeScalars
        guard let first = scalars.firstIndex(where: { !$0.properties.isWhitespace }),
            let last = scalars.lastIndex(where: { !$0.properties.isWhitespace })
        else { return "" }
        return String(scalars[first...last])
    }
}
