import Glibc

extension JSONTapeParser {
    /// Reads a string that starts at its quote and appends its node; keys get their hash, strings their number of scalars.
    @inline(__always)
    mutating func readString(isKey: Bool) throws(JSONError) {
        let start = at &+ 1
        var end = start
        var continuations = 0
        scan: while true {
            end = JSONTapeParser.plainEnd(base, end, count)
            guard end < count else { throw fault(.unexpectedEnd, at: count, "the text ends inside a string") }
            let byte = base[end]
            if byte == UInt8(ascii: "\"") { break scan }
            if byte >= 0x80 {
                let width = utf8Width(at: end)
                guard width > 0 else { throw fault(.invalidUTF8, at: end, "a string holds bytes that are not UTF-8") }
                continuations &+= width &- 1
                end &+= width
            } else if byte == UInt8(ascii: "\\") {
                return try readEscaped(from: start, plainUntil: end, continuations: continuations, isKey: isKey)
            } else {
                throw fault(.controlCharacter, at: end, "a string holds a control character that is not escaped")
            }
        }
        let length = end &- start
        let extra = isKey ? hash(base + start, length) : UInt32(truncatingIfNeeded: length &- continuations)
        append(
            JSONNode(
                offset: UInt32(truncatingIfNeeded: start), length: UInt32(truncatingIfNeeded: length), extra: extra, scale: 0,
                kind: isKey ? .key : .string, flags: 0))
        at = end &+ 1
    }

    /// The first place from `start` that holds a quote, a backslash, a control character or a byte of a longer character.
    @inline(__always)
    private static func plainEnd(_ base: UnsafePointer<UInt8>, _ start: Int, _ count: Int) -> Int {
        var index = start
        let raw = UnsafeRawPointer(base)
        while index &+ 8 <= count {
            // SAFETY: eight bytes from index are inside the text. Eight bytes are examined at once; the lowest set high bit marks
            // the first byte of interest (a borrow can only spoil marks above a true one).
            let word = raw.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            let quotes = word ^ 0x2222_2222_2222_2222, slashes = word ^ 0x5c5c_5c5c_5c5c_5c5c
            let isQuote = (quotes &- 0x0101_0101_0101_0101) & ~quotes
            let isSlash = (slashes &- 0x0101_0101_0101_0101) & ~slashes
            let isControl = (word &- 0x2020_2020_2020_2020) & ~word
            let marks = (isQuote | isSlash | isControl | word) & 0x8080_8080_8080_8080
            if marks != 0 { return index &+ marks.trailingZeroBitCount >> 3 }
            index &+= 8
        }
        while index < count {
            let byte = base[index]
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte < 0x20 || byte >= 0x80 { return index }
            index &+= 1
        }
        return index
    }

    /// How many bytes the well-formed UTF-8 sequence at `index` has (RFC 3629 table), or 0 when it is not well formed.
    @inline(__always)
    private func utf8Width(at index: Int) -> Int {
        let first = base[index]
        func continues(_ offset: Int, _ low: UInt8 = 0x80, _ high: UInt8 = 0xbf) -> Bool {
            index &+ offset < count && base[index &+ offset] >= low && base[index &+ offset] <= high
        }
        switch first {
        case 0xc2...0xdf: return continues(1) ? 2 : 0
        case 0xe0...0xef:
            let low: UInt8 = first == 0xe0 ? 0xa0 : 0x80, high: UInt8 = first == 0xed ? 0x9f : 0xbf
            return continues(1, low, high) && continues(2) ? 3 : 0
        case 0xf0...0xf4:
            let low: UInt8 = first == 0xf0 ? 0x90 : 0x80, high: UInt8 = first == 0xf4 ? 0x8f : 0xbf
            return continues(1, low, high) && continues(2) && continues(3) ? 4 : 0
        default: return 0
        }
    }

