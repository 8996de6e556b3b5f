import IO
import JSON
import Synchronization
import Telemetry

/// Latency, errors, work under way by route, and why requests were turned away (OPS-2).
struct APIMetrics: Sendable {
    private let latency: Histogram
    private let requests: Counter
    private let rejections: Counter
    private let routes: [RouteMetrics]

    init(_ metrics: Metrics, routes table: [CompiledRoute]) {
        latency = metrics.histogram(
            "limen_http_request_seconds", help: "Time to answer, by route and class of status.", labels: ["method", "route", "status"])
        requests = metrics.counter("limen_http_requests_total", help: "Requests, by route and status.", labels: ["method", "route", "status"])
        rejections = metrics.counter("limen_http_refusals_total", help: "Requests that a route's checks turned away, by reason.", labels: ["reason"])
        let (latency, requests) = (latency, requests)
        let routes = table.map { RouteMetrics(method: $0.route.method, route: $0.template, latency, requests) }
        self.routes = routes
        let inFlight = metrics.gauge(
            "limen_http_requests_in_flight", help: "Requests that are being answered, by route.", labels: ["method", "route"])
        metrics.beforeScrape { for route in routes { inFlight.set(Double(route.inFlight.load(ordering: .relaxed)), route.method, route.route) } }
    }

    /// What is counted of a route.
    func of(_ route: CompiledRoute) -> RouteMetrics { routes[route.index] }

    /// Counts what no route answered.
    func finishUnmatched(_ started: Deadline, method: String, status: Int) {
        RouteMetrics(method: method, route: "unmatched", latency, requests).finish(started, status: status)
    }

    /// Counts a request that was turned away.
    func refuse(_ error: APIError) { rejections.add(1, error.refusalReason) }
}

/// What is counted of one route; the series are looked up once.
final class RouteMetrics: Sendable {
    let method: String
    let route: String
    /// Requests that are being answered, streams among them.
    let inFlight = Atomic<Int>(0)
    private let latency: Histogram
    private let requests: Counter
    private let series = Lock<[Int: (HistogramSeries, CounterSeries)]>([:])

    init(method: String, route: String, _ latency: Histogram, _ requests: Counter) {
        self.method = method
        self.route = route
        self.latency = latency
        self.requests = requests
    }

    func begin() { inFlight.add(1, ordering: .relaxed) }
    func end() { inFlight.subtract(1, ordering: .relaxed) }

    /// Counts a request whose answer stands.
    func finish(_ started: Deadline, status: Int) {
        let (seconds, count) = series(status)
        seconds.observe(Double(Deadline.now().nanoseconds &- started.nanoseconds) / 1e9)
        count.add()
    }

    private func series(_ status: Int) -> (HistogramSeries, CounterSeries) {
        series.withLock { series in
            if let known = series[status] { return known }
            let made = (latency.series(method, route, "\(status / 100)xx"), requests.series(method, route, String(status)))
            series[status] = made
            return made
        }
    }
}

/// A stream that is under way, or waits to be: it counts until the last reference to it goes, however that comes about.
final class StreamUnderWay: Sendable {
    private let metrics: RouteMetrics

    init(_ metrics: RouteMetrics) {
        self.metrics = metrics
        metrics.begin()
    }

    deinit { metrics.end() }
}

extension APIError {
    /// Why a request was turned away, as a metric's label: few words, never the client's.
    var refusalReason: String {
        switch status {
        case 401: "unauthorized"
        case 403: "forbidden"
        case 404: "not_found"
        case 405: "method"
        case 406: "not_acceptable"
        case 409: "conflict"
        case 412: "precondition"
        case 413: "too_large"
        case 415: "media_type"
        case 429: "rate_limited"
        case 503: details["reason"] == "memory" ? "memory" : "unavailable"
        case 500...: "error"
        default: "invalid"
        }
    }
}
