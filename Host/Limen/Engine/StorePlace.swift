import Config
import CLinux
import Glibc
import Store

extension Configuration {
    /// Where the database is, with the password from its file.
    /// - Throws: `CommandError` when the file cannot be read or others can read it.
    func databasePlace(data: String) throws(CommandError) -> DatabasePlace {
        guard let server = store.postgres else { return .sqlite(path: "\(data)/limen.db") }
        var settings = PostgresSettings(
            host: server.host, port: server.port, database: server.database, user: server.user, authorities: server.authorities)
        settings.connectionsMax = server.connections
        settings.replica = server.replicaHost.map { .init(host: $0, port: server.replicaPort) }
        if let file = server.passwordFile { settings.password = try Self.password(file) }
        return .postgres(settings)
    }

    private static func password(_ path: String) throws(CommandError) -> String {
        let setting = "store.postgres.password_file: \(path)"
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw CommandError("\(setting) cannot be opened: \(Path.reason()); the service's own account reads it") }
        defer { close(descriptor) }
        var information = stat()
        guard fstat(descriptor, &information) == 0, information.st_mode & 0o007 == 0 else {
            throw CommandError("\(setting) can be read by everybody; run: chmod 600 \(path)")
        }
        var bytes = [UInt8](repeating: 0, count: passwordBytesMax + 1)
        let count = read(descriptor, &bytes, bytes.count)
        guard (1...passwordBytesMax).contains(count) else { throw CommandError("\(setting) has no password of at most \(passwordBytesMax) bytes") }
        let line = bytes[..<count].prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }
        guard let text = String(validating: line, as: UTF8.self), !text.isEmpty else {
            throw CommandError("\(setting) does not begin with a line of text")
        }
        return text
    }

    private static let passwordBytesMax = 1024
}
