import Glibc
import IO
import JSON
import Registry
import Store
import Tools
import Workers

/// The half of `limen plugin dev` beneath the spawner: serves the last turn that loaded.
enum DevService {
    static func run(_ arguments: Arguments) throws -> Int32 {
        guard let workshop = arguments["workshop"], let author = arguments["author"].flatMap(pid_t.init), author > 0 else {
            throw CommandError("this half of the command is started by the other one only")
        }
        return try Engine.run { engine in
            let signals = try SignalSource([SIGTERM, SIGINT, SIGHUP])
            let isEnding = Lock(false)
            let listener = OwnedTask(on: engine.loop) { try await signals.receive { _ in isEnding.withLock { $0 = true } } }
            var bench = DevBench(engine: engine, workshop: workshop)
            // Killed outright, the author's half cannot say so.
            while !isEnding.withLock({ $0 }), kill(author, 0) == 0 || errno != ESRCH {
                await bench.step()
                try await engine.loop.sleep(until: .after(milliseconds: 10))
            }
            listener.cancel()
            await listener.finish()
            await bench.end()
            return 0
        }
    }
}

/// What runs now, and what waits in the workshop.
private struct DevBench {
    let engine: Engine
    let workshop: String
    private var station: Station?
    /// The turn that `station` serves.
    private var served = 0
    private var turns = 0
    private var questions = 0

    init(engine: Engine, workshop: String) {
        self.engine = engine
        self.workshop = workshop
    }

    /// Takes the next turn and answers the next question, if there is one.
    mutating func step() async {
        // try?: the file appears when the turn is complete; until then there is none.
        if let saved = try? File.read("\(workshop)/turn-\(turns + 1).ready") {
            await turn(savedAt: UInt64(String(decoding: saved, as: UTF8.self)) ?? 0)
        }
        // try?: as above.
        if let line = try? File.read("\(workshop)/ask-\(questions + 1)") {
            questions += 1
            await answer(String(decoding: line, as: UTF8.self))
        }
    }

    private mutating func turn(savedAt saved: UInt64) async {
        turns += 1
        do {
            let fresh = try await Workshop(path: place(turns)).open(engine)
            let old = (station, served)
            (station, served) = (fresh, turns)
            await examples(fresh)
            Output.progress("turn \(turns): answers \(DevClock.seconds(since: saved)) s after the save")
            if let station = old.0 { await retire(station, old.1) }
        } catch {
            Output.progress("turn \(turns) does not load: \(error)\n" + (station == nil ? "nothing is served yet" : "turn \(served) goes on"))
            Folder.remove(place(turns))
        }
    }

    private func place(_ turn: Int) -> String { "\(workshop)/turn-\(turn)" }

    /// Every example, with what it says now.
    private func examples(_ station: Station) async {
        let tools = station.registry.snapshot().plugins.values.flatMap(\.tools).sorted { $0.id < $1.id }
        for tool in tools {
            for (index, example) in tool.examples.enumerated() {
                let outcome = await call(tool.id, example.input.serialized(), station)
                Output.print("\(tool.id), \(example.name ?? "example \(index + 1)"): \(Self.text(outcome))\n")
            }
        }
    }

    private func answer(_ line: String) async {
        let words = line.split(separator: " ", maxSplits: 1).map(String.init)
        guard let station, let name = words.first else { return Output.progress("nothing is served yet") }
        guard let tool = station.tools.entry(name)?.spec.id else { return Output.progress("there is no tool \(name)") }
        Output.print(Self.text(await call(tool, Array((words.count > 1 ? words[1] : "{}").utf8), station)) + "\n")
    }

    private func call(_ tool: String, _ input: [UInt8], _ station: Station) async -> ToolOutcome {
        await station.tools.call(
            ToolCall(tool: tool, input: input, caller: Caller(tenant: "main", user: "author", role: .operator, keyID: "cli"), requestID: "plugin-dev")
        )
    }

    private static func text(_ outcome: ToolOutcome) -> String {
        switch outcome.result {
        case .success(let reply): String(decoding: reply.output, as: UTF8.self)
        case .failure(let error): "\(error.code.rawValue): \(error.message) \(JSONValue.object(error.details).text)"
        }
    }

    /// Ends a turn's workers and gives back what it held: a day of saves must not fill the temporary folder.
    private func retire(_ old: Station, _ turn: Int) async {
        for plugin in old.registry.snapshot().plugins.keys {
            if let pool = old.tools.uninstall(plugin) { await engine.workers.remove(pool, until: .after(milliseconds: 500)) }
        }
        await old.stop()
        Folder.remove(place(turn))
    }

    /// Ends what is served.
    mutating func end() async {
        if let station { await retire(station, served) }
        station = nil
    }
}
