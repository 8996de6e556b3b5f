import Glibc
import JSON

/// The executables as an ordinary account uses them, on a machine from which layers were taken (`limen-escape --deprive`).
enum Ordinary {
    /// The account of `--deprive`, which needs no entry anywhere.
    static let userID: uid_t = 64_999
    /// Its cgroups are made by root.
    static let isPossible = getuid() == 0

    /// Copies that any account may run: a checkout may be private.
    private static let stage: Result<String, any Error> = Result {
        let folder = Command.temporary()
        for name in ["limen", "limen-spawner", "limen-worker"] {
            let outcome = try Command.run(["/bin/cp", "\(Command.bin)/\(name)", "\(folder)/\(name)"])
            guard outcome.code == 0 else { throw Command.Failure("cp \(name): \(outcome.complaints)") }
        }
        return folder
    }

    /// A new folder of the account's.
    static func folder() -> String {
        let path = Command.temporary()
        chown(path, userID, userID)
        return path
    }

    /// The command line that runs `limen` there; `delegated` names the v1 controllers that the account has, nil all.
    static func words(_ words: [String], without: [String] = [], delegated: [String]? = nil, asRoot: Bool = false) throws -> [String] {
        var all = ["\(Command.bin)/limen-escape", "--deprive", without.isEmpty ? "," : without.joined(separator: ",")]
        if let delegated { all += ["--delegate", delegated.isEmpty ? "," : delegated.joined(separator: ",")] }
        if asRoot { all.append("--as-root") }
        return try all + ["--", "\(stage.get())/limen"] + words
    }

    /// Runs `limen` to its end.
    static func limen(
        _ words: [String], without: [String] = [], delegated: [String]? = nil, asRoot: Bool = false, environment: [String: String] = [:]
    ) throws -> Command.Outcome {
        try Command.run(Self.words(words, without: without, delegated: delegated, asRoot: asRoot), environment: environment)
    }

    /// What `limen doctor --json` says there.
    static func doctor(without: [String] = [], delegated: [String]? = nil, asRoot: Bool = false) throws -> Report {
        let outcome = try limen(["doctor", "--json"], without: without, delegated: delegated, asRoot: asRoot)
        return Report(code: outcome.code, json: try JSONValue(parsing: outcome.output), complaints: outcome.complaints)
    }

    struct Report {
        let code: Int32
        let json: JSONValue
        let complaints: String

        var rung: String { json["rung"]?.stringValue ?? "" }
        var layers: [JSONValue] { json["layers"]?.arrayValue ?? [] }
        func names(_ state: String) -> Set<String> {
            Set(layers.filter { $0["state"]?.stringValue == state }.compactMap { $0["name"]?.stringValue })
        }
        /// The rows of layers that are missing without saying why and how to enable them.
        var unexplained: [JSONValue] {
            layers.filter {
                $0["state"]?.stringValue == "missing" && ($0["detail"]?.stringValue?.isEmpty != false || $0["remedy"]?.stringValue?.isEmpty != false)
            }
        }
    }
}
