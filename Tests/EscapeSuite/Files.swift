import Glibc

/// The few file operations that the suite needs; each throws with its path.
enum Files {
    static func makeFolder(_ path: String, mode: mode_t = 0o755) throws(EscapeError) {
        guard mkdir(path, mode) == 0 || errno == EEXIST else { throw failure("mkdir", path) }
        guard chmod(path, mode) == 0 else { throw failure("chmod", path) }
    }

    static func read(_ path: String) throws(EscapeError) -> [UInt8] {
        let fd = open(path, O_RDONLY | O_CLOEXEC)
        guard fd >= 0 else { throw failure("open", path) }
        defer { close(fd) }
        var information = stat()
        guard fstat(fd, &information) == 0 else { throw failure("fstat", path) }
        var bytes = [UInt8](repeating: 0, count: Int(information.st_size))
        var have = 0
        while have < bytes.count {
            let count = bytes.withUnsafeMutableBytes { Glibc.read(fd, $0.baseAddress! + have, $0.count - have) }
            guard count > 0 else { break }
            have += count
        }
        return Array(bytes[..<have])
    }

    static func write(_ bytes: [UInt8], to path: String, mode: mode_t = 0o644) throws(EscapeError) {
        let fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
        guard fd >= 0 else { throw failure("create", path) }
        defer { close(fd) }
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes { Glibc.write(fd, $0.baseAddress! + sent, $0.count - sent) }
            guard count > 0 else { throw failure("write", path) }
            sent += count
        }
        guard fchmod(fd, mode) == 0 else { throw failure("chmod", path) }
    }

    static func copy(_ source: String, to target: String, mode: mode_t = 0o644) throws(EscapeError) {
        try write(read(source), to: target, mode: mode)
    }

    /// Names in a folder, sorted, without the dots.
    static func list(_ path: String) -> [String] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) } }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// Removes a folder and what is in it; symbolic links are removed, never followed.
    static func removeTree(_ path: String) {
        for name in list(path) {
            let child = path + "/" + name
            var information = stat()
            guard lstat(child, &information) == 0 else { continue }
            if information.st_mode & S_IFMT == S_IFDIR { removeTree(child) } else { unlink(child) }
        }
        rmdir(path)
    }

    static func failure(_ what: String, _ path: String) -> EscapeError { EscapeError("\(what) \(path): \(String(cString: strerror(errno)))") }
}
