import API
import Chat
import Config
import Crypto
import IO
import Identity
import JSON
import Store
import Telemetry

/// Limits as a running server has them: settings of the database, buckets and places, in this process on SQLite and with the other hosts on PostgreSQL.
struct LimitsWiring: Sendable {
    /// How often buckets that are full again are removed.
    private static let sweepMilliseconds = 60_000

    let settings: LiveSettings
    let limiter: RateLimiter
    let leases: ConcurrencyLeases
    private let buckets: BucketStore?
    private let audit: AuditLog
    private let log: Log

    init(_ database: Database, _ configuration: Configuration, log: Log) async throws {
        let settings = LiveSettings(SettingStore(database: database), configured: configuration.runtime, log: log)
        try await settings.load()
        (self.settings, self.log) = (settings, log)
        audit = AuditLog(database: database)
        let isShared = database.kind == .postgres
        buckets = isShared ? BucketStore(database: database) : nil
        limiter = RateLimiter({ settings.policy($0, plan: $1) }, shared: buckets.map { SharedBuckets($0, log: log) })
        leases = ConcurrencyLeases(
            { settings.integer("concurrency.\($0.rawValue)", plan: $1) }, store: isShared ? LeaseStore(database: database) : nil, log: log)
    }

    /// What may be spent on models, by the settings `budget.…`.
    func budgets(_ database: Database) -> Budgets {
        Budgets(BudgetStore(database: database)) { [settings] plan in
            BudgetStore.Bounds(
                user: Int64(settings.integer("budget.user_micros_per_month", plan: plan)),
                tenant: Int64(settings.integer("budget.tenant_micros_per_month")))
        }
    }

    /// Milliseconds before a password may be tried for an account; nil when one may be now.
    func wait(for guess: Guess) async -> Int64? {
        // No address is kept, in memory or in the database.
        let account = Hex.encode(Array(SHA256.hash("\(guess.tenant.utf8.count) \(guess.tenant)\(guess.email)").bytes.prefix(16)))
        let key = RateKey(.guesses, tenant: guess.tenant, subject: account + (guess.knownNetwork.map { " \($0)" } ?? ""))
        let verdict = await limiter.draw(key, now: .now())
        return verdict.isAllowed ? nil : Int64(max(1, verdict.secondsUntilNext)) * 1000
    }

    /// Follows settings, renews places and removes what is over, until it is cancelled.
    func keep(on loop: EventLoop) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask(executorPreference: loop) { [settings] in try await settings.keep(on: loop) }
            if buckets != nil { group.addTask(executorPreference: loop) { [leases] in try await leases.keep(on: loop) } }
            group.addTask(executorPreference: loop) { try await sweep(on: loop) }
            try await group.waitForAll()
        }
    }

    private func sweep(on loop: EventLoop) async throws {
        while true {
            try await loop.sleep(until: .after(milliseconds: Self.sweepMilliseconds))
            do throws(StoreError) {
                try await buckets?.forget()
                try await prune()
            } catch {
                log.warning("limits could not be swept", [("cause", .string("\(error)"))])
            }
        }
    }

    /// Ends what the audit log kept longer than `audit.retention_days`.
    private func prune() async throws(StoreError) {
        let cutoff = StoreClock.nowMilliseconds() - Int64(settings.integer("audit.retention_days")) * 86_400_000
        let count = try await audit.prune(before: cutoff)
        if count > 0 { log.info("the audit log was pruned", [("entries", JSONValue(count))]) }
    }
}
