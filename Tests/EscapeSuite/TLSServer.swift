import CLinux
import Glibc

/// A web server with a certificate of the suite's own authority: `openssl s_server`, for cases that speak TLS.
struct TLSServer {
    private let pid: Int32
    let port: Int

    /// A folder's files.
    static func authority(in folder: String) -> String { folder + "/ca.pem" }

    /// Makes an authority and a certificate of it for `allowed.test`; false where there is no openssl.
    static func makeCertificates(in folder: String) throws(EscapeError) -> Bool {
        guard access("/usr/bin/openssl", X_OK) == 0 else { return false }
        try Files.makeFolder(folder)
        let common = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
        try run(common + ["-keyout", folder + "/ca.key", "-out", authority(in: folder), "-subj", "/CN=Limen escape suite"])
        try run(
            common + [
                "-CA", authority(in: folder), "-CAkey", folder + "/ca.key", "-keyout", folder + "/server.key", "-out", folder + "/server.pem",
                "-subj", "/CN=allowed.test", "-addext", "subjectAltName=DNS:allowed.test", "-addext", "basicConstraints=critical,CA:FALSE",
            ])
        // The server runs as the host's account.
        guard chmod(folder + "/server.key", 0o644) == 0 else { throw Files.failure("chmod", folder) }
        return true
    }

    private static func run(_ words: [String]) throws(EscapeError) {
        var program = Program(path: "/usr/bin/openssl", arguments: words)
        // It draws its progress there; what went wrong shows by the status.
        program.prepare = { dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), 2) == 2 }
        let status = try program.run { _ in }
        guard status == 0 else { throw EscapeError("openssl \(words.joined(separator: " ")) ended with \(status)") }
    }

    /// Starts it on a port of its own choice; nil where `makeCertificates` made none.
    init?(_ folder: String) throws(EscapeError) {
        guard access(folder + "/server.pem", R_OK) == 0 else { return nil }
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0, fcntl(ends[0], F_SETFD, FD_CLOEXEC) == 0 else { throw EscapeError("pipe: errno \(errno)") }
        let words = ["openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", folder + "/server.pem", "-key", folder + "/server.key", "-www"]
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        defer { posix_spawn_file_actions_destroy(&actions) }
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        var child: pid_t = 0
        let failed = posix_spawn(&child, "/usr/bin/openssl", &actions, nil, &arguments, environ)
        for argument in arguments { free(argument) }
        close(ends[1])
        guard failed == 0 else { throw EscapeError("start openssl: errno \(failed)") }
        pid = child
        guard let port = Self.port(ends[0]) else {
            kill(child, SIGKILL)
            throw EscapeError("openssl s_server said no port")
        }
        self.port = port
    }

    /// Reads on until it says `ACCEPT 127.0.0.1:PORT`; the pipe stays open, as its output.
    private static func port(_ fd: Int32) -> Int? {
        var text = ""
        var chunk = [UInt8](repeating: 0, count: 512)
        while true {
            let count = read(fd, &chunk, chunk.count)
            guard count > 0 else { return nil }
            text += String(decoding: chunk[..<count], as: UTF8.self)
            for line in text.split(separator: "\n").dropLast(text.hasSuffix("\n") ? 0 : 1) where line.hasPrefix("ACCEPT ") {
                return line.split(separator: ":").last.flatMap { Int($0) }
            }
        }
    }

    func stop() {
        kill(pid, SIGKILL)
        while waitpid(pid, nil, 0) < 0, errno == EINTR {}
    }
}
