package import Egress
package import JSON
import Store
package import Telemetry

/// The egress proxy, as the operator's routes and the scrape see it.
package struct LiveEgress: EgressReading {
    private let proxy: EgressProxy

    /// Reads from the proxy's own record.
    package init(_ proxy: EgressProxy) { self.proxy = proxy }

    package func decisions(limit: Int) -> [JSONValue] { proxy.records.latest(limit).map(Self.json) }

    package func status() -> JSONValue {
        let bytes = proxy.records.bytes
        return [
            "running": JSONValue(proxy.running), "idle_connections": JSONValue(proxy.idleConnections), "bytes_out": JSONValue(bytes.out),
            "bytes_in": JSONValue(bytes.in),
        ]
    }

    private static func json(_ record: EgressRecord) -> JSONValue {
        var object = JSONObject()
        object["at"] = .string(Timestamp.text(milliseconds: Int64(record.time) * 1000))
        for (name, value) in record.fields { object[name] = value }
        for name in ["status", "rule", "phase"] where object[name] == nil { object[name] = .null }
        return .object(object)
    }

    /// Registers what the proxy counts.
    package func observe(in metrics: Metrics) {
        let decisions = metrics.counter(
            "limen_egress_decisions_total", help: "Requests of plugins, by kind and outcome.", labels: ["kind", "outcome"])
        let bytes = metrics.counter(
            "limen_egress_bytes_total", help: "Bytes of plugins' requests and replies without heads, and through their tunnels.",
            labels: ["kind", "direction"])
        let running = metrics.gauge("limen_egress_requests_running", help: "Requests of plugins under way.")
        let idle = metrics.gauge("limen_egress_connections_idle", help: "Connections that are kept for the next request.")
        metrics.beforeScrape { [proxy] in
            for (name, count) in proxy.records.totals {
                let parts = name.split(separator: " ").map(String.init)
                decisions.raise(to: Double(count), parts[0], parts[1])
            }
            for (kind, sum) in proxy.records.bytesByKind {
                bytes.raise(to: Double(sum.out), kind, "out")
                bytes.raise(to: Double(sum.in), kind, "in")
            }
            running.set(Double(proxy.running))
            idle.set(Double(proxy.idleConnections))
        }
    }
}