    /// Reads the rest of a string that has an escape at `plainEnd`, decoding the whole of it into the side buffer.
    @inline(never)
    private mutating func readEscaped(from start: Int, plainUntil plainEnd: Int, continuations: Int, isKey: Bool) throws(JSONError) {
        let sideStart = side.count
        var continuations = continuations
        side.append(contentsOf: bytes[start..<plainEnd])
        at = plainEnd
        while true {
            guard at < count else { throw fault(.unexpectedEnd, at: count, "the text ends inside a string") }
            let byte = base[at]
            if byte == UInt8(ascii: "\"") { break }
            if byte == UInt8(ascii: "\\") {
                continuations += try readEscape()
            } else if byte >= 0x80 {
                let width = utf8Width(at: at)
                guard width > 0 else { throw fault(.invalidUTF8, at: at, "a string holds bytes that are not UTF-8") }
                side.append(contentsOf: bytes[at..<at + width])
                continuations += width - 1
                at += width
            } else if byte >= 0x20 {
                let end = JSONTapeParser.plainEnd(base, at, count)
                side.append(contentsOf: bytes[at..<end])
                at = end
            } else {
                throw fault(.controlCharacter, at: at, "a string holds a control character that is not escaped")
            }
        }
        at += 1
        let length = side.count - sideStart
        let extra =
            isKey
            ? side.withUnsafeBufferPointer { side in side.baseAddress.map { hash($0 + sideStart, length) } ?? 0 }
            : UInt32(truncatingIfNeeded: length - continuations)
        append(
            JSONNode(
                offset: UInt32(truncatingIfNeeded: sideStart), length: UInt32(truncatingIfNeeded: length), extra: extra, scale: 0,
                kind: isKey ? .key : .string, flags: JSONNode.escaped))
    }

    /// Decodes the escape at `at` into the side buffer; returns how many continuation bytes that added.
    private mutating func readEscape() throws(JSONError) -> Int {
        guard at + 1 < count else { throw fault(.unexpectedEnd, at: count, "the text ends inside a string") }
        let letter = base[at + 1]
        if letter == UInt8(ascii: "u") { return try readUnicodeEscape() }
        guard let byte = JSONTapeParser.unescaped(letter) else {
            throw fault(.invalidEscape, at: at, "a backslash is followed by no known escape")
        }
        side.append(byte)
        at += 2
        return 0
    }

    private static func unescaped(_ letter: UInt8) -> UInt8? {
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): letter
        case UInt8(ascii: "b"): 0x08
        case UInt8(ascii: "f"): 0x0c
        case UInt8(ascii: "n"): 0x0a
        case UInt8(ascii: "r"): 0x0d
        case UInt8(ascii: "t"): 0x09
        default: nil
        }
    }

    private mutating func readUnicodeEscape() throws(JSONError) -> Int {
        let start = at
        var scalar = try readUnit()
        if scalar >= 0xdc00 && scalar <= 0xdfff {
            throw fault(.invalidEscape, at: start, "a low surrogate stands without its high one")
        }
        if scalar >= 0xd800 && scalar <= 0xdbff {
            guard at + 1 < count, base[at] == UInt8(ascii: "\\"), base[at + 1] == UInt8(ascii: "u") else {
                throw fault(.invalidEscape, at: start, "a high surrogate stands without its low one")
            }
            let low = try readUnit()
            guard low >= 0xdc00 && low <= 0xdfff else {
                throw fault(.invalidEscape, at: start, "a high surrogate stands without its low one")
            }
            scalar = 0x10000 + (scalar - 0xd800) << 10 + (low - 0xdc00)
        }
        // Surrogates were sorted out above, so the scalar exists.
        let encoded = Unicode.Scalar(scalar).flatMap { UTF8.encode($0) }
        side.append(contentsOf: encoded ?? UTF8.encodedReplacementCharacter)
        return (encoded?.count ?? 3) - 1
    }

    /// Reads `\uXXXX` at `at`.
    private mutating func readUnit() throws(JSONError) -> UInt32 {
        var value: UInt32 = 0
        for offset in 2..<6 {
            guard at + offset < count else { throw fault(.unexpectedEnd, at: count, "the text ends inside a string") }
            let byte = base[at + offset]
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt32(byte - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = value << 4 | UInt32(byte - UInt8(ascii: "a") + 10)
            case UInt8(ascii: "A")...UInt8(ascii: "F"): value = value << 4 | UInt32(byte - UInt8(ascii: "A") + 10)
            default: throw fault(.invalidEscape, at: at, "\\u is not followed by four hexadecimal digits")
            }
        }
        at += 6
        return value
    }
}
