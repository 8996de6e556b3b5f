import CLinux
import Glibc
import IO

/// The built executables, run as a user would.
enum Command {
    static let root: String = {
        var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
        parts.removeLast(3)
        return parts.joined(separator: "/")
    }()

    static let bin = "\(root)/.build/debug"

    static let hasCargo: Bool = {
        let home = getenv("HOME").map { String(cString: $0) + "/.cargo/bin" } ?? ""
        let folders = (getenv("PATH").map { String(cString: $0) } ?? "").split(separator: ":").map(String.init) + [home]
        return folders.contains { access("\($0)/cargo", X_OK) == 0 }
    }()

    struct Outcome: Sendable {
        var code: Int32
        var output: String
        var complaints: String
    }

    /// Runs `limen` to its end.
    static func limen(_ words: String..., environment: [String: String] = [:]) throws -> Outcome { try limen(words, environment: environment) }

    static func limen(_ words: [String], environment: [String: String] = [:]) throws -> Outcome {
        try run(["\(bin)/limen"] + words, environment: environment)
    }

    /// Runs any program to its end.
    static func run(_ words: [String], environment: [String: String] = [:]) throws -> Outcome {
        let folder = temporary()
        defer { remove(folder) }
        let files = ("\(folder)/out", "\(folder)/err")
        let child = try start(words, output: files.0, complaints: files.1, environment: environment)
        return Outcome(code: wait(child), output: text(files.0), complaints: text(files.1))
    }

    /// Starts a program with its outputs in files; `input` may be a pipe with a name.
    static func start(
        _ words: [String], input: String = "/dev/null", output: String, complaints: String, environment: [String: String] = [:]
    ) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, input, O_RDWR, 0)
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, complaints, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
        arguments.append(nil)
        var texts = ["PATH", "HOME"].filter { environment[$0] == nil }.map { name in
            "\(name)=\(getenv(name).map { String(cString: $0) } ?? "/usr/bin:/bin")"
        }
        // An author's key that is made on the way belongs to the test, not to whoever runs it.
        if environment["XDG_CONFIG_HOME"] == nil { texts.append("XDG_CONFIG_HOME=\(configuration)") }
        for (name, value) in environment { texts.append("\(name)=\(value)") }
        var variables: [UnsafeMutablePointer<CChar>?] = texts.map { strdup($0) }
        variables.append(nil)
        defer { for pointer in arguments + variables { free(pointer) } }
        // A shell blocks no signal; a thread of the concurrency runtime blocks nearly all.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        var child: pid_t = 0
        let failed = posix_spawn(&child, words[0], &actions, &attributes, arguments, variables)
        guard failed == 0 else { throw Failure("cannot start \(words[0]): \(String(cString: strerror(failed)))") }
        return child
    }

    /// Waits for a child; its exit code, or 128 and the signal.
    static func wait(_ child: pid_t) -> Int32 {
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0, errno == EINTR { continue }
        return clinux_exited(status) != 0 ? clinux_exit_status(status) : 128 + clinux_term_signal(status)
    }

    static func text(_ path: String) -> String {
        guard let file = fopen(path, "r") else { return "" }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = fread(&buffer, 1, buffer.count, file)
            if count == 0 { return String(decoding: bytes, as: UTF8.self) }
            bytes.append(contentsOf: buffer[..<count])
        }
    }

    static func write(_ text: String, to path: String) throws {
        guard let file = fopen(path, "w") else { throw Failure("cannot write \(path)") }
        defer { fclose(file) }
        fputs(text, file)
    }

    /// Puts a whole file in the place of another, as an editor does.
    static func replace(_ text: String, at path: String) throws {
        try write(text, to: path + ".new")
        chmod(path + ".new", 0o644)
        guard rename(path + ".new", path) == 0 else { throw Failure("cannot replace \(path)") }
    }

    /// Copies a folder with all in it.
    static func copy(_ from: String, to path: String) throws {
        let child = try start(["/bin/cp", "-r", from, path], output: "/dev/null", complaints: "/dev/null")
        guard wait(child) == 0 else { throw Failure("cannot copy \(from)") }
    }

    /// Gives a folder with all in it to the account that another belongs to.
    static func give(_ path: String, toOwnerOf other: String) throws {
        let child = try start(["/bin/chown", "-R", "--reference=\(other)", path], output: "/dev/null", complaints: "/dev/null")
        guard wait(child) == 0 else { throw Failure("cannot give \(path) away") }
    }

    /// A new folder of our own; it goes when the tests end.
    static func temporary() -> String {
        var template = Array("/tmp/limen-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { return "/tmp/limen-test" }
        chmod(template, 0o755)
        let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let isFirst = folders.withLock { folders in
            folders.append(path)
            return folders.count == 1
        }
        if isFirst { atexit { Command.cleanUp() } }
        return path
    }

    /// The configuration folder of every command, unless a test names another.
    static let configuration = temporary()
    private static let folders = Lock<[String]>([])
    /// Servers that run: one that a static keeps has no other end than the process's.
    static let servers = Lock<Set<pid_t>>([])

    private static func cleanUp() {
        let left = servers.withLock { $0 }
        for child in left { kill(child, SIGTERM) }
        for child in left { _ = wait(child) }
        for folder in folders.withLock({ $0 }) { remove(folder) }
    }

    /// The names in a folder; none when it cannot be read.
    static func names(_ path: String) -> [String] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    /// Processes whose command line has this text in it.
    static func processes(naming text: String) -> [pid_t] {
        names("/proc").compactMap { pid_t($0) }.filter { Command.text("/proc/\($0)/cmdline").contains(text) }
    }

    /// Removes a folder and all in it, without following links.
    static func remove(_ path: String) {
        var information = stat()
        guard lstat(path, &information) == 0 else { return }
        if information.st_mode & S_IFMT == S_IFDIR {
            for name in names(path) { remove("\(path)/\(name)") }
            rmdir(path)
        } else {
            unlink(path)
        }
    }

    struct Failure: Error, CustomStringConvertible {
        let description: String
        init(_ description: String) { self.description = description }
    }
}
