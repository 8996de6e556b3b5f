import Glibc

/// A program that the bench started and ends: a server of ours, or one of the peers.
struct EgressBenchChild {
    let pid: pid_t
    /// Its standard output.
    private let output: Int32
    /// Its standard input, whose end tells our own servers to go.
    private let input: Int32

    /// Starts a program with an empty standard error.
    /// - Throws: `CommandError` when it cannot be started.
    static func start(_ path: String, _ words: [String]) throws(CommandError) -> EgressBenchChild {
        var (input, output): ((Int32, Int32), (Int32, Int32)) = ((-1, -1), (-1, -1))
        guard pipe(&input), pipe(&output) else { throw CommandError("pipe: \(Path.reason())") }
        defer {
            close(input.0)
            close(output.1)
        }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, input.0, STDIN_FILENO)
        posix_spawn_file_actions_adddup2(&actions, output.1, STDOUT_FILENO)
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0)
        var arguments: [UnsafeMutablePointer<CChar>?] = ([path] + words).map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var child: pid_t = 0
        let failed = posix_spawn(&child, path, &actions, nil, &arguments, environ)
        guard failed == 0 else { throw CommandError("cannot start \(path): \(String(cString: strerror(failed)))") }
        return EgressBenchChild(pid: child, output: output.0, input: input.1)
    }

    /// A pipe that blocks, none of whose ends a child inherits by itself.
    private static func pipe(_ ends: inout (Int32, Int32)) -> Bool {
        var found: [Int32] = [-1, -1]
        guard Glibc.pipe(&found) == 0 else { return false }
        ends = (found[0], found[1])
        return found.allSatisfy { fcntl($0, F_SETFD, FD_CLOEXEC) == 0 }
    }

    /// The first line that it prints; empty when it ends without one.
    func firstLine() -> String {
        var line: [UInt8] = []
        var byte: UInt8 = 0
        while read(output, &byte, 1) == 1, byte != UInt8(ascii: "\n") { line.append(byte) }
        return String(decoding: line, as: UTF8.self)
    }

    /// Resident memory in KiB of it and its children; 0 when it has gone.
    var residentKiB: Int { Self.residentKiB(pid) + Self.children(of: pid).reduce(0) { $0 + Self.residentKiB($1) } }

    private static func residentKiB(_ pid: pid_t) -> Int {
        // try?: a process that has gone holds no memory.
        guard let text = try? File.read("/proc/\(pid)/statm") else { return 0 }
        let pages = String(decoding: text, as: UTF8.self).split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        return pages * sysconf(Int32(_SC_PAGESIZE)) / 1024
    }

    private static func children(of pid: pid_t) -> [pid_t] {
        // try?: a process that has gone has no children.
        guard let text = try? File.read("/proc/\(pid)/task/\(pid)/children") else { return [] }
        return String(decoding: text, as: UTF8.self).split(separator: " ").compactMap { pid_t($0) }
    }

    /// Whether it still runs.
    var isRunning: Bool {
        var status: Int32 = 0
        return waitpid(pid, &status, WNOHANG) == 0
    }

    /// Ends it and waits for its end.
    func end() {
        close(input)
        close(output)
        kill(pid, SIGTERM)
        var status: Int32 = 0
        for _ in 0..<200 {
            if waitpid(pid, &status, WNOHANG) != 0 { return }
            usleep(10_000)
        }
        kill(pid, SIGKILL)
        while waitpid(pid, &status, 0) < 0, errno == EINTR { continue }
    }
}
