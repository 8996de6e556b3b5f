import Config
import Egress
import IO
import JSON
import Registry
import Supervisor
import Tools
import Workers

/// `limen plugin test`: the examples, in the real jail, through the one call path.
enum TestCommand {
    static func outer(_ arguments: Arguments) throws -> LaunchPlan {
        let folder = try arguments.operand(0, "DIR")
        let plan = try AuthorCommands.plan(try ["plugin", "test"] + RunCommand.recordingWords(arguments), folder: folder, arguments)
        guard let workshop = plan.temporary else { return plan }
        do {
            // What is being recorded anew replaces what was recorded before: that is not held against it.
            let own = arguments["record"] == nil ? try Workshop.ownRecordings(of: folder) : []
            try Workshop.stageRecordings(arguments["replay"].map { [$0] } ?? own, in: workshop)
        } catch {
            Folder.remove(workshop)
            throw error
        }
        return plan.recording(to: arguments["record"], in: workshop)
    }

    static func run(_ arguments: Arguments) throws -> Int32 {
        let workshop = try Workshop(arguments)
        let records = arguments.has("recording")
        let replaysOnly = arguments["replay"] != nil
        let recordings = try workshop.recordings()
        let failures = try Engine.run { engine in
            let box = records || !recordings.isEmpty ? ConditionsBox() : nil
            let station = try await workshop.open(engine, conditions: box)
            let recorder = box.map { Recorder(station: station, box: $0) }
            var failures = replaysOnly ? 0 : try await Self.examples(station, records ? recorder : nil, "\(workshop.path)/\(Workshop.recordFile)")
            if let recorder { failures += try await Self.replay(recordings, recorder) }
            await station.stop()
            return failures
        }
        return failures == 0 ? 0 : 1
    }

    /// Makes every recorded call again.
    /// - Returns: How many were not as recorded.
    private static func replay(_ files: [(name: String, recordings: [Recording])], _ recorder: Recorder) async throws -> Int {
        var rows: [[String]] = []
        var complaints: [String] = []
        for (name, recordings) in files {
            for (index, recording) in recordings.enumerated() {
                let divergence = try await recorder.replay(recording).divergence
                rows.append(["\(recording.plugin).\(recording.tool)", "\(name) \(index + 1)", divergence == nil ? "ok" : "FAILED"])
                if let divergence { complaints.append("\(name), recording \(index + 1): \(divergence)") }
            }
        }
        if rows.isEmpty { return 0 }
        Output.print(TextTable.titled(["tool", "recording", "replay"], rows))
        for complaint in complaints { Output.print("\(complaint)\n") }
        Output.print("\(rows.count - complaints.count) replayed as recorded, \(complaints.count) not\n")
        return complaints.count
    }

    /// Runs every example of every tool, and keeps what each saw when there is a recorder.
    /// - Returns: How many failed.
    private static func examples(_ station: Station, _ recorder: Recorder?, _ file: String) async throws -> Int {
        var recorded: [Recording] = []
        var rows: [[String]] = []
        var passed = 0
        var failed = 0
        var complaints: [String] = []
        let snapshot = station.registry.snapshot()
        for tool in snapshot.plugins.values.flatMap(\.tools).sorted(by: { $0.id < $1.id }) {
            if tool.examples.isEmpty { complaints.append("\(tool.id) has no example: add one to plugin.json") }
            for (index, example) in tool.examples.enumerated() {
                let outcome: ToolOutcome
                if let recorder {
                    let made = try await recorder.record(tool, input: example.input.serialized(), requestID: "plugin-test")
                    outcome = made.outcome
                    recorded.append(made.recording)
                } else {
                    outcome = await call(tool, example.input, station)
                }
                let complaint = judge(outcome, example)
                if complaint == nil { passed += 1 } else { failed += 1 }
                let name = example.name ?? "example \(index + 1)"
                rows.append([tool.id, name, complaint == nil ? "ok" : "FAILED"] + usage(outcome.usage))
                if let complaint { complaints.append("\(tool.id), \(name): \(complaint)") }
            }
        }
        if recorder != nil { try File.write(Recording.file(recorded), to: file) }
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
    ///
    /// `conditions` is for calls that are recorded or replayed: each then has a worker of its own.
    func open(_ engine: Engine, conditions: ConditionsBox? = nil) async throws -> Station {
        try await pack(engine)
        var options = ToolService.Options()
        options.conditions = conditions
        let door = try EgressDoor(Settings.author().egress, engine)
        RefusedHosts.shared.use(door.proxy)
        options.privateNetworks = door.privateNetworks
        options.tunnels = TunnelDoors(
            dialer: SystemDialer(door.resolver), privateNetworks: door.privateNetworks, observer: engine.observer,
            report: { [proxy = door.proxy] record in
                proxy.report(record)
                RefusedHosts.shared.note(record)
            })
        let station = try await Station(
            engine, data: "\(path)/data", manifests: "\(path)/manifests", bundleRoots: ["\(path)/bundles"], trust: trust,
            fetcher: RefusedHosts.shared, options: options)
        for bundle in bundles { try await station.take(bundle) }
        return station
    }
}
