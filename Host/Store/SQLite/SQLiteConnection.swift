internal import CSQLite
internal import Glibc
internal import IO

/// One SQLite connection with its prepared statements; used by one thread at a time.
final class SQLiteConnection {
    /// What a connection may do.
    enum Mode { case writer, reader }

    private let handle: OpaquePointer
    private var statements: [UnsafeRawPointer: SQLiteStatement] = [:]
    /// After this moment running statements are interrupted.
    var deadline = Deadline.distantFuture

    /// Opens (for a writer: makes) the database file with mode 0600 and sets it up.
    init(path: String, mode: Mode) throws(StoreError) {
        if mode == .writer { try Self.makeFile(path) }
        var handle: OpaquePointer?
        let flags = (mode == .writer ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY) | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE
        let code = sqlite3_open_v2(path, &handle, flags, nil)
        guard code == SQLITE_OK, let handle else {
            let message = handle.map { String(cString: sqlite3_errmsg($0)) } ?? "out of memory"
            sqlite3_close_v2(handle)
            throw StoreError(.unavailable, "opening the database: \(message)")
        }
        self.handle = handle
        try configure(mode)
    }

    deinit {
        for statement in statements.values { statement.finalize() }
        sqlite3_close_v2(handle)
    }

    private static func makeFile(_ path: String) throws(StoreError) {
        // The log and shared-memory files inherit this mode from SQLite.
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw StoreError(.unavailable, "making the database file: \(String(cString: strerror(errno)))") }
        guard close(descriptor) == 0 else { throw StoreError(.unavailable, "making the database file: \(String(cString: strerror(errno)))") }
    }

    private func configure(_ mode: Mode) throws(StoreError) {
        // The writer's triggers keep the full-text index, a virtual table. No function of ours is registered, no extension can be loaded, nothing can be attached.
        try check(csqlite_harden(handle, mode == .writer ? 1 : 0), "hardening")
        try check(sqlite3_busy_timeout(handle, StoreLimits.busyMilliseconds), "busy time-out")
        sqlite3_limit(handle, SQLITE_LIMIT_ATTACHED, 0)
        sqlite3_progress_handler(
            handle, StoreLimits.stepsBetweenClockChecks,
            { context in
                guard let context else { return 0 }
                return Unmanaged<SQLiteConnection>.fromOpaque(context).takeUnretainedValue().deadline.hasPassed ? 1 : 0
            }, Unmanaged.passUnretained(self).toOpaque())
        switch mode {
        case .writer:
            try pragma("PRAGMA journal_mode = WAL")
            // FULL, not NORMAL: a commit that was reported must survive a power cut, and group commit shares one fsync among all
            // writes of a batch. (Against kill -9 alone NORMAL would do: what was written to the log file survives the process.)
            try pragma("PRAGMA synchronous = FULL")
            try pragma("PRAGMA wal_autocheckpoint = 0")
            try check(sqlite3_wal_autocheckpoint(handle, Int32(StoreLimits.checkpointPages)), "checkpoints")
        case .reader:
            try pragma("PRAGMA query_only = ON")
        }
        try pragma("PRAGMA foreign_keys = ON")
        try pragma("PRAGMA cell_size_check = ON")
        try pragma("PRAGMA temp_store = MEMORY")
    }

    private func pragma(_ sql: SQL) throws(StoreError) { _ = try rows(sql, [], max: 1) }

    /// Whether no transaction is open; SQLite may end one by itself after a failure of the disk.
    var isIdle: Bool { sqlite3_get_autocommit(handle) != 0 }

    @discardableResult
    func execute(_ sql: SQL, _ parameters: [SQLValue] = []) throws(StoreError) -> Int {
        _ = try rows(sql, parameters, max: 0)
        return Int(sqlite3_changes64(handle))
    }

    func rows(_ sql: SQL, _ parameters: [SQLValue] = [], max: Int = StoreLimits.rowsMax) throws(StoreError) -> [Row] {
        for case .text(let text) in parameters { try SQLValue.check(text) }
        let statement = try prepared(sql)
        defer { statement.reset() }
        guard statement.bind(parameters) else { throw StoreError(.statement, "\(parameters.count) parameters for: \(sql.sqlite)") }
        var rows: [Row] = []
        while true {
            switch statement.step() {
            case SQLITE_ROW:
                guard rows.count < max else { throw StoreError(.statement, "more than \(max) rows from: \(sql.sqlite)") }
                rows.append(statement.row())
            case SQLITE_DONE: return rows
            case let code: throw failure(code, "\(sql.sqlite)")
            }
        }
    }

    private func prepared(_ sql: SQL) throws(StoreError) -> SQLiteStatement {
        let key = UnsafeRawPointer(sql.sqlite.utf8Start)
        if let statement = statements[key] { return statement }
        if statements.count >= StoreLimits.statementsCachedMax {
            for statement in statements.values { statement.finalize() }
            statements.removeAll()
        }
        var pointer: OpaquePointer?
        let code = sql.sqlite.withUTF8Buffer { bytes in
            bytes.withMemoryRebound(to: CChar.self) {
                sqlite3_prepare_v3(handle, $0.baseAddress, Int32($0.count), UInt32(SQLITE_PREPARE_PERSISTENT), &pointer, nil)
            }
        }
        guard code == SQLITE_OK, let pointer else { throw failure(code, "\(sql.sqlite)") }
        let statement = SQLiteStatement(pointer)
        statements[key] = statement
        return statement
    }

    private func check(_ code: Int32, _ what: String) throws(StoreError) {
        guard code == SQLITE_OK else { throw failure(code, what) }
    }

    private func failure(_ code: Int32, _ what: String) -> StoreError {
        let kind: StoreError.Code
        switch code & 0xff {
        case SQLITE_CONSTRAINT: kind = .constraint
        case SQLITE_INTERRUPT: kind = .timedOut
        case SQLITE_BUSY, SQLITE_LOCKED, SQLITE_FULL, SQLITE_IOERR, SQLITE_CANTOPEN, SQLITE_NOMEM, SQLITE_READONLY, SQLITE_PERM: kind = .unavailable
        case SQLITE_CORRUPT, SQLITE_NOTADB: kind = .corrupt
        case SQLITE_TOOBIG: kind = .invalid
        default: kind = .statement
        }
        let message = String(cString: sqlite3_errmsg(handle))
        let rule = kind == .constraint ? BrokenRule(sqlite: code, message: message) : nil
        return StoreError(kind, "\(message) (\(code)): \(what)", rule: rule)
    }

    /// Folds the write-ahead log back into the database; at a clean stop.
    func checkpoint() { sqlite3_wal_checkpoint_v2(handle, nil, SQLITE_CHECKPOINT_TRUNCATE, nil, nil) }

    /// Copies every page of the database into another file.
    func copyPages(to target: String) throws(StoreError) {
        var other: OpaquePointer?
        guard sqlite3_open_v2(target, &other, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nil) == SQLITE_OK, let other else {
            sqlite3_close_v2(other)
            throw StoreError(.unavailable, "opening \(target)")
        }
        defer { sqlite3_close_v2(other) }
        guard let backup = sqlite3_backup_init(other, "main", handle, "main") else {
            throw StoreError(.unavailable, "copying: \(String(cString: sqlite3_errmsg(other)))")
        }
        var code = SQLITE_OK
        while code == SQLITE_OK { code = sqlite3_backup_step(backup, StoreLimits.backupPagesAtOnce) }
        sqlite3_backup_finish(backup)
        guard code == SQLITE_DONE else { throw StoreError(.unavailable, "copying: \(String(cString: sqlite3_errstr(code)))") }
    }
}
