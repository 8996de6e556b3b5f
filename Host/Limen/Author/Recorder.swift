import CLinux
import Crypto
import Glibc
import IO
import JSON
import Registry
import Supervisor
import Tools
import WorkerProtocol
import Workers

/// Makes recordings and replays them, in the inner half of `plugin run` and `plugin test`.
struct Recorder {
    let station: Station
    let box: ConditionsBox
    private static let caller = Caller(tenant: "main", user: "author", role: .operator, keyID: "cli")

    /// Calls a tool under conditions of its own and keeps what it saw.
    func record(
        _ tool: ToolDescriptor, input: [UInt8], requestID: String, events: some ToolEventSink = NoEvents()
    ) async throws -> (outcome: ToolOutcome, recording: Recording) {
        let config = station.registry.snapshot().plugins[tool.plugin]?.manifest.config ?? [:]
        let setting = ConditionsBox.Setting(
            conditions: Self.conditions(timeoutMilliseconds: station.tools.timeoutMilliseconds(of: tool)),
            config: JSONValue.object(config).serialized())
        let tape = CallTape()
        let outcome = await call(tool.id, input, requestID, setting, tape, events)
        if let problem = tape.problem { throw CommandError(problem) }
        let recording = Recording(
            plugin: tool.plugin, version: tool.version, tool: tool.name, requestID: requestID, input: input, config: setting.config,
            conditions: setting.conditions, exchanges: tape.exchanges, end: try Self.end(outcome))
        return (outcome, recording)
    }

    /// Makes a recorded call again, without anything of the outside.
    /// - Returns: The outcome, and what was not as recorded, the first question and the end; nil when all was.
    func replay(_ recording: Recording, events: some ToolEventSink = NoEvents()) async throws -> (outcome: ToolOutcome, divergence: String?) {
        let tape = CallTape(replaying: recording.exchanges)
        let setting = ConditionsBox.Setting(conditions: recording.conditions, config: recording.config)
        let id = "\(recording.plugin).\(recording.tool)"
        guard station.registry.snapshot().tool(id) != nil else { throw CommandError("the recording is of \(id), which this plugin does not have") }
        let outcome = await call(id, recording.input, recording.requestID, setting, tape, events)
        let end = try Self.end(outcome)
        let differences = [tape.problem, recording.difference(end)].compactMap { $0 }
        return (outcome, differences.isEmpty ? nil : differences.joined(separator: "; "))
    }

    private func call(
        _ id: String, _ input: [UInt8], _ requestID: String, _ setting: ConditionsBox.Setting, _ tape: CallTape, _ events: some ToolEventSink
    ) async -> ToolOutcome {
        box.setting = setting
        defer { box.setting = nil }
        return await station.tools.call(
            ToolCall(tool: id, input: input, caller: Self.caller, requestID: requestID, tape: tape), events: events)
    }

    private static func end(_ outcome: ToolOutcome) throws -> Recording.End {
        switch outcome.result {
        case .success(let reply):
            .result(
                try JSONValue(parsing: reply.output, limits: JSONLimits(bytesMax: reply.output.count + 1)),
                attachments: reply.attachments.map { "\($0.name) \($0.contentType) \($0.data.count) bytes sha256 \(SHA256.hash($0.data).hex)" })
        case .failure(let error): .failure(code: error.code.rawValue, message: error.message)
        }
    }

    private static func conditions(timeoutMilliseconds: Int) -> Conditions {
        var seed: UInt64 = 0
        for byte in secureRandom(8) { seed = seed << 8 | UInt64(byte) }
        return Conditions(
            // Written as a JSON number.
            seed: seed >> 2, realtimeNanoseconds: nanoseconds(CLOCK_REALTIME), monotonicNanoseconds: nanoseconds(CLOCK_MONOTONIC),
            timeoutNanoseconds: UInt64(timeoutMilliseconds) * 1_000_000)
    }

    private static func nanoseconds(_ clock: clockid_t) -> UInt64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}

/// Where recordings lie in the temporary folder that both halves of a command share.
extension Workshop {
    /// What the inner half records.
    static let recordFile = "data/recorded.jsonl"
    /// Files to be replayed.
    static let replayFolder = "recordings"

    /// The files to be replayed with what they hold, by name.
    func recordings() throws -> [(name: String, recordings: [Recording])] {
        let folder = "\(path)/\(Self.replayFolder)"
        return try Folder.names(in: folder).map { name in
            let bytes = try File.read("\(folder)/\(name)")
            do {
                return (name, try Recording.parse(bytes))
            } catch {
                throw CommandError("\(name): \(error)")
            }
        }
    }

    /// Shows the inner half the file of `--replay`, or the plugin's own recordings.
    static func stageRecordings(_ files: [String], in workshop: String) throws {
        let account = Account.current()
        try account.makeFolder("\(workshop)/\(replayFolder)", mode: 0o755)
        guard files.count <= ToolLimits.recordingFilesMax else {
            throw CommandError("\(files.count) files of recordings; a plugin has at most \(ToolLimits.recordingFilesMax)")
        }
        for file in files { try File.copy(file, to: "\(workshop)/\(replayFolder)/\(Path.name(of: file))", for: account) }
    }

    /// The recordings in a plugin's source folder. A link is refused: in a stranger's folder it could lead to what only the caller may read.
    static func ownRecordings(of folder: String) throws(CommandError) -> [String] {
        let files = Folder.names(in: "\(folder)/recordings").filter { $0.hasSuffix(".jsonl") }.map { "\(folder)/recordings/\($0)" }
        for file in files where !isOrdinary(file) { throw CommandError("\(file) is not an ordinary file") }
        return files
    }

    static func isOrdinary(_ path: String) -> Bool {
        var information = stat()
        return lstat(path, &information) == 0 && information.st_mode & S_IFMT == S_IFREG
    }
}

extension LaunchPlan {
    /// Brings what was recorded to the file that the caller named, whether the call worked or not.
    func recording(to file: String?, in workshop: String) -> LaunchPlan {
        guard let file else { return self }
        var plan = self
        plan.finally = {
            let made = "\(workshop)/\(Workshop.recordFile)"
            guard Workshop.isOrdinary(made) else { return }
            try File.write(File.read(made), to: file, mode: 0o600)
            Output.progress("recorded in \(file)")
        }
        return plan
    }
}
