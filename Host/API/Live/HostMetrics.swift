package import HTTP
package import Store
import Supervisor
package import Telemetry
package import Tools
import Workers

/// What the host's services count, put into the scrape (SPEC 14, OPS-2).
package enum HostMetrics {
    /// Registers tools, workers and storage.
    package static func observe(tools: ToolService, database: Database, in metrics: Metrics) {
        observeTools(tools, in: metrics)
        observeWorkers(tools, in: metrics)
        observeTunnels(tools, in: metrics)
        let queued = metrics.gauge("limen_store_writes_queued", help: "Writes that wait for the database.")
        let lost = metrics.counter("limen_store_appends_lost_total", help: "Unawaited writes that failed since the start.")
        let late = database.replicaFallbacks.map { _ in
            metrics.counter("limen_store_replica_fallbacks_total", help: "Reads for the replica that the primary had to answer.")
        }
        metrics.beforeScrape {
            late?.raise(to: Double(database.replicaFallbacks ?? 0))
            queued.set(Double(database.writesQueued))
            lost.raise(to: Double(database.appendLosses.count))
        }
    }

    /// Registers what the HTTP server counts beneath the routes.
    package static func observe(_ server: HTTPServer, in metrics: Metrics) {
        let connections = metrics.gauge("limen_http_connections", help: "Open connections by state.", labels: ["state"])
        let accepted = metrics.counter("limen_http_connections_total", help: "Connections accepted since the start.")
        let bytes = metrics.counter("limen_http_bytes_total", help: "Bytes of requests and replies, without TLS.", labels: ["direction"])
        let rejections = metrics.counter(
            "limen_http_rejections_total", help: "Connections and requests turned away before a route had them, by reason.", labels: ["reason"])
        metrics.beforeScrape {
            let now = server.statistics
            connections.set(Double(now.idle), "idle")
            connections.set(Double(now.reading), "reading")
            // A WebSocket is being handled for as long as it lives.
            connections.set(Double(now.handling - now.webSockets), "handling")
            connections.set(Double(now.webSockets), "websocket")
            accepted.raise(to: Double(now.accepted))
            bytes.raise(to: Double(now.bytesIn), "in")
            bytes.raise(to: Double(now.bytesOut), "out")
            for reason in HTTPRejection.allCases { rejections.raise(to: Double(now.count(reason)), reason.label) }
        }
    }

    private static func observeTools(_ tools: ToolService, in metrics: Metrics) {
        let calls = metrics.counter("limen_tool_calls_total", help: "Tool calls that ended, by outcome.", labels: ["tool", "outcome"])
        let seconds = metrics.counter("limen_tool_call_seconds_total", help: "Wall time of tool calls.", labels: ["tool"])
        let retries = metrics.counter("limen_tool_retries_total", help: "Retries of tool calls.", labels: ["tool"])
        let breaker = metrics.gauge("limen_tool_breaker_open", help: "1 when the tool's breaker is open, 0.5 half-open.", labels: ["tool"])
        let inFlight = metrics.gauge("limen_tool_calls_in_flight", help: "Tool calls that run now.")
        metrics.beforeScrape {
            inFlight.set(Double(tools.callsInFlight))
            for entry in tools.entries {
                let counts = entry.counts
                for (outcome, count) in counts.outcomes { calls.raise(to: Double(count), entry.spec.id, outcome) }
                seconds.raise(to: Double(counts.wallMicroseconds) / 1e6, entry.spec.id)
                retries.raise(to: Double(counts.retries), entry.spec.id)
                switch entry.breakerPhase {
                case .closed: breaker.set(0, entry.spec.id)
                case .open: breaker.set(1, entry.spec.id)
                case .halfOpen: breaker.set(0.5, entry.spec.id)
                }
            }
        }
    }

    private static func observeTunnels(_ tools: ToolService, in metrics: Metrics) {
        guard let tunnels = tools.options.tunnels else { return }
        let open = metrics.gauge("limen_egress_tunnels", help: "Tunnels that are open now.", labels: ["plugin"])
        metrics.beforeScrape {
            for (plugin, count) in tunnels.open { open.set(Double(count), plugin) }
        }
    }

    private static func observeWorkers(_ tools: ToolService, in metrics: Metrics) {
        let workers = metrics.gauge("limen_workers", help: "Workers alive, by plugin and state.", labels: ["plugin", "state"])
        let started = metrics.counter("limen_worker_starts_total", help: "Workers that became ready.")
        let startSeconds = metrics.counter("limen_worker_start_seconds_total", help: "Time from asking for a worker to its being ready.")
        let ended = metrics.counter("limen_worker_ends_total", help: "Workers that ended, by reason.", labels: ["reason"])
        let violations = metrics.counter("limen_sandbox_violations_total", help: "Tripwires, by system call.", labels: ["syscall"])
        let states = ["spawning", "jailing", "loading", "ready", "busy", "cancelling", "draining", "killing", "dead"]
        metrics.beforeScrape {
            // Several versions of a plugin may have workers at once.
            let views = Dictionary(grouping: tools.workers.pools.map(\.view), by: \.plugin)
            for (plugin, pools) in views {
                for state in states { workers.set(Double(pools.reduce(0) { $0 + $1.workers.count { $0.state == state } }), plugin, state) }
            }
            let counts = tools.observer.counts
            started.raise(to: Double(counts.started))
            startSeconds.raise(to: Double(counts.startNanoseconds) / 1e9)
            for (reason, count) in counts.ended { ended.raise(to: Double(count), reason) }
            for (name, count) in counts.violations { violations.raise(to: Double(count), name) }
        }
    }
}

extension Counter {
    /// Brings the counter up to what a service has counted itself; a counter never falls.
    package func raise(to total: Double) { add(max(0, total - value())) }
    /// As above, of one label.
    package func raise(to total: Double, _ label: String) { add(max(0, total - value(label)), label) }
    /// As above, of two labels.
    package func raise(to total: Double, _ first: String, _ second: String) { add(max(0, total - value(first, second)), first, second) }
}
