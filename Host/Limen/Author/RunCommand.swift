import Config
import IO
import JSON
import Registry
import Tools
import Workers

/// `limen plugin run NAME|DIR TOOL INPUT`: one call in the real jail, away from a running server's data.
enum RunCommand {
    static func outer(_ arguments: Arguments) throws -> LaunchPlan {
        let target = try arguments.operand(0, "NAME or DIR")
        let replay = arguments["replay"]
        let words = try recordingWords(arguments)
        if replay != nil, arguments.operands.count > 1 { throw UsageError("--replay has tool and input in its file") }
        let tool = replay == nil ? try arguments.operand(1, "TOOL") : ""
        let input = replay == nil ? try arguments.operand(2, "INPUT") : ""
        let (workshop, _) = try AuthorCommands.workshop()
        do {
            let folder = Path.isFolder(target) ? target : try installed(target, arguments)
            _ = try AuthorCommands.stage(folder, arguments, in: workshop)
            if let replay { try Workshop.stageRecordings([replay], in: workshop) }
            var plan = try LaunchPlan.inWorkshop(workshop, words: [], arguments).showingAuthorities()
            plan.words = ["plugin", "run"] + plan.words + words + ["--", target, tool, input]
            return plan.recording(to: arguments["record"], in: workshop)
        } catch {
            Folder.remove(workshop)
            throw error
        }
    }

    /// How the inner half learns what is to be recorded or replayed; the files are in the shared folder.
    static func recordingWords(_ arguments: Arguments) throws(UsageError) -> [String] {
        if arguments["replay"] != nil, arguments["record"] != nil { throw UsageError("--record and --replay exclude each other") }
        return (arguments["record"] == nil ? [] : ["--recording"]) + (arguments["replay"] == nil ? [] : ["--replay", Workshop.replayFolder])
    }

    /// The folder of an installed plugin's bundle.
    private static func installed(_ name: String, _ arguments: Arguments) throws -> String {
        guard PluginNames.isValid(name) else { throw CommandError("\(name) is neither a folder nor a plugin's name") }
        let settings = try Settings.load(arguments)
        let data = settings.data
        let manifest = try JSONValue(parsing: File.read("\(settings.manifests)/\(name).json"))
        let version = manifest["version"]?.stringValue ?? ""
        let bundle = manifest["bundle"]?.stringValue ?? "\(name)-\(version)"
        // A version that was rolled back to is in the store only.
        guard let folder = ["bundles", "store"].map({ "\(data)/\($0)/\(bundle)" }).first(where: Path.isFolder) else {
            throw CommandError("the bundle \(bundle) is not in \(data)/bundles")
        }
        return folder
    }

    static func run(_ arguments: Arguments) throws -> Int32 {
        let workshop = try Workshop(arguments)
        if arguments["replay"] != nil { return try replay(workshop) }
        let tool = try arguments.operand(1, "TOOL")
        let input = Array(try arguments.operand(2, "INPUT").utf8)
        if arguments.has("recording") { return try record(workshop, tool, input) }
        return try Engine.run { engine in
            let station = try await workshop.open(engine)
            let id = station.registry.snapshot().plugins.keys.first.map { "\($0).\(tool)" } ?? tool
            let outcome = await station.tools.call(
                ToolCall(
                    tool: station.tools.entry(tool)?.spec.id ?? id, input: input,
                    caller: Caller(tenant: "main", user: "author", role: .operator, keyID: "cli"), requestID: "plugin-run"),
                events: PrintEvents())
            await station.stop()
            return report(outcome)
        }
    }

    private static func record(_ workshop: Workshop, _ tool: String, _ input: [UInt8]) throws -> Int32 {
        try Engine.run { engine in
            let box = ConditionsBox()
            let station = try await workshop.open(engine, conditions: box)
            let snapshot = station.registry.snapshot()
            guard let found = snapshot.tool(tool) ?? snapshot.plugins.keys.first.flatMap({ snapshot.tool("\($0).\(tool)") }) else {
                throw CommandError("there is no tool \(tool)")
            }
            let made = try await Recorder(station: station, box: box).record(found, input: input, requestID: "plugin-run", events: PrintEvents())
            try File.write(Recording.file([made.recording]), to: "\(workshop.path)/\(Workshop.recordFile)")
            await station.stop()
            return report(made.outcome)
        }
    }

    private static func replay(_ workshop: Workshop) throws -> Int32 {
        let recordings = try workshop.recordings().flatMap(\.recordings)
        return try Engine.run { engine in
            let box = ConditionsBox()
            let station = try await workshop.open(engine, conditions: box)
            var code: Int32 = 0
            for recording in recordings {
                let (outcome, divergence) = try await Recorder(station: station, box: box).replay(recording, events: PrintEvents())
                _ = report(outcome)
                if let divergence { Output.complain("not as recorded: \(divergence)\n") }
                if divergence != nil { code = 1 }
            }
            await station.stop()
            return code
        }
    }

    private static func report(_ outcome: ToolOutcome) -> Int32 {
        Output.progress("usage \(JSONValue.object(outcome.usage.json).text)")
        switch outcome.result {
        case .success(let reply):
            Output.print(String(decoding: reply.output, as: UTF8.self) + "\n")
            return 0
        case .failure(let error):
            Output.complain("\(error.code.rawValue): \(error.message)\n\(JSONValue.object(error.details).text)\n")
            return 1
        }
    }
}

/// Shows a call's events on standard error.
private struct PrintEvents: ToolEventSink {
    func send(_ event: ToolEvent, until deadline: Deadline) async throws {
        Output.progress("\(event.kind) \(String(decoding: event.json, as: UTF8.self))")
    }
}
