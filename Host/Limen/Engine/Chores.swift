import API
import Artifacts
import Chat
import Glibc
import IO
import Identity
import JSON
import Store
import Telemetry

/// The queue's work on this host, and the host's own periodic work, which goes through the queue too: it is done once however many hosts there are.
struct Chores: Sendable {
    /// How often what is over is removed.
    private static let sweepMilliseconds = 3_600_000

    let jobs: JobStore
    private let runner: JobRunner
    private let log: Log
    private let meter: JobMeter
    private let loop: EventLoop

    init(_ engine: Engine, _ station: Station, _ identity: IdentityService, _ artifacts: ArtifactStore, _ metrics: Metrics) {
        let (jobs, log) = (JobStore(database: station.database), engine.log)
        let requests = IdempotencyStore(database: station.database)
        let conversations = ConversationStore(database: station.database)
        let meter = JobMeter(metrics)
        (self.jobs, self.log, self.meter, loop) = (jobs, log, meter, engine.loop)
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
                    return { _ in }
                },
                "artifact.sweep": { _ in
                    while try await artifacts.sweep() > 0 { try Task.checkCancellation() }
                    return { _ in }
                },
                "job.forget": { _ in
                    let moment = StoreClock.nowMilliseconds() - StoreLimits.jobsKeptMilliseconds
                    while try await jobs.forget(doneBeforeMilliseconds: moment) > 0 { try Task.checkCancellation() }
                    return { _ in }
                },
            ], on: engine.loop,
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
        await register()
        await runner.run()
        counter.cancel()
        await counter.finish()
    }

    /// Begins no other job.
    func stop() { runner.stop() }

    private func register() async {
        for kind in ["identity.sweep", "idempotency.forget", "chat.sweep", "artifact.sweep", "job.forget"] {
            do {
                try await jobs.repeatEvery(milliseconds: Self.sweepMilliseconds, kind, JobRequest(kind, tenant: "", owner: "system"))
            } catch {
                log.error("a periodic job could not be registered", [("kind", .string(kind)), ("cause", .string("\(error)"))])
            }
        }
    }
}
