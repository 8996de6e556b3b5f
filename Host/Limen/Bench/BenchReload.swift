import IO
import JSON
import Registry
import Supervisor
import Tools
import Workers

/// Every plugin reloaded at once, several times, while all of them are called without pause.
extension BenchRun {
    /// What the clients saw, by what went on meanwhile.
    struct ReloadTally: Sendable {
        enum Phase: Sendable { case before, reloading, between }

        var phase = Phase.between
        var isDone = false
        var before = Samples()
        var during = Samples()
        var calls = 0
        var lost = 0
        var complaint: String?
        /// The turns that each process answered with.
        var turns: [Int: [Int]] = [:]

        /// Runs of a plugin that were heard of twice or not at all: each process counts its calls.
        var doubled: Int {
            turns.values.reduce(0) { sum, turns in
                let distinct = Set(turns)
                return sum + (turns.count - distinct.count) + ((distinct.max() ?? 0) - distinct.count)
            }
        }

        mutating func add(_ nanoseconds: UInt64, _ started: Phase, _ outcome: ToolOutcome) {
            calls += 1
            if started == .before, phase == .before { before.add(nanoseconds) }
            if started == .reloading || phase == .reloading { during.add(nanoseconds) }
            guard case .success(let reply) = outcome.result, let number = BenchTurn.number(reply.output) else {
                lost += 1
                if case .failure(let error) = outcome.result { complaint = complaint ?? "\(error.message) \(JSONValue.object(error.details).text)" }
                return
            }
            turns[number >> BenchTurn.bits, default: []].append(number & (1 << BenchTurn.bits - 1))
        }
    }

    func reload(milliseconds: Int, rounds: Int, _ put: (String, Double?) -> Void) async throws {
        let names = station.registry.snapshot().plugins.keys.sorted()
        Output.progress("  \(names.count) plugins reloaded \(rounds) times under load")
        try await serving(names, beyond: [:])
        let tally = ReloadLog()
        let clients = (0..<4).map { client in load(names, client, tally) }
        let lengths: Samples
        do {
            // First calls start workers; that is another row.
            try await engine.loop.sleep(until: .after(milliseconds: 500))
            tally.withLock { $0.phase = .before }
            try await engine.loop.sleep(until: .after(milliseconds: milliseconds))
            lengths = try await reloads(names, rounds, tally)
        } catch {
            tally.withLock { $0.isDone = true }
            throw error
        }
        tally.withLock { $0.isDone = true }
        for client in clients { try await client.value }
        let seen = tally.withLock { $0 }
        if let complaint = seen.complaint { Output.progress("  \(seen.lost) calls lost, the first: \(complaint)") }
        put("reload_plugins", Double(names.count))
        put("reload_all_serving_p50_ms", lengths.microseconds(0.5).map { $0 / 1_000 })
        put("reload_calls", Double(seen.calls))
        put("reload_calls_lost", Double(seen.lost))
        put("reload_calls_doubled", Double(seen.doubled))
        put("reload_call_p50_before_us", seen.before.microseconds(0.5))
        put("reload_call_p99_before_us", seen.before.microseconds(0.99))
        put("reload_call_p50_during_us", seen.during.microseconds(0.5))
        put("reload_call_p99_during_us", seen.during.microseconds(0.99))
    }

    /// One client that calls one plugin after the other until all is done.
    private func load(_ names: [String], _ client: Int, _ tally: ReloadLog) -> OwnedTask<Void> {
        OwnedTask(on: engine.group.next()) {
            var turn = client * names.count / 4
            while true {
                let (phase, isDone) = tally.withLock { ($0.phase, $0.isDone) }
                if isDone { return }
                turn += 1
                let start = Deadline.now().nanoseconds
                let outcome = await station.tools.call(
                    ToolCall(tool: "\(names[turn % names.count]).count", input: Self.input, caller: Self.caller, requestID: "\(client)-\(turn)"))
                let length = Deadline.now().nanoseconds - start
                tally.withLock { $0.add(length, phase, outcome) }
            }
        }
    }

