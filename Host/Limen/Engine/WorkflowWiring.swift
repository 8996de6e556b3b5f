import API
import Artifacts
import JSON
import Store
import Telemetry
import Workflows

/// Workflows of a running server, with one line in the log and the counts for each run (WF-1).
enum WorkflowWiring {
    static func service(_ engine: Engine, _ station: Station, _ artifacts: ArtifactStore, _ metrics: Metrics) -> WorkflowService {
        let meter = RunMeter(metrics)
        let log = engine.log
        let service = WorkflowService(
            store: RunStore(database: station.database), source: ArtifactWorkflows(artifacts), loop: engine.loop,
            actions: { [registry = station.registry, tools = station.tools] caller in
                WorkflowTools(registry: registry, service: tools, caller: caller)
            },
            record: { record in
                meter.count(record)
                log.info("workflow", Self.fields(record))
            })
        let running = metrics.gauge("limen_workflow_runs_running", help: "Runs of workflows under way on this host.")
        metrics.beforeScrape { [runs = service.running] in running.set(Double(runs.count)) }
        return service
    }

    private static func fields(_ record: RunRecord) -> [(String, JSONValue)] {
        var fields: [(String, JSONValue)] = [
            ("run", .string(record.run)), ("request_id", .string(record.requestID)), ("tenant", .string(record.tenant)),
            ("account", .string(record.account)), ("workflow", .string(record.workflow)), ("version", JSONValue(record.version)),
            ("outcome", .string(record.outcome)), ("nodes", JSONValue(record.nodes)), ("calls", JSONValue(record.calls)),
            ("retries", JSONValue(record.retries)), ("timeouts", JSONValue(record.timeouts)), ("attempts", JSONValue(record.attempts)),
            ("wall_ms", JSONValue(record.wallMilliseconds)),
        ]
        if let failure = record.failure {
            fields += [("node", failure.node.map { .string($0) } ?? .null), ("reason", .string(failure.reason ?? failure.code.rawValue))]
        }
        return fields
    }
}

/// Runs in the scrape.
private struct RunMeter: Sendable {
    private let runs: Counter
    private let calls: Counter
    private let timeouts: Counter
    private let seconds: Histogram

    init(_ metrics: Metrics) {
        runs = metrics.counter("limen_workflow_runs_total", help: "Runs of workflows that ended on this host, by outcome.", labels: ["outcome"])
        calls = metrics.counter("limen_workflow_calls_total", help: "Calls that runs made, their further tries apart.", labels: ["try"])
        timeouts = metrics.counter("limen_workflow_timeouts_total", help: "Nodes of runs whose time was over.")
        seconds = metrics.histogram(
            "limen_workflow_run_seconds", help: "From a run's request to its end.", labels: [], buckets: [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 60, 600])
    }

    func count(_ record: RunRecord) {
        runs.add(1, record.outcome)
        calls.add(Double(record.calls), "first")
        calls.add(Double(record.retries), "further")
        timeouts.add(Double(record.timeouts))
        seconds.observe(Double(record.wallMilliseconds) / 1000)
    }
}
