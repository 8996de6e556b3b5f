import CLinux
import Glibc
import Synchronization

/// How a command that makes jails is started again beneath the spawner.
struct LaunchPlan {
    /// The data folder, as the inner process reaches it.
    var data: String
    /// The inner command line, after `limen`.
    var words: [String]
    /// Options for the spawner itself.
    var spawnerOptions: [String] = []
    /// A folder to remove when the command has ended; with one, this process waits instead of being replaced.
    var temporary: String?
    /// Runs as the caller when the command has succeeded, before the folder is removed.
    var after: (@Sendable () throws -> Void)?
    /// Runs as the caller however the command has ended, before the folder is removed.
    var finally: (@Sendable () throws -> Void)?

    /// Options that only the outer half passes to the inner one.
    static let innerOptions: [Option] = [
        .value("workshop", "DIR", "the temporary folder of an author's command"), .value("author", "PID", "whose command it is"),
        .value("shown-data", "DIR", "what the person calls the data folder"),
        .value("caller", "ACCOUNT", "who asked"), .flag("recording", "record into the temporary folder"), .flag("pinned", "on one CPU"),
        .flag("brief", "little of everything"), .value("part", "NAME", "what to measure"),
        .value("seconds", "N", "how long"),
        .value("data", "DIR", "the data folder"), .value("bundles", "DIR", "packed bundles"), .value("manifests", "DIR", "manifests"),
    ]

    /// A plan in a workshop folder.
    static func inWorkshop(_ path: String, words: [String], _ arguments: Arguments, after: (@Sendable () throws -> Void)? = nil) -> LaunchPlan {
        LaunchPlan(
            data: "\(path)/data", words: words + ["--workshop", path], spawnerOptions: arguments.has("accept-groups") ? ["--accept-groups"] : [],
            temporary: path, after: after)
    }

    /// A plan in a workshop folder with the spawner's options as they are.
    static func inWorkshop(_ path: String, words: [String], spawnerOptions: [String]) -> LaunchPlan {
        LaunchPlan(data: "\(path)/data", words: words + ["--workshop", path], spawnerOptions: spawnerOptions, temporary: path)
    }
}

/// Where and as whom a measurement runs.
enum LaunchPlace {
    case anywhere
    /// On the first CPU alone.
    case oneCPU
    /// As the service's account from the start, spawner and all: the rung without root.
    case ordinaryAccount

    fileprivate var prefix: [String] {
        let account = Account.current()
        return switch self {
        case .anywhere: []
        case .oneCPU: ["/usr/bin/taskset", "-c", "0"]
        case .ordinaryAccount: ["/usr/bin/setpriv", "--reuid=\(account.userID)", "--regid=\(account.groupID)", "--clear-groups", "--"]
        }
    }
}

/// Starts `limen` again as an ordinary user beneath `limen-spawner`, which keeps what privilege there is.
enum Launcher {
    /// Set by the spawner for the process beneath it.
    static let channelVariable = "LIMEN_SPAWNER_FD"

    /// The channel's descriptor when this process runs beneath the spawner.
    static var channel: Int32? { getenv(channelVariable).flatMap { Int32(String(cString: $0)) } }

    /// Runs the plan.
    /// - Returns: The exit code; does not return when the plan leaves nothing to clean up.
    static func run(_ plan: LaunchPlan) throws -> Int32 {
        guard let temporary = plan.temporary else { try replace(try words(plan)) }
        defer { Folder.remove(temporary) }
        let code = try wait(for: start(plan), meanwhile: {})
        try plan.finally?()
        if code == 0 { try plan.after?() }
        return code
    }

    private static func words(_ plan: LaunchPlan, _ place: LaunchPlace = .anywhere) throws(CommandError) -> [String] {
        let own = Path.ownExecutable()
        let spawner = Path.parent(of: own) + "/limen-spawner"
        guard access(spawner, X_OK) == 0 else { throw CommandError("\(spawner) is missing; build it with `make build`") }
        var words = [spawner, "--data", plan.data] + plan.spawnerOptions
        if getuid() == 0, place != .ordinaryAccount { words += ["--user", Account.current().argument] }
        return place.prefix + words + ["--", own] + plan.words
    }

    private static func replace(_ words: [String]) throws(CommandError) -> Never {
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
        arguments.append(nil)
        execv(words[0], &arguments)
        throw CommandError("cannot start \(words[0]): \(Path.reason())")
    }

    /// Starts the plan as a child.
    /// - Returns: The child's process id.
    static func start(_ plan: LaunchPlan, place: LaunchPlace = .anywhere) throws(CommandError) -> pid_t {
        let words = try words(plan, place)
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
        arguments.append(nil)
        defer { for argument in arguments { free(argument) } }
        // A child that ends lets us clean up. From a terminal it hears of it twice, which is the same to it. What nohup(1) has ignored stays so.
        for number in [SIGINT, SIGTERM, SIGHUP] where clinux_signal_is_ignored(number) == 0 { _ = signal(number) { Launcher.forward($0) } }
        var child: pid_t = 0
        let failed = posix_spawn(&child, words[0], nil, nil, arguments, environ)
        guard failed == 0 else { throw CommandError("cannot start \(words[0]): \(String(cString: strerror(failed)))") }
        running.store(child, ordering: .relaxed)
        return child
    }

