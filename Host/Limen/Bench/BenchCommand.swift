import CLinux
import Glibc
import IO
import JSON

/// `limen bench`: the outer half builds a small C plugin, takes the bundled Swift one, and measures twice, unpinned and on one CPU.
enum BenchCommand {
    static func run(_ arguments: Arguments) throws -> Int32 {
        let parts = try BenchPart.list(arguments["parts"])
        let (workshop, _) = try AuthorCommands.workshop()
        defer { Folder.remove(workshop) }
        if let seconds = try arguments.integer("soak", in: 1...86_400) { return try soak(seconds, arguments, workshop) }
        if parts != [.reload] { try stageOwn(workshop, arguments) }
        var result: JSONObject = [:]
        for part in BenchPart.allCases where parts.contains(part) { try measure(part, workshop, arguments, &result) }
        Output.print(arguments.has("json") ? JSONValue.object(result).text + "\n" : BenchTable.text(result))
        return 0
    }

    private static func measure(_ part: BenchPart, _ workshop: String, _ arguments: Arguments, _ result: inout JSONObject) throws {
        switch part {
        case .calls:
            Output.progress("measuring, unpinned")
            add(try measure(part, workshop, arguments), to: &result)
            Output.progress("measuring, on one CPU")
            add(try measure(part, workshop, arguments, place: .oneCPU), to: &result, prefix: "pinned_")
        case .storm:
            Output.progress("measuring a storm of starts")
            add(try measure(part, workshop, arguments), to: &result)
        case .reload:
            Output.progress("measuring reloads")
            // A workshop of its own: these plugins are nobody else's.
            let (own, _) = try AuthorCommands.workshop()
            defer { Folder.remove(own) }
            for number in 0..<BenchEffort.plugins(isBrief: arguments.has("brief")) {
                let source = "\(own)/source-\(number)"
                try BenchTurn.write(name: "bench\(number)", to: source)
                _ = try AuthorCommands.stage(source, arguments, in: own)
            }
            add(try measure(part, own, arguments), to: &result)
        case .rootless:
            guard getuid() == 0 else { return Output.progress("rootless rows are left out: the others are this account's already") }
            Output.progress("measuring as an ordinary account")
            add(try measure(part, workshop, arguments, place: .ordinaryAccount), to: &result, prefix: "rootless_")
        }
    }

    private static func add(_ measured: JSONObject, to result: inout JSONObject, prefix: String = "") {
        for (key, value) in measured { result[prefix + key] = value }
    }

    /// The C plugin that the ratios are taken with, from the author's own template, and the bundled Swift one.
    private static func stageOwn(_ workshop: String, _ arguments: Arguments) throws {
        let source = "\(workshop)/source"
        try Template(language: "c", name: "benchc").write(to: source)
        _ = try AuthorCommands.stage(source, arguments, in: workshop)
        if let bundle = bundles(arguments).first(where: { Path.name(of: $0).hasPrefix("calc-") }) {
            _ = try AuthorCommands.stage(bundle, arguments, in: workshop)
        } else {
            Output.progress("no packed Swift plugin found: its rows are left out (make bundles, or --bundles DIR)")
        }
    }

    /// Packed bundles at hand.
    private static func bundles(_ arguments: Arguments) -> [String] {
        let folders = arguments["bundles"].map { [$0] } ?? ["var/bundles", ".build/bundles"] + (Path.home().map { ["\($0)/.build/bundles"] } ?? [])
        return folders.flatMap { folder in Folder.names(in: folder).map { "\(folder)/\($0)" } }.filter { Path.exists("\($0)/plugin.json") }
    }

    /// Runs the inner half and reads what it measured; meanwhile answers what only this account may read.
    private static func measure(
        _ part: BenchPart, _ workshop: String, _ arguments: Arguments, place: LaunchPlace = .anywhere
    ) throws -> JSONObject {
        let data = "\(workshop)/\(part.rawValue)\(place == .oneCPU ? "-pinned" : "")"
        try Account.current().makeFolder(data)
        try Account.current().makeFolder("\(data)/manifests")
        let flags = (place == .oneCPU ? ["--pinned"] : []) + (arguments.has("brief") ? ["--brief"] : [])
        var plan = LaunchPlan.inWorkshop(workshop, words: ["bench-measure", "--part", part.rawValue, "--data", data] + flags, arguments)
        plan.data = data
        let child = try Launcher.start(plan, place: place)
        let answer = MemoryAnswer(folder: data)
        let code = try Launcher.wait(for: child) { try answer.giveIfAsked() }
        guard code == 0 else { throw CommandError("the measurement failed") }
        return try JSONValue(parsing: File.read("\(data)/result.json")).objectValue ?? [:]
    }

    private static func soak(_ seconds: Int, _ arguments: Arguments, _ workshop: String) throws -> Int32 {
        let found = bundles(arguments).filter { !Path.name(of: $0).hasPrefix("sysprobe") }
        guard !found.isEmpty else { throw CommandError("no packed bundles: make bundles, or --bundles DIR") }
        for bundle in found { _ = try AuthorCommands.stage(bundle, arguments, in: workshop) }
        return try Launcher.wait(
            for: Launcher.start(.inWorkshop(workshop, words: ["bench-soak", "--seconds", String(seconds)], arguments)), meanwhile: {})
    }
}

/// A jailed worker is not dumpable: its own account cannot read its memory map, so the outer half, which may be root, does it when asked.
struct MemoryAnswer {
    let folder: String

    func giveIfAsked() throws {
        guard Path.exists("\(folder)/pids"), !Path.exists("\(folder)/memory") else { return }
        let pids = String(decoding: try File.read("\(folder)/pids"), as: UTF8.self).split(separator: "\n")
        let values = pids.compactMap { Self.privateDirtyKiB(String($0)) }
        try File.write(Array(values.map(String.init).joined(separator: "\n").utf8), to: "\(folder)/memory")
    }

    private static func privateDirtyKiB(_ pid: String) -> Int? {
        // try?: a worker whose map may not be read has no figure; the table says so.
        guard let bytes = try? File.read("/proc/\(pid)/smaps_rollup") else { return nil }
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") where line.hasPrefix("Private_Dirty:") {
            return line.split(separator: " ").dropFirst().first.flatMap { Int($0) }
        }
        return nil
    }
}
