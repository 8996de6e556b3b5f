import Glibc
import Store

/// A folder of its own for one test, removed with it.
final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        var template = Array("/tmp/limen-store-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw StoreError(.unavailable, "mkdtemp: \(errno)") }
        path = template.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } } ?? ""
    }

    var database: String { path + "/limen.db" }

    deinit {
        for name in ["limen.db", "limen.db-wal", "limen.db-shm", "progress"] { unlink("\(path)/\(name)") }
        rmdir(path)
    }
}

/// Opens a database in a folder of its own, and closes it.
func withDatabase<Result>(_ body: (Database) async throws -> Result) async throws -> Result {
    let folder = try TemporaryFolder()
    let database = try Database(path: folder.database)
    defer { database.close() }
    return try await body(database)
}

/// Runs SQL with the engine's own tool's rights: a tamperer with the file in hand.
func tamper(_ path: String, _ statements: [SQL]) throws {
    try DatabaseTamperer(path: path).run(statements)
}

/// The kind of error that a body throws; nil when it throws none.
func code(of body: () async throws -> Void) async -> StoreError.Code? {
    do {
        try await body()
        return nil
    } catch {
        return (error as? StoreError)?.code ?? .statement
    }
}
