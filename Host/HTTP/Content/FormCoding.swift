/// `application/x-www-form-urlencoded` (WHATWG URL, 5), read strictly: a broken triplet or what is not UTF-8 refuses the whole.
package enum FormCoding {
    /// Fields in order; the caller has bounded the body.
    /// - Parameter fieldsMax: more fields are 413.
    package static func decode(_ body: [UInt8], fieldsMax: Int = 256) throws(HTTPFailure) -> [(name: String, value: String)] {
        guard body.reduce(0, { $0 + ($1 == 0x26 ? 1 : 0) }) < max(1, fieldsMax) else { throw HTTPFailure(413, "The form has too many fields.") }
        guard let fields = fields(body[...]) else { throw HTTPFailure(400, "The form is not well encoded.") }
        return fields
    }

    /// The fields of a query or body; one without `=` has an empty value, an empty one is left out. Nil when a name or value cannot be decoded.
    static func fields(_ bytes: ArraySlice<UInt8>) -> [(name: String, value: String)]? {
        var fields: [(name: String, value: String)] = []
        for part in bytes.split(separator: 0x26) {
            let equals = part.firstIndex(of: 0x3d) ?? part.endIndex
            let rest = equals == part.endIndex ? [] : part[(equals + 1)...]
            guard let name = PercentCoding.decode(part[..<equals], plusIsSpace: true),
                let value = PercentCoding.decode(rest, plusIsSpace: true)
            else { return nil }
            fields.append((name, value))
        }
        return fields
    }
}
