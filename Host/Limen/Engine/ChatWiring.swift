import Artifacts
import Chat
import Config
import JSON
import Store
import Telemetry

/// Conversations of a running server, with one line in the log and the counts for each turn (OPS-10, CHAT-13).
enum ChatWiring {
    static func service(
        _ engine: Engine, _ station: Station, _ artifacts: ArtifactStore, _ settings: Configuration, _ limits: LimitsWiring, _ metrics: Metrics
    ) async throws -> ChatService {
        let meter = TurnMeter(metrics)
        let log = engine.log
        let models = AdapterModels(
            station.tools, standard: settings.chatModels, tokenizers: try await TokenizerFiles.read(settings.chatTokenizers))
        let service = ChatService(
            store: ConversationStore(database: station.database), loop: engine.loop, models: models,
            toolbox: RegistryTools(registry: station.registry, service: station.tools),
            artifacts: artifacts, budgets: limits.budgets(station.database),
            record: { record in
                meter.count(record)
                log.info("turn", Self.fields(record))
            }, complain: { what, cause in log.error("\(what)", [("cause", .string(cause))]) })
        let running = metrics.gauge("limen_turns_running", help: "Turns under way on this host.")
        metrics.beforeScrape { [turns = service.running] in running.set(Double(turns.count)) }
        return service
    }

    private static func fields(_ record: TurnRecord) -> [(String, JSONValue)] {
        [
            ("request_id", .string(record.requestID)), ("tenant", .string(record.tenant)), ("account", .string(record.account)),
            ("conversation", .string(record.conversation)), ("message", .string(record.message)), ("model", .string(record.model)),
            ("agent", record.agent.map { .string($0) } ?? .null), ("adapters", []),
            ("outcome", .string(record.outcome)), ("rounds", JSONValue(record.rounds)), ("tokens_in", JSONValue(record.usage.tokensIn)),
            ("tokens_out", JSONValue(record.usage.tokensOut)), ("tool_calls", JSONValue(record.usage.toolCalls)),
            ("wall_ms", JSONValue(record.usage.wallMilliseconds)), ("first_token_ms", record.firstTokenMilliseconds.map { JSONValue($0) } ?? .null),
        ]
    }
}

/// Turns in the scrape.
private struct TurnMeter: Sendable {
    private let turns: Counter
    private let tokens: Counter
    private let seconds: Histogram
    private let firstToken: Histogram

    init(_ metrics: Metrics) {
        turns = metrics.counter("limen_turns_total", help: "Turns that ended on this host, by outcome.", labels: ["outcome"])
        tokens = metrics.counter("limen_tokens_total", help: "Tokens of turns on this host.", labels: ["direction"])
        seconds = metrics.histogram(
            "limen_turn_seconds", help: "How long turns took on this host.", labels: [], buckets: [0.001, 0.01, 0.1, 1, 10, 60, 600])
        firstToken = metrics.histogram(
            "limen_turn_first_token_seconds", help: "From a turn's request to the first piece of its answer.", labels: [],
            buckets: [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30])
    }

    func count(_ record: TurnRecord) {
        turns.add(1, record.outcome)
        tokens.add(Double(record.usage.tokensIn), "in")
        tokens.add(Double(record.usage.tokensOut), "out")
        seconds.observe(Double(record.usage.wallMilliseconds) / 1000)
        if let milliseconds = record.firstTokenMilliseconds { firstToken.observe(milliseconds / 1000) }
    }
}
