import Glibc
import IO
import Store
import TestKit

/// A place for one test's database, on either engine; gone with it.
final class StoreBed: Sendable {
    static let loops = Result { try EventLoopGroup(count: 2) }

    let engine: DatabaseEngine
    let path: String
    let place: DatabasePlace
    private let name: String
    private let server: String

    init(_ engine: DatabaseEngine = .sqlite) throws {
        self.engine = engine
        var template = Array("/tmp/limen-store-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw StoreError(.unavailable, "mkdtemp: \(errno)") }
        path = template.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } } ?? ""
        switch engine {
        case .sqlite:
            (name, server) = ("", "")
            place = .sqlite(path: path + "/limen.db")
        case .postgres:
            let server = try PostgresServer.shared.get()
            (name, self.server) = (try server.database(), server.folder)
            place = .postgres(PostgresSettings(host: server.folder, database: name, user: "limen"))
        }
    }

    var database: String { path + "/limen.db" }

    func open(migrations: [Migration] = Migrations.all, probe: StoreProbe? = nil) async throws -> Database {
        try await Database.open(place, on: Self.loops.get(), migrations: migrations, probe: probe)
    }

    /// The place in words without blanks within, for another process.
    var words: String { engine == .sqlite ? "sqlite \(database)" : "postgres \(server) \(name)" }

    /// The place that such words name.
    static func place(_ words: [String]) -> DatabasePlace {
        words[0] == "sqlite" ? .sqlite(path: words[1]) : .postgres(PostgresSettings(host: words[1], database: words[2], user: "limen"))
    }

    /// Every row of a PostgreSQL's as text, bytes as hexadecimal digits.
    func dump() throws -> [UInt8] {
        let outcome = Shell.run("pg_dump --data-only --inserts -h '\(server)' -U postgres \(name)")
        guard outcome.status == 0 else { throw StoreError(.unavailable, outcome.output) }
        return Array(outcome.output.utf8)
    }

    /// Runs SQL as one whom nothing stops.
    func tamper(_ statements: [SQL]) throws {
        switch engine {
        case .sqlite: try DatabaseTamperer(path: database).run(statements)
        case .postgres:
            for statement in statements { try PostgresServer.shared.get().run("\(statement.postgres)", in: name) }
        }
    }

    deinit {
        for name in ["limen.db", "limen.db-wal", "limen.db-shm", "progress"] { unlink("\(path)/\(name)") }
        rmdir(path)
    }
}

typealias TemporaryFolder = StoreBed

/// Opens a database of its own, and closes it.
func withDatabase<Result>(
    _ engine: DatabaseEngine = .sqlite, migrations: [Migration] = Migrations.all, probe: StoreProbe? = nil,
    _ body: (Database) async throws -> Result
) async throws -> Result {
    let bed = try StoreBed(engine)
    let database = try await bed.open(migrations: migrations, probe: probe)
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
