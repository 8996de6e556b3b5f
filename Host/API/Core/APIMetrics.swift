import IO
import Telemetry

/// Latency and errors by route (OPS-2).
struct APIMetrics: Sendable {
    private let latency: Histogram
    private let requests: Counter

    init(_ metrics: Metrics) {
        latency = metrics.histogram("limen_http_request_seconds", help: "Time to answer, by route.", labels: ["method", "route"])
        requests = metrics.counter("limen_http_requests_total", help: "Requests, by route and status.", labels: ["method", "route", "status"])
    }

    func start() -> Deadline { Deadline.now() }

    func finish(_ started: Deadline, method: String, route: String, status: Int) {
        let seconds = Double(Deadline.now().nanoseconds &- started.nanoseconds) / 1e9
        latency.observe(seconds, method, route)
        requests.add(1, method, route, String(status))
    }
}
