internal import CSQLite

/// A prepared statement, owned by its connection's cache.
struct SQLiteStatement {
    private let pointer: OpaquePointer
    /// For each `$n`, in order, the place SQLite gave it; 0 when the statement does not use it.
    private let places: [Int32]

    init(_ pointer: OpaquePointer) {
        self.pointer = pointer
        let count = sqlite3_bind_parameter_count(pointer)
        places = (0..<count).map { sqlite3_bind_parameter_index(pointer, "$\($0 + 1)") }
    }

    /// Binds `$1`, `$2`, …; false when the count or a type does not fit.
    func bind(_ parameters: [SQLValue]) -> Bool {
        guard parameters.count == places.count else { return false }
        for (place, value) in zip(places, parameters) {
            guard bind(value, at: place) == SQLITE_OK else { return false }
        }
        return true
    }

    private func bind(_ value: SQLValue, at place: Int32) -> Int32 {
        // SAFETY: -1 is SQLITE_TRANSIENT: SQLite copies the bytes before the call returns.
        let transient = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
        switch value {
        case .null: return sqlite3_bind_null(pointer, place)
        case .integer(let number): return sqlite3_bind_int64(pointer, place, number)
        case .real(let number): return sqlite3_bind_double(pointer, place, number)
        case .text(var text):
            return text.withUTF8 { bytes in
                guard let base = bytes.baseAddress, !bytes.isEmpty else { return sqlite3_bind_text(pointer, place, "", 0, transient) }
                return base.withMemoryRebound(to: CChar.self, capacity: bytes.count) {
                    sqlite3_bind_text64(pointer, place, $0, UInt64(bytes.count), transient, UInt8(SQLITE_UTF8))
                }
            }
        case .blob(let bytes):
            // A null pointer would bind null, so an empty blob is asked for by length.
            return bytes.isEmpty
                ? sqlite3_bind_zeroblob(pointer, place, 0) : sqlite3_bind_blob64(pointer, place, bytes, UInt64(bytes.count), transient)
        }
    }

    func step() -> Int32 { sqlite3_step(pointer) }

    /// The current row, copied.
    func row() -> Row {
        Row((0..<sqlite3_column_count(pointer)).map(value))
    }

    private func value(_ column: Int32) -> SQLValue {
        switch sqlite3_column_type(pointer, column) {
        case SQLITE_INTEGER: return .integer(sqlite3_column_int64(pointer, column))
        case SQLITE_FLOAT: return .real(sqlite3_column_double(pointer, column))
        case SQLITE_TEXT:
            guard let text = sqlite3_column_text(pointer, column) else { return .text("") }
            let bytes = UnsafeBufferPointer(start: text, count: Int(sqlite3_column_bytes(pointer, column)))
            return .text(String(decoding: bytes, as: UTF8.self))
        case SQLITE_BLOB:
            guard let blob = sqlite3_column_blob(pointer, column) else { return .blob([]) }
            return .blob([UInt8](UnsafeRawBufferPointer(start: blob, count: Int(sqlite3_column_bytes(pointer, column)))))
        default: return .null
        }
    }

    /// Ends the run, lets go of locks and of the parameters' memory.
    func reset() {
        sqlite3_reset(pointer)
        sqlite3_clear_bindings(pointer)
    }

    func finalize() { sqlite3_finalize(pointer) }
}
