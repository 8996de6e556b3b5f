import CSQLite
import Store

/// Changes a database file from outside, as somebody could who has the file.
struct DatabaseTamperer {
    let path: String

    func run(_ statements: [SQL]) throws {
        var handle: OpaquePointer?
        guard sqlite3_open(path, &handle) == SQLITE_OK else { throw StoreError(.unavailable, "open") }
        defer { sqlite3_close(handle) }
        for statement in statements {
            guard sqlite3_exec(handle, "\(statement.sqlite)", nil, nil, nil) == SQLITE_OK else {
                throw StoreError(.statement, String(cString: sqlite3_errmsg(handle)))
            }
        }
    }
}
