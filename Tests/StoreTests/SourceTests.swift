import Glibc
import Testing

@Suite struct SourceTests {
    private static func files(in folder: String) -> [String] {
        guard let stream = opendir(folder) else { return [] }
        defer { closedir(stream) }
        var found: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) } }
            if name.hasPrefix(".") { continue }
            let path = folder + "/" + name
            if entry.pointee.d_type == UInt8(DT_DIR) { found += files(in: path) } else if name.hasSuffix(".swift") { found.append(path) }
        }
        return found
    }

    private static func lines(_ path: String) -> [Substring] {
        guard let file = fopen(path, "r") else { return [] }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = fread(&buffer, 1, buffer.count, file)
            if count == 0 { break }
            bytes += buffer[..<count]
        }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
    }

    @Test("no source builds SQL from strings, and SQLite is spoken to in one folder only (STORE-11)")
    func noBuiltSQL() {
        let root = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined()
        let sources = Self.files(in: root + "/Host")
        #expect(sources.count > 50, "the sources were not found")
        for path in sources {
            for line in Self.lines(path) where !line.drop(while: { $0 == " " }).hasPrefix("//") {
                let isStatement = ["SELECT ", "INSERT INTO", "UPDATE ", "DELETE FROM", "CREATE TABLE", " WHERE "].contains { line.contains($0) }
                #expect(!(isStatement && line.contains("\\(")), "\(path): \(line)")
                #expect(!line.contains("sqlite3_") || path.contains("/Host/Store/SQLite/"), "\(path): \(line)")
                #expect(!line.contains("sqlite3_exec"), "\(path): \(line)")
            }
        }
    }

    @Test("no source asks for local time, or lets the database name a time (STORE-8)")
    func noLocalTime() {
        let root = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined()
        let words = [
            "localtime", "mktime(", "CURRENT_TIMESTAMP", "CURRENT_DATE", "TIMESTAMP", "datetime(", "to_timestamp", "DateFormatter",
        ]
        for path in ["/Host", "/Sandbox"].flatMap({ Self.files(in: root + $0) }) {
            for line in Self.lines(path) where !line.drop(while: { $0 == " " }).hasPrefix("//") {
                let found = words.first { line.contains($0) }
                #expect(found == nil, "\(path): \(line)")
            }
        }
    }
}
