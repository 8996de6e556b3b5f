internal import Crypto
internal import Glibc

/// One page of a list (API-7): the same default and the same cap everywhere, and an opaque cursor that is a key, never an offset.
package struct Page<Item: Sendable>: Sendable {
    /// At most `StoreLimits.pageMax` items.
    package let items: [Item]
    /// Where the next page begins; nil at the end.
    package let nextCursor: String?
    /// Whether there is a next page.
    package var hasNext: Bool { nextCursor != nil }

    /// Cuts a list that was asked for with one item too many; `key` gives the last item's place.
    package init(_ found: [Item], limit: Int, key: (Item) -> String) {
        items = Array(found.prefix(limit))
        nextCursor = found.count > limit ? items.last.map { PageCursor.encode(key($0)) } : nil
    }

    /// A page that ends where its reader chose; `key` gives the last item's place.
    package init(_ items: [Item], hasNext: Bool, key: (Item) -> String) {
        self.items = items
        nextCursor = hasNext ? items.last.map { PageCursor.encode(key($0)) } : nil
    }
}

/// Cursors and limits of lists.
package enum PageCursor {
    /// A limit within 1 and `StoreLimits.pageMax`; throws `.invalid` for anything else, so that a client learns of it.
    package static func limit(_ asked: Int?) throws(StoreError) -> Int {
        let limit = asked ?? StoreLimits.pageDefault
        guard (1...StoreLimits.pageMax).contains(limit) else {
            throw StoreError(.invalid, "a list limit of \(limit) is outside 1 to \(StoreLimits.pageMax)")
        }
        return limit
    }

    static func encode(_ key: String) -> String { Base64URL.encode(Array(("k" + key).utf8)) }

    /// The place that a cursor stands for.
    package static func decode(_ cursor: String) throws(StoreError) -> String {
        guard cursor.utf8.count <= 2 * StoreLimits.keyBytesMax, let bytes = Base64URL.decode(cursor), bytes.first == UInt8(ascii: "k"),
            let key = String(validating: bytes.dropFirst(), as: UTF8.self)
        else { throw StoreError(.invalid, "a cursor that this store did not make") }
        return key
    }
}

/// Times as the store keeps them.
package enum StoreClock {
    /// Milliseconds since 1970-01-01 UTC (STORE-8).
    package static func nowMilliseconds() -> Int64 {
        var now = timespec()
        // clock_gettime fails only for a clock that does not exist.
        clock_gettime(CLOCK_REALTIME, &now)
        return Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000
    }
}
