import Glibc

/// The programs that build a plugin; a machine has those of the languages that its people write in.
enum Builder: String {
    case swift
    case cargo
    case make

    /// Where it is: in PATH, or where its own installer puts it.
    /// - Throws: `CommandError` saying how to get it.
    func find() throws(CommandError) -> String {
        let path = getenv("PATH").map { String(cString: $0) } ?? ""
        let home = getenv("HOME").map { [String(cString: $0) + "/.cargo/bin"] } ?? []
        for folder in path.split(separator: ":").map(String.init) + (self == .cargo ? home : []) {
            let program = "\(folder)/\(rawValue)"
            if access(program, X_OK) == 0, !Path.isFolder(program) { return program }
        }
        throw CommandError("there is no \(rawValue) in PATH\(self == .cargo ? " or ~/.cargo/bin" : ""): \(remedy)")
    }

    private var remedy: String {
        switch self {
        case .swift:
            "install Swift 6.3 (swift.org/install) and put its usr/bin into PATH, or write in another language (limen plugin new --language c)"
        case .cargo: "install Rust (apt install cargo, or rustup.rs), or write in another language (limen plugin new --language swift)"
        case .make: "install it with a C compiler (apt install make gcc)"
        }
    }

    /// Builds, showing what the builder says.
    func run(_ words: [String], for name: String, environment: [String: String] = [:]) throws(CommandError) {
        let program = try find()
        Output.progress("building \(name) with \(rawValue)")
        try Program.run([program] + words, environment: environment)
    }
}
