package import Crypto

/// One step of the schema: numbered, named, never changed once released.
package struct Migration: Sendable {
    /// 1, 2, 3, … without gaps.
    package let number: Int
    /// What it brings.
    package let name: String
    /// Run in order in one transaction.
    package let statements: [SQL]

    /// Describes a step.
    package init(_ number: Int, _ name: String, _ statements: [SQL]) {
        (self.number, self.name, self.statements) = (number, name, statements)
    }

    /// SHA-256 over number, name and statements, as an engine has them.
    package func checksum(_ engine: DatabaseEngine) -> SHA256Digest {
        var text = "\(number)\u{0}\(name)"
        for statement in statements {
            let own = engine == .sqlite ? statement.sqlite : statement.postgres
            if own.utf8CodeUnitCount > 0 { text += "\u{0}\(own)" }
        }
        return SHA256.hash(text)
    }
}

/// The two engines.
package enum DatabaseEngine: Sendable, Hashable, CaseIterable {
    case sqlite
    case postgres
}

/// Brings a database up to date: every step once, in order, all in one transaction; refuses a history that differs from the program's.
enum Migrator {
    /// Runs what is missing. Running it again does nothing. Throws `.migration` for a newer or altered database.
    static func run(_ migrations: [Migration], _ engine: DatabaseEngine, _ connection: any DatabaseConnection) async throws(StoreError) {
        guard migrations.map(\.number) == Array(1...max(1, migrations.count)).prefix(migrations.count).map({ $0 }) else {
            throw StoreError(.migration, "the program's migrations are not numbered 1, 2, 3, …")
        }
        try await connection.lock(.migration)
        let done = try await history(engine, connection)
        guard done.count <= migrations.count else {
            throw StoreError(.migration, "the database has \(done.count) migrations, this program knows \(migrations.count): it is newer")
        }
        for (row, migration) in zip(done, migrations) {
            guard try row.int(0) == migration.number, try row.text(2) == migration.checksum(engine).hex else {
                throw StoreError(.migration, "migration \(migration.number) (\(migration.name)) differs from the one that was run")
            }
        }
        for migration in migrations.dropFirst(done.count) {
            for statement in migration.statements { try await connection.define(statement) }
            try await connection.execute(
                "INSERT INTO schema_migration (number, name, checksum, applied_at) VALUES ($1, $2, $3, $4)",
                [
                    SQLValue(migration.number), .text(migration.name), .text(migration.checksum(engine).hex),
                    .integer(StoreClock.nowMilliseconds()),
                ])
        }
    }

    private static func history(_ engine: DatabaseEngine, _ connection: any DatabaseConnection) async throws(StoreError) -> [Row] {
        try await connection.define(
            """
            CREATE TABLE IF NOT EXISTS schema_migration (
                number INTEGER PRIMARY KEY CHECK (number > 0),
                name TEXT NOT NULL,
                checksum TEXT NOT NULL CHECK (length(checksum) = 64),
                applied_at INTEGER NOT NULL
            ) STRICT
            """)
        return try await connection.rows("SELECT number, name, checksum FROM schema_migration ORDER BY number")
    }
}
