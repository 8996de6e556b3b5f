internal import Glibc

/// A PostgreSQL of this test program's own (Tests/Scripts/postgres), which ends with it however it ends.
package final class PostgresServer: @unchecked Sendable {
    // SAFETY: `input` and `commands` are touched only while `mutex` is held.

    /// What cannot be had here.
    package struct Failure: Error, CustomStringConvertible {
        package let description: String
    }

    /// The one that tests share; each has databases of its own there.
    package static let shared = Result<PostgresServer, any Error> { try PostgresServer() }

    /// Folder of the socket.
    package let folder: String
    private let input: UnsafeMutablePointer<FILE>
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private var commands = 0
    private var databases = 0

    /// Starts one; `options` are the server's own.
    package init(options: String = "") throws {
        var template = Array("/tmp/limen-postgres-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Failure(description: "no temporary folder") }
        folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let scripts = #filePath.split(separator: "/").dropLast(2).map { "/" + $0 }.joined() + "/Scripts"
        guard let input = popen("exec '\(scripts)/postgres' '\(folder)' \(options) >/dev/null 2>&1", "we") else {
            throw Failure(description: "popen failed")
        }
        self.input = input
        pthread_mutex_init(mutex, nil)
        try wait(for: "ready")
    }

    private func wait(for name: String) throws {
        for _ in 0..<600 {
            if access("\(folder)/\(name)", F_OK) == 0 { return }
            if access("\(folder)/failed", F_OK) == 0 { throw Failure(description: Shell.run("tail -n 5 '\(folder)/failed'").output) }
            usleep(50_000)
        }
        throw Failure(description: "PostgreSQL did not answer within 30 s")
    }

    /// `stop`, `kill` or `start`; returns when it is done.
    package func tell(_ word: String) throws {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        commands += 1
        fputs("\(word)\n", input)
        fflush(input)
        try wait(for: "done.\(commands)")
    }

    /// A fresh database of the role `limen`; its texts sort as no program of ours should rely on.
    package func database() throws -> String {
        pthread_mutex_lock(mutex)
        databases += 1
        let name = "t\(databases)"
        pthread_mutex_unlock(mutex)
        try run("CREATE DATABASE \(name) OWNER limen TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US'", in: "postgres")
        return name
    }

    /// Runs a line of SQL as the superuser, whom nothing stops; returns what psql prints.
    @discardableResult
    package func run(_ sql: String, in database: String) throws -> String {
        let quoted = sql.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''")
        let outcome = Shell.run("psql -q -A -t -v ON_ERROR_STOP=1 -h '\(folder)' -U postgres -d \(database) -c '\(quoted)'")
        guard outcome.status == 0 else { throw Failure(description: outcome.output) }
        return outcome.output
    }
}
