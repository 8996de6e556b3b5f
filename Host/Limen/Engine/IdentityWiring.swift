import Config
import IO
import Identity
import JSON
import Store
import Telemetry

/// Identity as a running server has it.
struct IdentityWiring: Sendable {
    /// Who issues access tokens, as they say.
    static let issuer = "limen"
    /// How often what is over is swept, and the keys are looked at.
    private static let sweepMilliseconds = 3_600_000

    let service: IdentityService
    private let outbox: Outbox
    private let vault: IdentityVault
    private let log: Log

    init(_ engine: Engine, _ station: Station, _ settings: Configuration, _ metrics: Metrics) async throws {
        let (desk, pool) = (try PasswordDesk(), try BlockingPool(name: "outbox", threads: 1, queueMax: 16))
        engine.atEnd {
            desk.close()
            pool.shutdown()
        }
        RuntimeMetrics.observe(pool: "password", in: metrics) { desk.metrics }
        let (stamp, log) = (try ChangeStamp(data: settings.data), engine.log)
        stamp.repair()
        outbox = Outbox(folder: "\(settings.data)/outbox", from: settings.identity.mailFrom, on: engine.loop, pool: pool) { cause in
            log.error("a letter could not be put into the outbox", [("cause", .string(cause))])
        }
        self.log = log
        vault = try await IdentityVault.open(station.secrets, issuer: Self.issuer, now: StoreClock.nowMilliseconds())
        var options = IdentityService.Options()
        options.isSignUpOpen = settings.identity.isSignUpOpen
        options.accessMilliseconds = Int64(settings.identity.accessMilliseconds)
        options.publicURL = settings.identity.publicURL
        service = IdentityService(
            database: station.database, desk: desk, vault: vault, post: outbox, memory: OwnerMemory { stamp.value() }, options: options)
    }

    /// Sweeps and rotates until it is cancelled.
    func keep(on loop: EventLoop) async throws {
        while true {
            do {
                let count = try await service.sweep()
                if count > 0 { log.info("identity was swept", [("rows", JSONValue(count))]) }
                try await vault.refresh(now: StoreClock.nowMilliseconds())
            } catch {
                log.error("identity could not be swept", [("cause", .string("\(error)"))])
            }
            try await loop.sleep(until: .after(milliseconds: Self.sweepMilliseconds))
        }
    }

    /// Writes the letters that wait.
    func close() async { await outbox.close() }
}
