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

    /// SHA-256 over number, name and statements.
    package var checksum: SHA256Digest {
        var text = "\(number)\u{0}\(name)"
        for statement in statements { text += "\u{0}\(statement.sqlite)" }
        return SHA256.hash(text)
    }
}

/// Brings a database up to date: every step once, in order, each in a transaction; refuses a history that differs from the program's.
struct Migrator {
    let connection: SQLiteConnection

    /// Runs what is missing. Running it again does nothing. Throws `.migration` for a newer or altered database.
    func run(_ migrations: [Migration]) throws(StoreError) {
        guard migrations.map(\.number) == Array(1...max(1, migrations.count)).prefix(migrations.count).map({ $0 }) else {
            throw StoreError(.migration, "the program's migrations are not numbered 1, 2, 3, …")
        }
        // Taken before the history is read, so that two hosts that start together do not both run a step.
        try connection.execute("BEGIN IMMEDIATE")
        do {
            try apply(migrations)
            try connection.execute("COMMIT")
        } catch {
            if !connection.isIdle { try connection.execute("ROLLBACK") }
            throw error
        }
    }

    private func apply(_ migrations: [Migration]) throws(StoreError) {
        try connection.execute(
            """
            CREATE TABLE IF NOT EXISTS schema_migration (
                number INTEGER PRIMARY KEY CHECK (number > 0),
                name TEXT NOT NULL,
                checksum TEXT NOT NULL CHECK (length(checksum) = 64),
                applied_at INTEGER NOT NULL
            ) STRICT
            """)
        let done = try connection.rows("SELECT number, name, checksum FROM schema_migration ORDER BY number")
        guard done.count <= migrations.count else {
            throw StoreError(.migration, "the database has \(done.count) migrations, this program knows \(migrations.count): it is newer")
        }
        for (row, migration) in zip(done, migrations) {
            guard try row.int(0) == migration.number, try row.text(2) == migration.checksum.hex else {
                throw StoreError(.migration, "migration \(migration.number) (\(migration.name)) differs from the one that was run")
            }
        }
        for migration in migrations.dropFirst(done.count) {
            for statement in migration.statements { try connection.execute(statement) }
            try connection.execute(
                "INSERT INTO schema_migration (number, name, checksum, applied_at) VALUES ($1, $2, $3, $4)",
                [SQLValue(migration.number), .text(migration.name), .text(migration.checksum.hex), .integer(StoreClock.nowMilliseconds())])
        }
    }
}
