import CLinux
import Glibc

/// Other programs that author's commands run: the Swift compiler and make.
enum Program {
    /// Runs a program found in PATH and waits; its standard output goes to our standard error, so that ours stays machine-readable.
    /// - Throws: `CommandError` when it cannot be started or does not succeed.
    static func run(_ words: [String], environment: [String: String] = [:]) throws(CommandError) {
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
        arguments.append(nil)
        defer { for argument in arguments { free(argument) } }
        for (name, value) in environment { setenv(name, value, 1) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO)
        var child: pid_t = 0
        let failed = posix_spawnp(&child, words[0], &actions, nil, arguments, environ)
        guard failed == 0 else { throw CommandError("cannot start \(words[0]): \(String(cString: strerror(failed)))") }
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0 {
            guard errno == EINTR else { throw CommandError("wait: \(Path.reason())") }
        }
        guard clinux_exited(status) != 0, clinux_exit_status(status) == 0 else { throw CommandError("\(words.joined(separator: " ")) failed") }
    }
}
