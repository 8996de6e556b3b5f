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

/// Starts the same test program again with one test alone, which a variable tells that it is meant.
func spawnTest(_ test: String, _ variable: String, _ value: String) throws -> pid_t {

    let arguments = CommandLine.arguments.isEmpty ? [] : [CommandLine.arguments[0]]
    let rest = ["--testing-library", "swift-testing", "--filter", test]
    var pointers = (arguments + rest).map { strdup($0) } + [nil]
    defer { for pointer in pointers { free(pointer) } }
    var environment: [UnsafeMutablePointer<CChar>?] = []
    var entry = environ
    while let text = entry.pointee {
        environment.append(strdup(text))
        entry += 1
    }
    environment += [strdup("\(variable)=\(value)"), nil]
    defer { for pointer in environment { free(pointer) } }
    var child: pid_t = 0
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
    let code = posix_spawn(&child, "/proc/self/exe", &actions, nil, &pointers, &environment)
    guard code == 0 else { throw StoreError(.unavailable, "posix_spawn: \(code)") }
    return child
}
