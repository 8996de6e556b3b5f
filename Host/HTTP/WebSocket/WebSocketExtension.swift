/// One extension of `Sec-WebSocket-Extensions` (RFC 6455, 9.1).
struct WebSocketExtension: Sendable {
    var name: String
    var parameters: [(name: String, value: String?)] = []

    /// The extensions of all such fields in order; nil when they are not what the grammar allows.
    static func parse(_ values: [String]) -> [WebSocketExtension]? {
        var found: [WebSocketExtension] = []
        for value in values {
            var scanner = Scanner(bytes: Array(value.utf8))
            repeat {
                guard let next = scanner.element(), found.count < WebSocketLimits.offersMax else { return nil }
                found.append(next)
            } while scanner.skip(0x2c)
            guard scanner.isAtEnd else { return nil }
        }
        return found
    }

    /// Walks over one field's value.
    private struct Scanner {
        let bytes: [UInt8]
        var index = 0

        var isAtEnd: Bool { index == bytes.count }

        mutating func skipBlanks() { while index < bytes.count, bytes[index] == 0x20 || bytes[index] == 0x09 { index += 1 } }

        /// Takes `byte` with blanks around it.
        mutating func skip(_ byte: UInt8) -> Bool {
            skipBlanks()
            guard index < bytes.count, bytes[index] == byte else { return false }
            index += 1
            skipBlanks()
            return true
        }

        mutating func token() -> String? {
            let start = index
            while index < bytes.count, Characters.isToken(bytes[index]) { index += 1 }
            return index == start ? nil : String(decoding: bytes[start..<index], as: UTF8.self)
        }

        mutating func element() -> WebSocketExtension? {
            skipBlanks()
            guard let name = token() else { return nil }
            var element = WebSocketExtension(name: name)
            while skip(0x3b) {
                guard let name = token(), element.parameters.count < WebSocketLimits.offersMax else { return nil }
                guard skip(0x3d) else {
                    element.parameters.append((name, nil))
                    continue
                }
                guard let value = value() else { return nil }
                element.parameters.append((name, value))
            }
            return element
        }

        /// A token, or a quoted string whose content is a token.
        private mutating func value() -> String? {
            guard index < bytes.count, bytes[index] == 0x22 else { return token() }
            index += 1
            var content: [UInt8] = []
            while index < bytes.count, bytes[index] != 0x22 {
                if bytes[index] == 0x5c { index += 1 }
                guard index < bytes.count else { return nil }
                content.append(bytes[index])
                index += 1
            }
            guard index < bytes.count, !content.isEmpty, content.allSatisfy({ Characters.isToken($0) }) else { return nil }
            index += 1
            return String(decoding: content, as: UTF8.self)
        }
    }
}
