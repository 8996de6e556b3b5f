/// Why a Swift value could not be made from JSON or turned into it.
public struct JSONCodingError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Where in the JSON value the fault is; empty for the whole of it.
    public let path: JSONPointer
    /// The fault in a sentence, without the path.
    public let message: String

    /// Path and message in one line.
    public var description: String { path.tokens.isEmpty ? message : "\(path): \(message)" }

    init(path: [any CodingKey], message: String) {
        self.path = JSONPointer(tokens: path.map { $0.intValue.map(String.init) ?? $0.stringValue })
        self.message = message
    }

    init(_ error: DecodingError) {
        switch error {
        case .keyNotFound(let key, let context): self.init(path: context.codingPath + [key], message: "the member is missing")
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
            self.init(path: context.codingPath, message: context.debugDescription)
        @unknown default: self.init(path: [], message: "\(error)")
        }
    }

    init(_ error: EncodingError) {
        switch error {
        case .invalidValue(_, let context): self.init(path: context.codingPath, message: context.debugDescription)
        @unknown default: self.init(path: [], message: "\(error)")
        }
    }
}

/// Turns `Codable` values into JSON values and back, exactly and without Foundation.
public struct JSONCoder: Sendable {
    /// The JSON value of `value`; throws `JSONCodingError` for a number that is not finite, or what the type itself throws.
    public static func encode<T: Encodable>(_ value: T) throws -> JSONValue {
        let node = JSONEncodingNode()
        do {
            try JSONValueEncoder(node: node, path: .root).encode(value)
        } catch let error as EncodingError {
            throw JSONCodingError(error)
        }
        return node.value
    }

    /// A `T` from a JSON value; throws `JSONCodingError` with the place of what is missing, of another type or out of range.
    public static func decode<T: Decodable>(_ type: T.Type, from value: JSONValue) throws -> T {
        do {
            return try T(from: JSONValueDecoder(value: value, path: .root))
        } catch let error as DecodingError {
            throw JSONCodingError(error)
        }
    }
}

/// The way to a value while coding, built only outwards, so that it costs nothing until an error asks for it.
struct JSONCodingPath: Sendable {
    private final class Step: Sendable {
        let outer: Step?
        let key: any CodingKey
        let depth: Int

        init(_ outer: Step?, _ key: any CodingKey) {
            self.outer = outer
            self.key = key
            depth = (outer?.depth ?? 0) + 1
        }
    }

    static let root = JSONCodingPath(last: nil)
    private let last: Step?

    /// How many keys there are.
    var depth: Int { last?.depth ?? 0 }

    func appending(_ key: any CodingKey) -> JSONCodingPath { JSONCodingPath(last: Step(last, key)) }

    /// The keys, outermost first.
    var keys: [any CodingKey] {
        var keys: [any CodingKey] = []
        var step = last
        while let current = step {
            keys.append(current.key)
            step = current.outer
        }
        return keys.reversed()
    }
}

/// A key made from a text or an array index.
struct JSONCodingKey: CodingKey {
    let stringValue: String
    let intValue: Int?

    init(stringValue: String) {
        self.stringValue = stringValue
        intValue = nil
    }

    init(intValue: Int) {
        stringValue = String(intValue)
        self.intValue = intValue
    }

    static let `super` = JSONCodingKey(stringValue: "super")
}
