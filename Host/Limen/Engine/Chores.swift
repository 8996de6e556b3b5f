import API
import Artifacts
import Chat
import Glibc
import IO
import Identity
import JSON
import Store
import Telemetry
import Workflows

/// The queue's work on this host, and the host's own periodic work, which goes through the queue too: it is done once however many hosts there are.
struct Chores: Sendable {
    /// How often what is over is removed.
    private static let sweepMilliseconds = 3_600_000
    /// How often runs that no host will end are looked for.
    private static let runsSweepMilliseconds = 300_000

    /// Somebody waits for a run, so a host that died is missed sooner than the queue would by itself; and many runs wait for slow tools at once.
    private static var caps: JobStore.Caps {
        var caps = JobStore.Caps()
        (caps.leaseMilliseconds, caps.running) = (15_000, 1_024)
        return caps
    }

    let jobs: JobStore
    private let runner: JobRunner
    private let log: Log
    private let meter: JobMeter
    private let loop: EventLoop
    private let isLocal: Bool

    init(
        _ engine: Engine, _ station: Station, _ identity: IdentityService, _ artifacts: ArtifactStore, _ workflows: WorkflowService,
        _ metrics: Metrics
    ) {
        let (jobs, log) = (JobStore(database: station.database, caps: Self.caps), engine.log)
        let requests = IdempotencyStore(database: station.database)
        let (conversations, budgets) = (ConversationStore(database: station.database), BudgetStore(database: station.database))
        let meter = JobMeter(metrics)
        (self.jobs, self.log, self.meter, loop) = (jobs, log, meter, engine.loop)
        isLocal = station.database.kind == .sqlite
        runner = JobRunner(
            jobs, name: Self.host,
            handlers: [
                "identity.sweep": { _ in
                    let count = try await identity.sweep()
                    if count > 0 { log.info("identity was swept", [("rows", JSONValue(count))]) }
                    return { _ in }
                },
                "idempotency.forget": { _ in
                    while try await requests.forget() > 0 { try Task.checkCancellation() }
                    return { _ in }
                },
                "chat.sweep": { _ in
                    while try await conversations.sweep() > 0 { try Task.checkCancellation() }
                    while try await budgets.sweep() > 0 { try Task.checkCancellation() }
                    return { _ in }
                },
                "artifact.sweep": { _ in
                    while try await artifacts.sweep() > 0 { try Task.checkCancellation() }
                    return { _ in }
                },
                RunStore.jobKind: { try await workflows.work(on: $0) },
                "workflow.sweep": { _ in
                    var counts = (removed: 0, lost: 0)
                    repeat {
                        counts = try await workflows.store.sweep()
                        if counts.lost > 0 { log.error("runs of workflows were given up", [("runs", JSONValue(counts.lost))]) }
                        try Task.checkCancellation()
                    } while counts.removed > 0 || counts.lost > 0
                    return { _ in }
                },
                "job.forget": { _ in
                    let moment = StoreClock.nowMilliseconds() - StoreLimits.jobsKeptMilliseconds
                    while try await jobs.forget(doneBeforeMilliseconds: moment) > 0 { try Task.checkCancellation() }
                    return { _ in }
                },
            ], workersByKind: [RunStore.jobKind: WorkflowLimits.runsPerHostMax], on: engine.loop,
            onTrouble: { cause in
                guard let cause else { return log.notice("the queue of jobs can be read again") }
                log.error("the queue of jobs cannot be read", [("cause", .string(cause))])
            }
        ) { end in
            meter.count(end)
            Self.note(end, in: log)
        }
    }

    /// This host as lists show it: its name and process.
    private static var host: String {
        var name = [CChar](repeating: 0, count: 256)
        guard gethostname(&name, name.count - 1) == 0 else { return "\(getpid())" }
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self) + ":\(getpid())"
    }

    private static func note(_ end: JobEnd, in log: Log) {
        let fields: [(String, JSONValue)] = [
            ("job", .string(end.job)), ("kind", .string(end.kind)), ("attempt", JSONValue(end.attempt)), ("outcome", .string(end.outcome.rawValue)),
            ("duration_ms", JSONValue(end.milliseconds)),
        ]
        guard let failure = end.failure else { return log.info("job", fields) }
        log.error("job", fields + [("cause", .string(failure))])
    }

    /// Works until `stop`; cancelled, it gives back what runs.
    func run() async {
        let counter = OwnedTask(on: loop) { [jobs, meter, log, loop] in
            while true {
                do { meter.show(try await jobs.counts()) } catch { log.error("the jobs could not be counted", [("cause", .string("\(error)"))]) }
                try await loop.sleep(until: .after(milliseconds: JobMeter.milliseconds))
            }
        }
        await takeBack()
        await register()
        await runner.run()
        counter.cancel()
        await counter.finish()
    }

    /// Begins no other job.
    func stop() { runner.stop() }

    /// Takes back at once what processes of this machine had that are gone: a file of SQLite's has no host but those of one machine. On a server others may be
    /// meant by the same name and number, and their leases decide.
    private func takeBack() async {
        guard isLocal else { return }
        do {
            let dead = try await jobs.busyWorkers().filter { !Self.isAlive($0) }
            let count = try await jobs.takeBack(from: dead)
            if count > 0 { log.notice("jobs of a process that is gone were taken back", [("jobs", JSONValue(count))]) }
        } catch {
            log.error("jobs of processes that are gone could not be taken back", [("cause", .string("\(error)"))])
        }
    }

    /// Whether a worker is another process of this machine that runs: one that hands over to us, say.
    private static func isAlive(_ worker: String) -> Bool {
        guard worker != host, let pid = worker.split(separator: ":").last.flatMap({ pid_t($0) }) else { return false }
        var place: [CChar] = [0]
        // What has ended and was not reaped yet still has its number, but no program (proc(5)).
        return readlink("/proc/\(pid)/exe", &place, 1) >= 0 || errno == EACCES
    }

    private func register() async {
        for kind in ["identity.sweep", "idempotency.forget", "chat.sweep", "artifact.sweep", "workflow.sweep", "job.forget"] {
            let milliseconds = kind == "workflow.sweep" ? Self.runsSweepMilliseconds : Self.sweepMilliseconds
            do {
                try await jobs.repeatEvery(milliseconds: milliseconds, kind, JobRequest(kind, tenant: "", owner: "system"))
            } catch {
                log.error("a periodic job could not be registered", [("kind", .string(kind)), ("cause", .string("\(error)"))])
            }
        }
    }
}
