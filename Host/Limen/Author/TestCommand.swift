import IO
import JSON
import Registry
import Supervisor
import Tools
import Workers

/// `limen plugin test`: the examples, in the real jail, through the one call path.
enum TestCommand {
    static func outer(_ arguments: Arguments) throws -> LaunchPlan {
        try AuthorCommands.plan(["plugin", "test"], folder: arguments.operand(0, "DIR"), arguments)
    }

    static func run(_ arguments: Arguments) throws -> Int32 {
        let workshop = try Workshop(arguments)
        let failures = try Engine.run { engine in
            let station = try await workshop.open(engine)
            let failures = await Self.examples(station)
            await station.stop()
            return failures
        }
        return failures == 0 ? 0 : 1
    }

    /// Runs every example of every tool.
    /// - Returns: How many failed.
    private static func examples(_ station: Station) async -> Int {
        var rows: [[String]] = []
        var passed = 0
        var failed = 0
        var complaints: [String] = []
        let snapshot = station.registry.snapshot()
        for tool in snapshot.plugins.values.flatMap(\.tools).sorted(by: { $0.id < $1.id }) {
            if tool.examples.isEmpty { complaints.append("\(tool.id) has no example: add one to plugin.json") }
            for (index, example) in tool.examples.enumerated() {
                let outcome = await call(tool, example.input, station)
                let complaint = judge(outcome, example)
                if complaint == nil { passed += 1 } else { failed += 1 }
                let name = example.name ?? "example \(index + 1)"
                rows.append([tool.id, name, complaint == nil ? "ok" : "FAILED"] + usage(outcome.usage))
                if let complaint { complaints.append("\(tool.id), \(name): \(complaint)") }
            }
        }
        let heading = ["tool", "example", "result", "time ms", "cpu ms", "peak MiB", "start ms"]
        Output.print(TextTable.titled(heading, rows))
        for complaint in complaints { Output.print("\(complaint)\n") }
        await printRefusals(station)
        Output.print("\(passed) passed, \(failed) failed\n")
        return failed
    }

    private static func call(_ tool: ToolDescriptor, _ input: JSONValue, _ station: Station) async -> ToolOutcome {
        await station.tools.call(
            ToolCall(
                tool: tool.id, input: input.serialized(), caller: Caller(tenant: "main", user: "author", role: .operator, keyID: "cli"),
                requestID: "plugin-test"))
    }

    private static func judge(_ outcome: ToolOutcome, _ example: ToolExample) -> String? {
        switch outcome.result {
        case .failure(let error):
            return "\(error.code.rawValue): \(error.message) \(JSONValue.object(error.details).text)"
        case .success(let reply):
            guard let expected = example.output else { return nil }
            do {
                let output = try JSONValue(parsing: reply.output, limits: JSONLimits(bytesMax: reply.output.count + 1))
                return output == expected ? nil : "expected \(expected.text), got \(output.text)"
            } catch {
                return "the output is not JSON: \(error)"
            }
        }
    }

    private static func usage(_ usage: CallUsage) -> [String] {
        [
            Numbers.text(Double(usage.wallNanoseconds) / 1e6, digits: 2), Numbers.text(Double(usage.cpuNanoseconds) / 1e6, digits: 2),
            Numbers.text(Double(usage.peakMemoryBytes) / 1048576, digits: 1),
            Numbers.text(Double(usage.workerStartNanoseconds) / 1e6, digits: 2),
        ]
    }

    /// What the jail and the host refused, from the audit trail of this very run.
    private static func printRefusals(_ station: Station) async {
        let violations = station.tools.observer.counts.violations
        let list = violations.sorted { $0.key < $1.key }.map { "\($0.key) (\($0.value))" }.joined(separator: ", ")
        Output.print("system calls refused: \(list.isEmpty ? "none" : list)\n")
        let hosts = RefusedHosts.shared.list
        Output.print("hosts refused: \(hosts.isEmpty ? "none" : hosts.joined(separator: ", "))\n")
    }
}

extension Workshop {
    /// Packs what is staged and makes it callable.
    func open(_ engine: Engine) async throws -> Station {
        try await pack(engine)
        let station = try Station(
            engine, data: "\(path)/data", manifests: "\(path)/manifests", bundleRoots: ["\(path)/bundles"], trust: trust,
            fetcher: RefusedHosts.shared)
        for bundle in bundles { try await station.take(bundle) }
        return station
    }
}
