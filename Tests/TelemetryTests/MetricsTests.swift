import IO
import Telemetry
import Testing

@Suite struct MetricsTests {
    @Test("counters, gauges and histograms come out as Prometheus text 0.0.4 (OPS-2)")
    func exposition() {
        let metrics = Metrics()
        let calls = metrics.counter("calls_total", help: "Calls.\nAll of them.", labels: ["tool", "outcome"])
        calls.add(1, "calc.add", "ok")
        calls.add(2, "a\"b\\c\nd", "ok")
        metrics.gauge("depth", help: "Depth.").set(1.5)
        let latency = metrics.histogram("latency_seconds", help: "Latency.", buckets: [0.1, 1])
        for value in [0.05, 0.1, 0.5, 2, .nan] { latency.observe(value) }
        #expect(
            metrics.exposition() == """
                # HELP calls_total Calls.\\nAll of them.
                # TYPE calls_total counter
                calls_total{tool="a\\"b\\\\c\\nd",outcome="ok"} 2
                calls_total{tool="calc.add",outcome="ok"} 1
                # HELP depth Depth.
                # TYPE depth gauge
                depth 1.5
                # HELP latency_seconds Latency.
                # TYPE latency_seconds histogram
                latency_seconds_bucket{le="0.1"} 2
                latency_seconds_bucket{le="1"} 3
                latency_seconds_bucket{le="+Inf"} 4
                latency_seconds_sum 2.65
                latency_seconds_count 4

                """)
    }

    @Test("label sets are bounded: what is too much counts as _other")
    func cardinality() {
        let metrics = Metrics()
        let counter = metrics.counter("hits_total", help: "Hits.", labels: ["path"])
        for index in 0..<(TelemetryLimits.seriesMax + 500) { counter.add(1, "/\(index)") }
        counter.add(1, "/0")
        #expect(counter.value("_other") == 500)
        #expect(counter.value("/0") == 2)
        #expect(metrics.exposition().split(separator: "\n").count == TelemetryLimits.seriesMax + 3)
    }

    @Test("a metric is one, however often it is asked for")
    func same() {
        let metrics = Metrics()
        metrics.counter("a_total", help: "A.").add()
        metrics.counter("a_total", help: "A.").add(2)
        #expect(metrics.counter("a_total", help: "A.").value() == 3)
    }

    @Test("no count is lost between threads (OPS-7)")
    func threads() async {
        let metrics = Metrics()
        let counter = metrics.counter("n_total", help: "N.", labels: ["k"])
        let latency = metrics.histogram("l", help: "L.")
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<8 {
                group.addTask {
                    for _ in 0..<2000 {
                        counter.add(1, "\(task % 2)")
                        latency.observe(0.1)
                    }
                }
            }
        }
        #expect(counter.value("0") + counter.value("1") == 16_000)
        #expect(latency.count() == 16_000)
    }

    @Test("loops, pools and the process are seen from outside (OPS-2)")
    func runtime() async throws {
        let group = try EventLoopGroup(count: 2)
        let pool = try BlockingPool(name: "test", threads: 1, queueMax: 1)
        let metrics = Metrics()
        RuntimeMetrics.observe(group, in: metrics, log: Log())
        RuntimeMetrics.observe(pool, in: metrics)
        let resolver = try Resolver(on: group.loops[0])
        _ = try await OwnedTask(on: group.loops[0]) { try await resolver.addresses(of: "localhost", port: 1) }.value
        RuntimeMetrics.observe(resolver, in: metrics)
        RuntimeMetrics.observeProcess(in: metrics)
        // A job counts as completed a moment after its caller has the answer; when the threads have ended it certainly does.
        resolver.close()
        let text = metrics.exposition()
        for name in [
            "limen_event_loop_lag_seconds{loop=\"1\"}", "limen_event_loop_long_turns{loop=\"0\"}", "limen_pool_queued_jobs{pool=\"test\"} 0",
            "process_resident_memory_bytes ", "process_open_fds ", "limen_pool_completed_jobs{pool=\"resolver\"} 1",
            "limen_resolver_names{answer=\"asked\"} 1", "limen_resolver_cached_names 1",
        ] {
            #expect(text.contains("\n" + name), "\(name)")
        }
        #expect(metrics.gauge("process_resident_memory_bytes", help: "").value() > 1_000_000)
        pool.shutdown()
        await group.shutdown()
    }
}
