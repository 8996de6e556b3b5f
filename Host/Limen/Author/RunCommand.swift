import Config
import IO
import JSON
import Registry
import Tools

/// `limen plugin run NAME|DIR TOOL INPUT`: one call in the real jail, away from a running server's data.
enum RunCommand {
    static func outer(_ arguments: Arguments) throws -> LaunchPlan {
        let target = try arguments.operand(0, "NAME or DIR")
        let tool = try arguments.operand(1, "TOOL")
        let input = try arguments.operand(2, "INPUT")
        let (workshop, _) = try AuthorCommands.workshop()
        do {
            let folder = Path.isFolder(target) ? target : try installed(target, arguments)
            _ = try AuthorCommands.stage(folder, arguments, in: workshop)
            return .inWorkshop(workshop, words: ["plugin", "run", target, tool, input], arguments)
        } catch {
            Folder.remove(workshop)
            throw error
        }
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
        let tool = try arguments.operand(1, "TOOL")
        let input = Array(try arguments.operand(2, "INPUT").utf8)
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
