extension BrokenRule {
    /// From what SQLite says: "UNIQUE constraint failed: user.tenant, user.email".
    init(sqlite code: Int32, message: String) {
        let kind: Kind
        // The second byte of the extended code (https://sqlite.org/rescode.html): the header's macros do not reach Swift.
        switch code >> 8 {
        case 1, 12: kind = .check
        case 3: kind = .reference
        case 5: kind = .notNull
        case 7: kind = .trigger
        default: kind = .unique
        }
        let rest = message.utf8.firstIndex(of: UInt8(ascii: ":")).map { message[message.index(after: $0)...].drop { $0 == " " } } ?? ""
        switch kind {
        case .unique, .notNull:
            let places = rest.split(separator: ",").map { place in place.drop { $0 == " " }.split(separator: ".", maxSplits: 1).map(String.init) }
            self.init(kind, table: places.first?.first, columns: places.compactMap { $0.count == 2 ? $0[1] : nil })
        case .check:
            // An unnamed check shows its expression, which is nobody's field.
            let isName = rest.utf8.allSatisfy { $0 == UInt8(ascii: "_") || (0x30...0x39).contains($0) || (0x61...0x7a).contains($0) }
            self.init(kind, name: isName && !rest.isEmpty ? String(rest) : nil)
        case .reference, .trigger: self.init(kind)
        }
    }
}
