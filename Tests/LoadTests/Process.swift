import CLinux
import Glibc

/// A program of ours that runs beside the tests, its standard input a pipe and its output a file.
final class Process: Sendable {
    struct Failure: Error, CustomStringConvertible { let description: String }

    /// Where the products are: the tests' own folder.
    private static let bin: String = {
        var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
        parts.removeLast(3)
        return parts.joined(separator: "/") + "/.build/debug"
    }()

    private let pid: pid_t
    private let input: Int32
    private let file: Int32

    init(_ program: String, _ words: [String]) throws {
        var pipe: (Int32, Int32) = (-1, -1)
        let isMade = withUnsafeMutableBytes(of: &pipe) { Glibc.pipe($0.baseAddress?.assumingMemoryBound(to: Int32.self)) }
        var template = Array("/tmp/limen-load-XXXXXX".utf8CString)
        let file = mkstemp(&template)
        guard isMade == 0, file >= 0 else { throw Failure(description: "no pipe or file for \(program)") }
        for descriptor in [pipe.0, pipe.1, file] where fcntl(descriptor, F_SETFD, FD_CLOEXEC) != 0 { throw Failure(description: "fcntl") }
        // The descriptor is enough.
        unlink(template)
        self.file = file
        input = pipe.1
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, pipe.0, STDIN_FILENO)
        posix_spawn_file_actions_adddup2(&actions, file, STDOUT_FILENO)
        // A shell blocks no signal; a thread of the concurrency runtime blocks nearly all.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        let path = "\(Process.bin)/\(program)"
        var arguments: [UnsafeMutablePointer<CChar>?] = ([path] + words).map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var child: pid_t = 0
        let failed = posix_spawn(&child, path, &actions, &attributes, &arguments, environ)
        close(pipe.0)
        pid = child
        guard failed == 0 else {
            close(pipe.1)
            close(file)
            throw Failure(description: "cannot start \(path): \(String(cString: strerror(failed)))")
        }
    }

    /// Ends its standard input.
    func release() { dup2(Process.null, input) }
    private static let null = open("/dev/null", O_WRONLY | O_CLOEXEC)

    /// What it has printed so far.
    var output: String {
        var bytes = [UInt8](repeating: 0, count: 65536)
        let count = pread(file, &bytes, bytes.count, 0)
        return String(decoding: bytes[..<max(0, count)], as: UTF8.self)
    }

    /// The line that begins with `word`, waited for.
    func line(_ word: String, seconds: Int = 60) throws -> String {
        for _ in 0..<(seconds * 200) {
            if let line = output.split(separator: "\n").first(where: { $0.hasPrefix(word) }) { return String(line) }
            usleep(5000)
        }
        throw Failure(description: "no line `\(word)`: \(output)")
    }

    func kill(_ signal: Int32) { Glibc.kill(pid, signal) }

    /// Waits for its end.
    func wait() {
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR { continue }
    }

    deinit {
        close(input)
        close(file)
    }
}

/// Numbers as our programs print them: `name=value` pairs.
struct Numbers {
    let text: String
    private let values: [String: Double]

    init(_ text: String) {
        self.text = text
        values = Dictionary(
            text.split(whereSeparator: { $0 == " " || $0 == "\n" }).compactMap { pair in
                let parts = pair.split(separator: "=")
                return parts.count == 2 ? Double(parts[1]).map { (String(parts[0]), $0) } : nil
            }, uniquingKeysWith: { $1 })
    }

    subscript(name: String) -> Int { values[name].map { Int($0) } ?? -1 }
}