    private func reloads(_ names: [String], _ rounds: Int, _ tally: ReloadLog) async throws -> Samples {
        var lengths = Samples()
        for round in 1...rounds {
            let generations = station.registry.snapshot().plugins.mapValues(\.generation)
            for name in names { try change(name, round) }
            tally.withLock { $0.phase = .reloading }
            lengths.add(
                try await Samples.time {
                    for outcome in await station.reload() {
                        if let problem = outcome.problems.first { throw CommandError("\(problem)") }
                    }
                    try await serving(names, beyond: generations)
                })
            tally.withLock { $0.phase = .between }
            try await engine.loop.sleep(until: .after(milliseconds: 300))
        }
        return lengths
    }

    /// An operator's edit that every plugin has to be loaded again for.
    private func change(_ name: String, _ round: Int) throws {
        let file = "\(data)/manifests/\(name).json"
        var manifest = try JSONValue(parsing: File.read(file)).objectValue ?? [:]
        manifest["config"] = ["round": JSONValue(round)]
        try File.write(JSONValue.object(manifest).serialized(), to: file)
    }

    /// Waits until the newest version of each plugin serves, and is a newer one than that.
    private func serving(_ names: [String], beyond generations: [String: UInt64]) async throws {
        let deadline = Deadline.after(milliseconds: 60_000)
        while true {
            let plugins = station.registry.snapshot().plugins
            let late = names.first { name in
                guard let record = plugins[name], record.state == .ready, record.generation > generations[name] ?? 0 else { return true }
                return station.tools.servingInstead(of: record) != nil
            }
            guard let late else { return }
            if deadline.hasPassed { throw CommandError("\(late) does not serve: \(plugins[late]?.reason ?? "no reason given")") }
            try await engine.loop.sleep(until: .after(milliseconds: 2))
        }
    }
}

/// What the clients of one measurement write together.
final class ReloadLog: Sendable {
    private let tally = Lock(BenchRun.ReloadTally())

    func withLock<Value: Sendable>(_ body: (inout BenchRun.ReloadTally) -> Value) -> Value { tally.withLock { body(&$0) } }
}

/// The plugins of the part `reload`: the author's template, answering with a number that says which process answers and its how many-th call it is.
enum BenchTurn {
    /// Of the number, for the count; the process has the rest.
    static let bits = 24

    static func number(_ output: [UInt8]) -> Int? {
        // try?: an output without the number counts as lost, whatever is wrong with it.
        (try? JSONValue(parsing: output))?["bytes"]?.intValue
    }

    /// Writes the sources of one such plugin.
    /// - Throws: `CommandError`, also when the template is no longer the one that this changes.
    static func write(name: String, to folder: String) throws(CommandError) {
        try Template(language: "c", name: name).write(to: folder)
        let file = "\(folder)/plugin.c"
        let text = String(decoding: try File.read(file), as: UTF8.self)
        let changes = [
            ("%zu}\", request->input.length", "%llu}\", number()"), ("#include <string.h>", "#include <string.h>\n#include <sys/random.h>"),
            ("static const limen_host *host;", "static const limen_host *host;\n\(function)"),
        ]
        var changed = text
        for (before, after) in changes {
            guard changed.contains(before) else { throw CommandError("\(file) has no `\(before)`: bench and template do not belong together") }
            changed = changed.replacing(before, with: after)
        }
        try File.write(Array(changed.utf8), to: file)
    }

    private static let function = """
        static unsigned long long number(void)
        {
            static unsigned process;
            static unsigned long long turn;
            if (process == 0 && getrandom(&process, sizeof process, 0) != sizeof process)
                return 0;
            return ((unsigned long long)(process >> 4) << \(bits)) | ++turn;
        }
        """
}
