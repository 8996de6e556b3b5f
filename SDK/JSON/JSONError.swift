/// Why a text is not the JSON we accept, and where.
public struct JSONError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of fault; more may be added.
    public struct Code: RawRepresentable, Sendable, Hashable {
        /// The stable name of the fault, in snake case.
        public let rawValue: String
        /// Makes a code from its stable name.
        public init(rawValue: String) { self.rawValue = rawValue }

        /// The text ended inside a value.
        public static let unexpectedEnd = Code(rawValue: "unexpected_end")
        /// A byte stands where the grammar allows none like it.
        public static let unexpectedByte = Code(rawValue: "unexpected_byte")
        /// Something follows the value.
        public static let trailingBytes = Code(rawValue: "trailing_bytes")
        /// A number that the grammar does not allow.
        public static let invalidNumber = Code(rawValue: "invalid_number")
        /// A number whose literal or exponent is longer than the limit.
        public static let numberTooLong = Code(rawValue: "number_too_long")
        /// An escape sequence that the grammar does not allow, or half a surrogate pair.
        public static let invalidEscape = Code(rawValue: "invalid_escape")
        /// A control character inside a string.
        public static let controlCharacter = Code(rawValue: "control_character")
        /// Bytes that are not UTF-8.
        public static let invalidUTF8 = Code(rawValue: "invalid_utf8")
        /// An object that names one key twice.
        public static let duplicateKey = Code(rawValue: "duplicate_key")
        /// More containers open at once than the limit.
        public static let tooDeep = Code(rawValue: "too_deep")
        /// More bytes than the limit.
        public static let tooLarge = Code(rawValue: "too_large")
        /// A value that has no canonical form.
        public static let notCanonical = Code(rawValue: "not_canonical")
    }

    /// The kind of fault.
    public let code: Code
    /// The byte of the text at which the fault was seen, counted from 0.
    public let offset: Int
    /// The fault in a sentence, without the offset.
    public let message: String

    init(_ code: Code, at offset: Int, _ message: String) {
        self.code = code
        self.offset = offset
        self.message = message
    }

    /// The message and the offset in one line.
    public var description: String { "\(message) (at byte \(offset))" }
}
