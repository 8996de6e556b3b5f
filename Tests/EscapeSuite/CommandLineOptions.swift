import Glibc

/// `limen-escape`: the command line of the suite.
package struct CommandLineOptions {
    private var arguments: [String]

    package init(_ arguments: [String]) { self.arguments = arguments }

    static let usage = """
        usage: limen-escape [--rung root|rootless|landlock|all] [--quick] [--filter TEXT] [--sample N] [--patience N] [--hostile DIR] [--list]
               limen-escape --soak SECONDS [--rung root|rootless|all]
               limen-escape --egress [--rung root|rootless|all]
               limen-escape --deprive WORDS [--delegate CONTROLLERS] [--as-root] -- PROGRAM [ARGUMENT...]
        Runs the escape suite: hostile plugins in real jails. As root it runs every rung, as another account all but that of root.
        --sample runs every Nth case alone.
        --patience gives everything N times as long, for an emulated machine; what a case expects stays the same.
        --hostile names a folder of hostile libraries that `make -C Tests/Hostile` has made; without it they are compiled first.
        --egress runs the cases of the egress proxy instead, through jailed plugins (Tests/EgressCases).
        --deprive runs a program as an ordinary account from which the named layers were taken (Deprivation.swift).

        """

    /// Does what the arguments say.
    /// - Returns: the exit status: 0 all passed, 1 something failed, 2 wrong usage.
    package mutating func run() -> Int32 {
        do {
            if let program = deprived() { return try program.run() }
            if flag("--help") { return say(Self.usage) }
            if flag("--list") { return say(EscapeCases.all.map { $0.id + "\n" }.joined()) }
            let quick = flag("--quick"), filter = option("--filter"), soak = option("--soak").flatMap { Int($0) }, egress = flag("--egress")
            if let name = option("--inside"), let rung = EscapeRung(rawValue: name) { return try runInside(rung, quick, filter, soak, egress) }
            let wanted = option("--rung") ?? "all", hostile = option("--hostile"), sample = number("--sample"), patience = number("--patience")
            guard arguments.isEmpty, wanted == "all" || EscapeRung(rawValue: wanted) != nil else {
                complain(Self.usage)
                return 2
            }
            if let soak {
                return try Session(rungs: EscapeRung.soaked.filter { wanted == "all" || $0.rawValue == wanted }).soak(seconds: soak) ? 0 : 1
            }
            if egress { return try Session(rungs: EscapeRung.soaked.filter { wanted == "all" || $0.rawValue == wanted }).egress() ? 0 : 1 }
            var session = Session(rungs: EscapeRung.allCases.filter { wanted == "all" || $0.rawValue == wanted })
            session.quickOnly = quick
            session.filter = filter
            session.sample = sample
            session.patience = patience
            session.hostile = hostile
            return try session.run() ? 0 : 1
        } catch {
            complain("limen-escape: \(error)\n")
            return 1
        }
    }

    /// A program to run on a machine that lacks something; what stands behind `--` is its own.
    private mutating func deprived() -> DeprivedProgram? {
        guard arguments.first == "--deprive", arguments.count > 2, let dashes = arguments.firstIndex(of: "--") else { return nil }
        let words = Array(arguments[(dashes + 1)...])
        arguments.removeSubrange(dashes...)
        let list = { (text: String) in text.split(separator: ",").map(String.init) }
        var program = DeprivedProgram(without: list(option("--deprive") ?? ""), words: words)
        program.controllers = option("--delegate").map(list)
        program.asRoot = flag("--as-root")
        return program
    }

    /// An option's number, 1 when it is not given.
    private mutating func number(_ name: String) -> Int { max(1, option(name).flatMap { Int($0) } ?? 1) }

    private mutating func runInside(_ rung: EscapeRung, _ quick: Bool, _ filter: String?, _ soak: Int?, _ egress: Bool)
        throws(EscapeError) -> Int32
    {
        guard let libraries = option("--libraries"), let data = option("--data") else { throw EscapeError("--libraries and --data are needed") }
        var inside = Inside(rung: rung, libraries: libraries, data: data)
        inside.quickOnly = quick
        inside.filter = filter
        (inside.soakSeconds, inside.isEgress) = (soak, egress)
        inside.sample = number("--sample")
        inside.patience = number("--patience")
        do { try inside.run() } catch { throw EscapeError("\(error)") }
        return 0
    }

    private func say(_ text: String) -> Int32 {
        print(text, terminator: "")
        return 0
    }

    private func complain(_ text: String) {
        let bytes = Array(text.utf8)
        _ = write(2, bytes, bytes.count)
    }

    private mutating func option(_ name: String) -> String? {
        guard let at = arguments.firstIndex(of: name), at + 1 < arguments.count else { return nil }
        defer { arguments.removeSubrange(at...at + 1) }
        return arguments[at + 1]
    }

    private mutating func flag(_ name: String) -> Bool {
        guard let at = arguments.firstIndex(of: name) else { return false }
        arguments.remove(at: at)
        return true
    }
}
