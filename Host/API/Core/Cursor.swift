import Crypto
import JSON

/// An opaque keyset cursor: the last key of the page before, so that rows inserted meanwhile move nothing.
package struct Cursor: Sendable, Equatable {
    package var key: String

    /// Makes the cursor that continues after `key`.
    package init(after key: String) { self.key = key }

    /// Reads what a client sent back.
    /// - Throws: 400 when it is none of ours.
    package init(decoding text: String) throws(APIError) {
        guard text.utf8.count <= Limits.cursorBytesMax, let bytes = Base64URL.decode(text), bytes.first == 1,
            let key = String(validating: bytes.dropFirst(), as: UTF8.self)
        else { throw .invalid("The cursor is none that this list gave out.", reason: "cursor") }
        self.key = key
    }

    package var text: String { Base64URL.encode([1] + Array(key.utf8)) }
}

extension Reply {
    /// A page of a list whose rows are sorted by `key`.
    static func page<Row>(_ rows: [Row], _ context: RequestContext, key: (Row) -> String, item: (Row) -> JSONValue) throws(APIError) -> Reply {
        let (limit, cursor) = context.page
        let after = try cursor.map { text throws(APIError) in try Cursor(decoding: text).key }
        let rest = after.map { after in rows.drop { key($0) <= after } } ?? rows[...]
        let page = rest.prefix(limit)
        let hasNext = rest.count > page.count
        let next: JSONValue = hasNext ? page.last.map { .string(Cursor(after: key($0)).text) } ?? .null : .null
        return .data(["items": .array(page.map(item)), "next_cursor": next, "has_next": .bool(hasNext)])
    }
}
