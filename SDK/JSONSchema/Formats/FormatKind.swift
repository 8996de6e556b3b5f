/// The formats of JSON Schema 2020-12 that can be asserted.
enum FormatKind: String, BitwiseCopyable {
    case dateTime = "date-time"
    case date
    case time
    case duration
    case email
    case idnEmail = "idn-email"
    case hostname
    case idnHostname = "idn-hostname"
    case ipv4
    case ipv6
    case uri
    case uriReference = "uri-reference"
    case iri
    case iriReference = "iri-reference"
    case uriTemplate = "uri-template"
    case uuid
    case jsonPointer = "json-pointer"
    case relativeJSONPointer = "relative-json-pointer"
    case regex

    /// Whether a string, given as UTF-8, has this format.
    func matches(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        switch self {
        case .dateTime: return TimeFormat.isDateTime(bytes)
        case .date: return TimeFormat.isDate(bytes[...])
        case .time: return TimeFormat.isTime(bytes[...])
        case .duration: return TimeFormat.isDuration(bytes)
        case .email: return EmailFormat.isEmail(Array(bytes), international: false)
        case .idnEmail: return EmailFormat.isEmail(Array(bytes), international: true)
        case .hostname: return HostFormat.isHostname(Array(bytes))
        case .idnHostname: return HostFormat.isInternationalHostname(String(decoding: bytes, as: UTF8.self))
        case .ipv4: return AddressFormat.isIPv4(Array(bytes)[...])
        case .ipv6: return AddressFormat.isIPv6(Array(bytes)[...])
        case .uri: return URIFormat.isURI(Array(bytes)[...], international: false, allowsRelative: false)
        case .uriReference: return URIFormat.isURI(Array(bytes)[...], international: false, allowsRelative: true)
        case .iri: return URIFormat.isURI(Array(bytes)[...], international: true, allowsRelative: false)
        case .iriReference: return URIFormat.isURI(Array(bytes)[...], international: true, allowsRelative: true)
        case .uriTemplate: return URITemplateFormat.isTemplate(Array(bytes))
        case .uuid: return FormatKind.isUUID(bytes)
        case .jsonPointer: return PointerFormat.isPointer(bytes[...])
        case .relativeJSONPointer: return PointerFormat.isRelativePointer(bytes)
        case .regex: return FormatKind.isRegex(String(decoding: bytes, as: UTF8.self))
        }
    }

    private static func isUUID(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        guard bytes.count == 36 else { return false }
        for (index, byte) in bytes.enumerated() {
            let isDash = index == 8 || index == 13 || index == 18 || index == 23
            guard isDash ? byte == UInt8(ascii: "-") : hexValue(byte) != nil else { return false }
        }
        return true
    }

    private static func isRegex(_ text: String) -> Bool {
        do throws(RegexError) { _ = try RegexParser.parse(text) } catch { return false }
        return true
    }
}

/// JSON Pointers, absolute and relative, as text.
enum PointerFormat {
    static func isPointer(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) -> Bool {
        guard let first = bytes.first else { return true }
        guard first == UInt8(ascii: "/") else { return false }
        var afterTilde = false
        for byte in bytes {
            if afterTilde, byte != UInt8(ascii: "0"), byte != UInt8(ascii: "1") { return false }
            afterTilde = byte == UInt8(ascii: "~")
        }
        return !afterTilde
    }

    static func isRelativePointer(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        let digits = bytes.prefix { ASCII.isDigit($0) }
        guard let first = digits.first, first != UInt8(ascii: "0") || digits.count == 1 else { return false }
        let rest = bytes.dropFirst(digits.count)
        return rest.count == 1 && rest.first == UInt8(ascii: "#") || isPointer(rest)
    }
}

/// Classes of ASCII characters.
enum ASCII {
    static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }
    static func isLetter(_ byte: UInt8) -> Bool { byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7a }
    static func isAlphanumeric(_ byte: UInt8) -> Bool { isDigit(byte) || isLetter(byte) }
    static func isOne(_ byte: UInt8, of set: StaticString) -> Bool {
        for index in 0..<set.utf8CodeUnitCount where set.utf8Start[index] == byte { return true }
        return false
    }
}
