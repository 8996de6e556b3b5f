import Glibc
import JSON
package import IO

/// What the process and its loops look like from outside.
package enum RuntimeMetrics {
    /// Registers the event loops' lag and load, and reports turns that were too long to `log`.
    package static func observe(_ group: EventLoopGroup, in metrics: Metrics, log: Log) {
        let lag = metrics.gauge(
            "limen_event_loop_lag_seconds", help: "Longest time a loop was held since the last scrape.", labels: ["loop"])
        let busy = metrics.gauge("limen_event_loop_busy_seconds", help: "Time a loop has spent working.", labels: ["loop"])
        let long = metrics.gauge("limen_event_loop_long_turns", help: "Turns over 50 ms since the start.", labels: ["loop"])
        let descriptors = metrics.gauge("limen_event_loop_descriptors", help: "Descriptors a loop watches.", labels: ["loop"])
        for loop in group.loops {
            let name = String(loop.index)
            loop.statistics.reportLongTurns { milliseconds in
                log.warning("an event loop was held", [("loop", .string(name)), ("milliseconds", .number(.init(milliseconds)))])
            }
        }
        metrics.beforeScrape {
            for loop in group.loops {
                let name = String(loop.index)
                lag.set(Double(loop.statistics.takeWorstTurnNanoseconds()) / 1e9, name)
                busy.set(Double(loop.statistics.busyNanoseconds) / 1e9, name)
                long.set(Double(loop.statistics.longTurns), name)
                descriptors.set(Double(loop.statistics.registrations), name)
            }
        }
    }

    /// Registers queue depth, saturation and refusals of a blocking pool.
    package static func observe(_ pool: BlockingPool, in metrics: Metrics) { observe(pool: pool.name, in: metrics) { pool.metrics } }

    /// As above, for a pool that its owner keeps to itself; `look` tells what it is doing.
    package static func observe(pool name: String, in metrics: Metrics, _ look: @escaping @Sendable () -> BlockingPool.Metrics) {
        let queued = metrics.gauge("limen_pool_queued_jobs", help: "Jobs that wait for a pool thread.", labels: ["pool"])
        let running = metrics.gauge("limen_pool_running_jobs", help: "Jobs that a pool thread runs.", labels: ["pool"])
        let refused = metrics.gauge("limen_pool_refused_jobs", help: "Jobs refused because the queue was full.", labels: ["pool"])
        let abandoned = metrics.gauge("limen_pool_abandoned_jobs", help: "Jobs whose caller stopped waiting.", labels: ["pool"])
        let completed = metrics.gauge("limen_pool_completed_jobs", help: "Jobs that a pool thread has run.", labels: ["pool"])
        let waited = metrics.gauge("limen_pool_wait_seconds", help: "Time that jobs have waited for a thread.", labels: ["pool"])
        metrics.beforeScrape {
            let now = look()
            queued.set(Double(now.queued), name)
            running.set(Double(now.running), name)
            refused.set(Double(now.refused), name)
            abandoned.set(Double(now.abandoned), name)
            completed.set(Double(now.completed), name)
            waited.set(Double(now.waitNanoseconds) / 1e9, name)
        }
    }

    /// Registers what a resolver was asked and how it was answered, and its pool.
    package static func observe(_ resolver: Resolver, in metrics: Metrics) {
        observe(resolver.pool, in: metrics)
        let names = metrics.gauge("limen_resolver_names", help: "Questions for host names, by how they were answered.", labels: ["answer"])
        let entries = metrics.gauge("limen_resolver_cached_names", help: "Names whose answers are kept.")
        metrics.beforeScrape {
            let now = resolver.metrics
            names.set(Double(now.hits), "cache")
            names.set(Double(now.joined), "joined")
            names.set(Double(now.asked), "asked")
            names.set(Double(now.failed), "failed")
            entries.set(Double(now.entries))
        }
    }

    /// Registers resident memory, open descriptors and the start time.
    package static func observeProcess(in metrics: Metrics) {
        let memory = metrics.gauge("process_resident_memory_bytes", help: "Resident memory.")
        let descriptors = metrics.gauge("process_open_fds", help: "Open descriptors.")
        metrics.gauge("process_start_time_seconds", help: "When the process started, in Unix time.").set(Double(time(nil)))
        metrics.beforeScrape {
            if let bytes = residentBytes() { memory.set(Double(bytes)) }
            if let count = openDescriptors() { descriptors.set(Double(count)) }
        }
    }

    /// Resident memory of this process in bytes; nil when it cannot be read.
    package static func residentBytes() -> Int? {
        let fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
        guard fd >= 0 else { return nil }
        defer { close(fd) }
        var buffer = [UInt8](repeating: 0, count: 256)
        let count = read(fd, &buffer, buffer.count)
        guard count > 0 else { return nil }
        let fields = buffer[..<count].split(separator: 0x20)
        guard fields.count > 1, let pages = Int(String(decoding: fields[1], as: UTF8.self)) else { return nil }
        return pages * sysconf(Int32(_SC_PAGESIZE))
    }

    private static func openDescriptors() -> Int? {
        guard let directory = opendir("/proc/self/fd") else { return nil }
        defer { closedir(directory) }
        var count = 0
        while readdir(directory) != nil { count += 1 }
        // Not counted: `.`, `..` and the directory's own descriptor.
        return count - 3
    }
}
