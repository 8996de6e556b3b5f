/// Why a text is no JSON Pointer.
public struct JSONPointerError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The fault in a sentence.
    public let message: String
    /// The fault in a sentence.
    public var description: String { message }
}

/// A path to a value inside a document, as RFC 6901 defines it: `/items/0/name`; the empty pointer is the whole document.
public struct JSONPointer: Sendable, Hashable, CustomStringConvertible {
    /// The reference tokens with their escapes undone, outermost first.
    public var tokens: [String]

    /// Makes a pointer from tokens that are not escaped.
    public init(tokens: [String] = []) { self.tokens = tokens }

    /// Reads the string form; throws when it neither is empty nor starts with `/`, or when a `~` is not followed by `0` or `1`.
    public init(_ text: String) throws(JSONPointerError) {
        tokens = []
        guard !text.isEmpty else { return }
        guard text.utf8.first == UInt8(ascii: "/") else { throw JSONPointerError(message: "a JSON Pointer starts with '/' or is empty") }
        for part in text.utf8.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
            tokens.append(try JSONPointer.unescape(part))
        }
    }

    private static func unescape(_ part: Substring.UTF8View) throws(JSONPointerError) -> String {
        guard part.contains(UInt8(ascii: "~")) else { return String(Substring(part)) }
        var bytes: [UInt8] = []
        var afterTilde = false
        for byte in part {
            switch (afterTilde, byte) {
            case (false, UInt8(ascii: "~")): afterTilde = true
            case (false, _): bytes.append(byte)
            case (true, UInt8(ascii: "0")), (true, UInt8(ascii: "1")):
                bytes.append(byte == UInt8(ascii: "0") ? UInt8(ascii: "~") : UInt8(ascii: "/"))
                afterTilde = false
            default: throw JSONPointerError(message: "in a JSON Pointer '~' is followed by '0' or '1'")
            }
        }
        guard !afterTilde else { throw JSONPointerError(message: "in a JSON Pointer '~' is followed by '0' or '1'") }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The string form, with `~` and `/` inside tokens escaped.
    public var description: String { tokens.map { "/" + JSONPointer.escape($0) }.joined() }

    /// One token as it is written in a pointer.
    public static func escape(_ token: String) -> String {
        guard token.utf8.contains(where: { $0 == UInt8(ascii: "~") || $0 == UInt8(ascii: "/") }) else { return token }
        var escaped = ""
        for scalar in token.unicodeScalars {
            switch scalar {
            case "~": escaped += "~0"
            case "/": escaped += "~1"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }

    /// This pointer with one more token.
    public func appending(_ token: String) -> JSONPointer { JSONPointer(tokens: tokens + [token]) }

    /// This pointer with one more array index.
    public func appending(_ index: Int) -> JSONPointer { appending(String(index)) }

    /// The array index that a token spells: digits without a leading zero; nil for any other token.
    static func index(_ token: String) -> Int? {
        let digits = token.utf8
        guard let first = digits.first, first != UInt8(ascii: "0") || digits.count == 1 else { return nil }
        guard digits.allSatisfy({ $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }) else { return nil }
        return Int(token)
    }

    /// Whether this pointer leads into the value at `other`, or to it.
    func isInside(_ other: JSONPointer) -> Bool {
        tokens.count >= other.tokens.count && zip(tokens, other.tokens).allSatisfy { sameBytes($0, $1) }
    }
}

extension JSONValue {
    /// The value the pointer leads to, or nil when there is none.
    public subscript(pointer: JSONPointer) -> JSONValue? {
        var value = self
        for token in pointer.tokens {
            switch value {
            case .object(let object):
                guard let member = object[token] else { return nil }
                value = member
            case .array(let elements):
                guard let index = JSONPointer.index(token), index < elements.count else { return nil }
                value = elements[index]
            default: return nil
            }
        }
        return value
    }
}
