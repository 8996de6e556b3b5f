import CLinux
import Glibc
import IO
import JSON

/// `limen bench`: the outer half builds a small C plugin, takes the bundled Swift one, and measures twice, unpinned and on one CPU.
enum BenchCommand {
    static func run(_ arguments: Arguments) throws -> Int32 {
        let (workshop, _) = try AuthorCommands.workshop()
        defer { Folder.remove(workshop) }
        if let seconds = try arguments.integer("soak", in: 1...86_400) { return try soak(seconds, arguments, workshop) }
        try stageOwn(workshop, arguments)
        if let bundle = bundles(arguments).first(where: { Path.name(of: $0).hasPrefix("calc-") }) {
            _ = try AuthorCommands.stage(bundle, arguments, in: workshop)
        } else {
            Output.progress("no packed Swift plugin found: its rows are left out (make bundles, or --bundles DIR)")
        }
        Output.progress("measuring, unpinned")
        var result = try measure(workshop, arguments, pinned: false)
        Output.progress("measuring, on one CPU")
        for (key, value) in try measure(workshop, arguments, pinned: true) { result["pinned_\(key)"] = value }
        Output.print(arguments.has("json") ? JSONValue.object(result).text + "\n" : BenchTable.text(result))
        return 0
    }

    /// The C plugin that the ratios are taken with, from the author's own template.
    private static func stageOwn(_ workshop: String, _ arguments: Arguments) throws {
        let source = "\(workshop)/source"
        try Template(language: "c", name: "benchc").write(to: source)
        _ = try AuthorCommands.stage(source, arguments, in: workshop)
    }

    /// Packed bundles at hand.
    private static func bundles(_ arguments: Arguments) -> [String] {
        let folders = arguments["bundles"].map { [$0] } ?? ["var/bundles", ".build/bundles"] + (Path.home().map { ["\($0)/.build/bundles"] } ?? [])
        return folders.flatMap { folder in Folder.names(in: folder).map { "\(folder)/\($0)" } }.filter { Path.exists("\($0)/plugin.json") }
    }

    /// Runs the inner half and reads what it measured; meanwhile answers what only this account may read.
    private static func measure(_ workshop: String, _ arguments: Arguments, pinned: Bool) throws -> JSONObject {
        let data = "\(workshop)/\(pinned ? "pinned" : "unpinned")"
        try Account.current().makeFolder(data)
        try Account.current().makeFolder("\(data)/manifests")
        var plan = LaunchPlan.inWorkshop(workshop, words: ["bench-measure", "--data", data] + (pinned ? ["--pinned"] : []), arguments)
        plan.data = data
        let child = try Launcher.start(plan, pinned: pinned)
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
            for: Launcher.start(.inWorkshop(workshop, words: ["bench-soak", "--seconds", String(seconds)], arguments), pinned: false), meanwhile: {})
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