    /// The child that a signal to us is meant for.
    private static let running = Atomic<pid_t>(0)

    private static func forward(_ number: Int32) {
        let child = running.load(ordering: .relaxed)
        if child > 0 { kill(child, number) }
    }

    /// Waits for a child, calling `meanwhile` every few milliseconds.
    /// - Returns: Its exit code, 1 when a signal ended it.
    static func wait(for child: pid_t, meanwhile: () throws -> Void) throws -> Int32 {
        var status: Int32 = 0
        while true {
            let done = waitpid(child, &status, WNOHANG)
            if done == child { break }
            guard done == 0 || errno == EINTR else { throw CommandError("wait: \(Path.reason())") }
            try meanwhile()
            usleep(5_000)
        }
        return clinux_exited(status) != 0 ? clinux_exit_status(status) : 1
    }
}

/// Whole folders.
enum Folder {
    /// A new private folder beneath the temporary folder.
    static func temporary() throws(CommandError) -> String {
        let base = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(base)/limen-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw CommandError("cannot make a temporary folder in \(base): \(Path.reason())") }
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Names in a folder, sorted; empty when it cannot be read.
    static func names(in folder: String) -> [String] {
        guard let directory = opendir(folder) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// Removes a folder and all in it, without following links.
    static func remove(_ path: String) {
        var information = stat()
        guard lstat(path, &information) == 0 else { return }
        guard information.st_mode & S_IFMT == S_IFDIR else {
            unlink(path)
            return
        }
        // A stored bundle's folders are read-only, which holds back their owner; root needs no leave, and gives none where a link could be in the way.
        if getuid() != 0 { chmod(path, 0o700) }
        for name in names(in: path) { remove("\(path)/\(name)") }
        rmdir(path)
    }

    /// Removes folders that hold nothing: a bundle is a list of files.
    static func removeEmpty(beneath path: String) {
        for name in names(in: path) where Path.isFolder("\(path)/\(name)") {
            removeEmpty(beneath: "\(path)/\(name)")
            // Fails for a folder that holds something, as it should.
            rmdir("\(path)/\(name)")
        }
    }

    /// Copies a folder's files and folders, not its links; gives all to `account`.
    static func copy(_ source: String, to target: String, for account: Account) throws(CommandError) {
        guard mkdir(target, 0o755) == 0 || errno == EEXIST else { throw CommandError("cannot make \(target): \(Path.reason())") }
        if getuid() == 0, chown(target, account.userID, account.groupID) != 0 { throw CommandError("cannot give away \(target): \(Path.reason())") }
        for name in names(in: source) {
            let from = "\(source)/\(name)"
            let to = "\(target)/\(name)"
            var information = stat()
            guard lstat(from, &information) == 0 else { continue }
            switch information.st_mode & S_IFMT {
            case S_IFDIR: try copy(from, to: to, for: account)
            case S_IFREG: try File.copy(from, to: to, for: account)
            default: throw CommandError("\(from) is neither a file nor a folder")
            }
        }
    }
}

/// Small files, whole.
enum File {
    static let bytesMax = 256 << 20

    static func read(_ path: String) throws(CommandError) -> [UInt8] {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw CommandError("cannot read \(path): \(Path.reason())") }
        defer { close(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = Glibc.read(file, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw CommandError("cannot read \(path): \(Path.reason())") }
            if count == 0 { return bytes }
            bytes.append(contentsOf: buffer[..<count])
            guard bytes.count <= bytesMax else { throw CommandError("\(path) is longer than \(bytesMax) bytes") }
        }
    }

    /// Writes a file whole or not at all: beside it first, then renamed over it.
    static func write(_ bytes: [UInt8], to path: String, mode: mode_t = 0o644) throws(CommandError) {
        let beside = "\(path).new"
        let file = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
        guard file >= 0 else { throw CommandError("cannot write \(beside): \(Path.reason())") }
        defer { close(file) }
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw CommandError("cannot write \(beside): \(Path.reason())") }
            rest = rest.dropFirst(count)
        }
        guard fsync(file) == 0, rename(beside, path) == 0 else { throw CommandError("cannot write \(path): \(Path.reason())") }
    }

    static func copy(_ source: String, to target: String, for account: Account) throws(CommandError) {
        try write(read(source), to: target, for: account)
    }

    /// Writes a file and gives it to `account`.
    static func write(_ bytes: [UInt8], to target: String, for account: Account) throws(CommandError) {
        try write(bytes, to: target)
        if getuid() == 0, chown(target, account.userID, account.groupID) != 0 { throw CommandError("cannot give away \(target): \(Path.reason())") }
    }
}
