import Config
import CLinux
import Glibc
import IO
import Store

/// `limen backup` and `limen restore`: the database, whole and of one moment. The keys in DATA/keys are backed up apart: one is worth nothing without the other.
enum BackupCommands {
    /// `limen backup FILE`
    static func backup(_ arguments: Arguments) throws -> Int32 {
        let file = try arguments.operand(0, "FILE")
        guard access(file, F_OK) != 0 else { throw CommandError("\(file) is there already: name a new file") }
        let settings = try Settings.load(arguments)
        switch try settings.databasePlace(data: settings.data) {
        case .sqlite(let path, _):
            guard Path.exists(path) else { throw CommandError("there is no database in \(settings.data)") }
            try reported { () throws(StoreError) in try SQLiteBackup.copy(from: path, to: file) }
        case .postgres(let server):
            umask(0o077)
            try Program.run(
                ["pg_dump", "--format=custom", "--enable-row-security", "--no-owner", "--no-privileges", "--file", file],
                environment: variables(server))
        }
        Output.print("\(file) holds the database as it was when the command began; back up \(settings.data)/keys with it, and keep them apart\n")
        return 0
    }

    /// `limen restore FILE`
    static func restore(_ arguments: Arguments) throws -> Int32 {
        let file = try arguments.operand(0, "FILE")
        guard access(file, R_OK) == 0 else { throw CommandError("cannot read \(file): \(Path.reason())") }
        let settings = try Settings.load(arguments)
        let place = try settings.databasePlace(data: settings.data)
        let lock = open("\(settings.data)/serve.lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard lock >= 0, flock(lock, LOCK_EX | LOCK_NB) == 0 else { throw CommandError("a limen serves from \(settings.data): stop it first") }
        defer { close(lock) }
        switch place {
        case .sqlite(let path, _):
            guard arguments.has("yes") || !Path.exists(path) else {
                throw CommandError("there is a database in \(settings.data): say --yes to put the backup in its place; it is kept beside it")
            }
            var kept: String?
            try reported { () throws(StoreError) in kept = try SQLiteBackup.restore(from: file, to: path) }
            try giveToOwner(of: settings.data, [path, "\(settings.data)/serve.lock"])
            if let kept { Output.print("what was there before is kept as \(kept)\n") }
        case .postgres(let server):
            try checkAlone(server)
            guard try arguments.has("yes") || isEmpty(server) else {
                throw CommandError("\(server) holds tables: stop all its hosts, and say --yes to replace every one of them")
            }
            try Program.run(
                [
                    "pg_restore", "--clean", "--if-exists", "--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error", "--dbname",
                    server.database, file,
                ],
                environment: variables(server))
        }
        Output.print("\(file) is restored; it is read with the keys in \(settings.data)/keys\n")
        return 0
    }

    /// Refuses while another host, of this machine or any, is connected: it would go on with what it remembers of rows that are no more.
    private static func checkAlone(_ server: PostgresSettings) throws(CommandError) {
        // Who has just ended may be there for a moment.
        let question = """
            DO $$ BEGIN
                FOR turn IN 1..20 LOOP
                    PERFORM pg_stat_clear_snapshot();
                    IF NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'limen') THEN RETURN; END IF;
                    PERFORM pg_sleep(0.1);
                END LOOP;
                RAISE EXCEPTION 'limen is connected';
            END $$
            """
        do throws(CommandError) {
            try Program.run(["psql", "--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--command", question], environment: variables(server))
        } catch {
            throw CommandError(
                "\(server) cannot be restored: a limen is connected to it, or it does not answer (see above); stop every host of it first")
        }
    }

    /// Whether a server's database has no table yet.
    private static func isEmpty(_ server: PostgresSettings) throws -> Bool {
        let group = try EventLoopGroup(count: 1)
        defer { group.stop() }
        let database: Database
        do {
            // With no step of its own it refuses a database that has taken any.
            database = try group.runBlocking { try await Database.open(.postgres(server), on: group, migrations: []) }
        } catch let error as StoreError {
            guard error.code == .migration else { throw CommandError(error.message) }
            return false
        }
        defer { database.close() }
        return try group.runBlocking {
            try await database.read { connection in
                try await connection.rows(
                    """
                    SELECT 1 FROM information_schema.tables WHERE table_schema = current_schema() AND table_name <> 'schema_migration' LIMIT 1
                    """
                ).isEmpty
            }
        }
    }

    private static func reported(_ body: () throws(StoreError) -> Void) throws(CommandError) {
        do throws(StoreError) { try body() } catch { throw CommandError(error.message) }
    }

    /// Root may restore for the service's account.
    private static func giveToOwner(of folder: String, _ files: [String]) throws(CommandError) {
        var information = stat()
        guard getuid() == 0, stat(folder, &information) == 0 else { return }
        for file in files {
            guard lchown(file, information.st_uid, information.st_gid) == 0 else {
                throw CommandError("cannot give \(file) to its owner: \(Path.reason())")
            }
        }
    }

    /// PostgreSQL's own tools take the password and the verification from here, never from their arguments.
    private static func variables(_ server: PostgresSettings) -> [String: String] {
        var variables = [
            // Rows of all tenants, through the wall between them.
            "PGOPTIONS": "-c limen.tenant=*",
            "PGHOST": server.host, "PGPORT": String(server.port), "PGDATABASE": server.database, "PGUSER": server.user,
            "PGSSLMODE": server.needsTLS ? "verify-full" : "disable",
            "PGSSLROOTCERT": server.authorities ?? "/etc/ssl/certs/ca-certificates.crt",
        ]
        variables["PGPASSWORD"] = server.password
        return variables
    }
}
