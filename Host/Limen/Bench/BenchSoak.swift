import IO
import JSON
import Registry
import Supervisor
import Tools

/// The inner half of `limen bench --soak`: every example of every plugin, without pause; one unexplained death fails it.
enum BenchSoak {
    static func run(_ arguments: Arguments) throws -> Int32 {
        let workshop = try Workshop(arguments)
        guard let seconds = try arguments.integer("seconds", in: 1...86_400) else { throw CommandError("no time") }
        return try Engine.run { engine in
            let station = try await workshop.open(engine)
            let end = Deadline.after(milliseconds: seconds * 1000)
            let totals = try await load(engine, station, until: end)
            await station.stop()
            let ended = engine.observer.counts.ended
            let unexplained = ended.filter { !["idle", "evicted", "retired", "drained", "cancelled"].contains($0.key) }
            Output.print("\(totals.calls) calls in \(seconds) s, \(totals.failures) failed; workers ended: \(ended)\n")
            for complaint in totals.complaints.sorted() { Output.print("\(complaint)\n") }
            Output.print(unexplained.isEmpty && totals.failures == 0 ? "no unexplained death\n" : "UNEXPLAINED: \(unexplained)\n")
            return unexplained.isEmpty && totals.failures == 0 ? 0 : 1
        }
    }

    private struct Totals: Sendable {
        var calls = 0
        var failures = 0
        var complaints: Set<String> = []
    }

    private static func load(_ engine: Engine, _ station: Station, until end: Deadline) async throws -> Totals {
        let tools = station.registry.snapshot().plugins.values.flatMap(\.tools).filter { !$0.examples.isEmpty }
        guard !tools.isEmpty else { throw CommandError("no examples to call") }
        var tasks: [OwnedTask<Totals>] = []
        for client in 0..<8 {
            tasks.append(
                OwnedTask(on: engine.group.next()) {
                    var totals = Totals()
                    var turn = client
                    while !end.hasPassed {
                        let tool = tools[turn % tools.count]
                        let example = tool.examples[turn / tools.count % tool.examples.count]
                        turn += 1
                        let outcome = await station.tools.call(
                            ToolCall(
                                tool: tool.id, input: example.input.serialized(),
                                caller: Caller(tenant: "main", user: "soak-\(client)", role: .operator, keyID: "soak"), requestID: "soak-\(turn)"))
                        totals.calls += 1
                        if case .failure(let error) = outcome.result {
                            totals.failures += 1
                            if totals.complaints.count < 20 {
                                totals.complaints.insert("\(tool.id): \(error.message) \(JSONValue.object(error.details).text)")
                            }
                        }
                    }
                    return totals
                })
        }
        var all = Totals()
        for task in tasks {
            let totals = try await task.value
            all.calls += totals.calls
            all.failures += totals.failures
            all.complaints.formUnion(totals.complaints)
        }
        return all
    }
}
