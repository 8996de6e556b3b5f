import Glibc
import Jail

/// What the command line says.
struct SpawnerOptions {
    /// Holds `run/jail`, the mount point of the runtime image.
    var dataDirectory = "var"
    /// Whom the host runs as when the spawner is root.
    var user = "limen"
    var workerPath: String
    var swiftRuntime: String?
    var userIDBase: UInt32 = 0x6c69_0000
    var slots = 256
    /// Worker processes kept ready for the next plugin.
    var prepared = 2
    /// The operator accepts that rootless workers keep the account's supplementary groups.
    var acceptsGroups = false
    /// The weakest rung on which plugins are started.
    var lowestRung = Rung.landlock
    /// Certificates of the authorities that workers with sockets are shown.
    var authorities = ProxyDoor.authoritiesPath
    /// What systemd listens on for the host; from the environment, not the command line.
    var sockets = ListeningSockets.none
    /// The host's program and arguments.
    var command: [String] = []

    /// Why nothing was started.
    struct Usage: Error {
        var text: String
        var isHelp = false
    }

    static let help = """
        usage: limen-spawner [OPTIONS] -- HOST [ARGUMENT...]
        Starts HOST as an ordinary user and makes jailed workers on its request. `limen` does this by itself.
          --data DIR          data folder; the jail's root is mounted at DATA/run/jail       (var)
          --user NAME|UID:GID whom HOST runs as when started by root                         (limen)
          --worker FILE       the worker program                        (limen-worker beside this)
          --swift-runtime DIR shared libraries of the Swift runtime, for plugins that need them
          --uid-base N        first user id of the worker slots, as root              (1818820608)
          --slots N           most workers at once, 1 to 1024                                (256)
          --lowest-rung RUNG  weakest rung to start plugins on: root, userns, landlock, seccomp (landlock)
          --prepared N        worker processes started ahead of need, 0 to 64                   (2)
          --ca-file FILE      certificates of authorities for plugins with `socket: true`
                                                      (/etc/ssl/certs/ca-certificates.crt)
          --accept-groups     rootless: start although the account has supplementary groups
        The host finds its channel in LIMEN_SPAWNER_FD, and systemd's listening sockets (LISTEN_FDS) where systemd puts them.

        """

    static func parse(_ arguments: [String]) -> Result<SpawnerOptions, Usage> {
        var options = SpawnerOptions(workerPath: siblingPath("limen-worker"))
        options.swiftRuntime = defaultSwiftRuntime()
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            switch argument {
            case "--help", "-h": return .failure(Usage(text: help, isHelp: true))
            case "--":
                options.command = Array(rest)
                rest = []
            case "--accept-groups": options.acceptsGroups = true
            default:
                guard let value = rest.popFirst(), options.set(argument, value) else {
                    return .failure(Usage(text: "limen-spawner: cannot use `\(argument)`; see limen-spawner --help\n"))
                }
            }
        }
        if options.command.isEmpty { return .failure(Usage(text: "limen-spawner: no host given after `--`; see limen-spawner --help\n")) }
        return .success(options)
    }

    private mutating func set(_ option: String, _ value: String) -> Bool {
        switch option {
        case "--data": dataDirectory = value
        case "--user": user = value
        case "--worker": workerPath = value
        case "--swift-runtime": swiftRuntime = value
        case "--ca-file":
            guard value.hasPrefix("/") else { return false }
            authorities = value
        case "--lowest-rung":
            guard let rung = Rung(name: value) else { return false }
            lowestRung = rung
        case "--uid-base":
            guard let number = UInt32(value), number >= 1000, number < UInt32.max - 2048 else { return false }
            userIDBase = number
        case "--slots":
            guard let number = Int(value), (1...1024).contains(number) else { return false }
            slots = number
        case "--prepared":
            guard let number = Int(value), (0...64).contains(number) else { return false }
            prepared = number
        default: return false
        }
        return true
    }

    private static func siblingPath(_ name: String) -> String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink("/proc/self/exe", &buffer, buffer.count)
        guard count > 0 else { return name }
        let own = String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        guard let slash = own.lastIndex(of: "/") else { return name }
        return own[...slash] + name
    }

    private static func defaultSwiftRuntime() -> String? {
        ["/usr/lib/swift/linux", "/opt/swift/usr/lib/swift/linux", "/usr/libexec/swift/lib/swift/linux"].first {
            access($0 + "/libswiftCore.so", R_OK) == 0
        }
    }
}

/// Writes to standard error; there is nowhere else to complain to.
func report(_ text: String) {
    let bytes = Array(text.utf8)
    _ = write(STDERR_FILENO, bytes, bytes.count)
}
