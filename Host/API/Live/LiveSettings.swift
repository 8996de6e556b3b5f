package import Config
package import IO
import Identity
package import JSON
package import Store
package import Telemetry

/// The settings of the database, read from memory and kept true: this host reads again when it hears of a change, when it may have missed one, and every
/// few seconds whether something changed, so that a host that lost its channel follows too (LIM-5).
package final class LiveSettings: Sendable {
    /// What holds, worked out once a change.
    private struct Snapshot: Sendable {
        var revision: Int64 = -1
        var values: RuntimeValues
        var policies: [String: [LimitClass: RatePolicy]] = [:]
        /// Of tenants that somebody asked about since.
        var tenants: [String: [String: JSONValue]] = [:]
    }

    private let configured: [String: JSONValue]
    private let store: SettingStore?
    private let log: Log?
    private let snapshot: Lock<Snapshot>
    private let news = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))

    /// Follows a store; `configured` is what limen.json says. Nothing is read before `load`.
    package init(_ store: SettingStore, configured: [String: JSONValue] = [:], log: Log) {
        (self.store, self.configured, self.log) = (store, configured, log)
        snapshot = Lock(Self.snapshot(StoredSettings(), configured, revision: -1))
        store.observe { [news] in news.continuation.yield() }
    }

    /// Knows the defaults, and changes nothing.
    private init() {
        (store, configured, log) = (nil, [:], nil)
        snapshot = Lock(Self.snapshot(StoredSettings(), [:], revision: 0))
    }
    /// For a table that is only described.
    package static let none = LiveSettings()

    private static func snapshot(_ stored: StoredSettings, _ configured: [String: JSONValue], revision: Int64) -> Snapshot {
        let values = RuntimeValues(configured: configured, host: stored.host, plans: stored.plans)
        var found = Snapshot(revision: revision, values: values)
        for plan in values.planNames + [""] {
            let classes = LimitClass.allCases.map { ($0, RatePolicy($0, values, plan: plan.isEmpty ? nil : plan)) }
            found.policies[plan] = Dictionary(classes, uniquingKeysWith: { first, _ in first })
        }
        return found
    }

    /// Reads what the database says.
    package func load() async throws(StoreError) {
        guard let store else { return }
        let stored = try await store.read()
        let next = Self.snapshot(stored, configured, revision: stored.revision)
        snapshot.withLock { if stored.revision >= $0.revision { $0 = next } }
    }

    /// Follows changes until it is cancelled.
    package func keep(on loop: EventLoop) async throws {
        let stream = news.stream
        let listener = OwnedTask(on: loop) { [self] in for await _ in stream { await follow() } }
        defer { listener.cancel() }
        while true {
            try await loop.sleep(until: .after(milliseconds: Limits.settingsPollMilliseconds))
            await follow(onlyIfChanged: true)
        }
    }

    private func follow(onlyIfChanged: Bool = false) async {
        do {
            if onlyIfChanged, let store, try await store.revision() == snapshot.withLock({ $0.revision }) { return }
            try await load()
        } catch {
            log?.warning("the settings could not be read; those from before hold", [("cause", .string("\(error)"))])
        }
    }

    /// What holds.
    package var values: RuntimeValues { snapshot.withLock { $0.values } }

    /// A number that holds, for a plan if it has its own.
    package func integer(_ name: String, plan: String? = nil) -> Int { values.integer(name, plan: plan) }

    /// How often callers of a plan may ask.
    package func policy(_ limitClass: LimitClass, plan: String) -> RatePolicy {
        snapshot.withLock { $0.policies[plan]?[limitClass] ?? $0.policies[""]?[limitClass] } ?? .standard(limitClass)
    }

    /// What holds for a tenant: its own word, or the host's.
    package func value(_ name: String, tenant: String) async throws(StoreError) -> JSONValue {
        guard let setting = RuntimeSettings.named(name) else { preconditionFailure("there is no setting \(name)") }
        let (own, fallback) = (try await own(tenant)[name], values.value(setting))
        return own.map { setting.admits($0) ? $0 : fallback } ?? fallback
    }

    private func own(_ tenant: String) async throws(StoreError) -> [String: JSONValue] {
        guard let store else { return [:] }
        let (known, revision) = snapshot.withLock { ($0.tenants[tenant], $0.revision) }
        if let known { return known }
        let found = try await store.read(tenant: tenant)
        snapshot.withLock { snapshot in
            guard snapshot.revision == revision else { return }
            if snapshot.tenants.count >= Limits.settingsTenantsMax { snapshot.tenants.removeAll() }
            snapshot.tenants[tenant] = found
        }
        return found
    }
}

extension LiveSettings {
    func list(_ context: RequestContext) async throws(APIError) -> JSONValue {
        let isOperator = context.principal.role == .operatorOfHost
        let own = try await run { () async throws(StoreError) in try await self.own(context.principal.tenant) }
        let values = values
        let items = RuntimeSettings.all.filter { isOperator || $0.scope == .tenant }.map { setting -> JSONValue in
            let mine = setting.scope == .tenant ? own[setting.name].flatMap { setting.admits($0) ? $0 : nil } : nil
            let stored = mine ?? (setting.scope == .host ? values.stored(setting.name) : nil)
            return [
                "name": .string(setting.name), "value": stored ?? values.value(setting),
                "default": setting.scope == .tenant ? values.value(setting) : values.fallback(setting), "scope": .string(setting.scope.rawValue),
                "source": stored == nil ? "default" : "database", "unit": setting.unit.map { .string($0) } ?? .null,
                "summary": .string(setting.summary), "schema": setting.schema, "by_plan": .bool(setting.isByPlan),
            ]
        }
        return ["items": .array(items), "next_cursor": nil, "has_next": false]
    }

    /// Changes the host's settings and the caller's tenant's; what is not the caller's to change refuses all.
    func change(_ context: RequestContext) async throws(APIError) -> JSONValue {
        guard let store else { throw .unexpected }
        var (host, tenant): ([(name: String, value: JSONValue?)], [(name: String, value: JSONValue?)]) = ([], [])
        for (name, value) in context.body["settings"]?.objectValue ?? [:] {
            guard let setting = RuntimeSettings.named(name) else { throw .missing("setting") }
            let change = (name: name, value: value == .null ? nil : value)
            if setting.scope == .tenant { tenant.append(change) } else { host.append(change) }
        }
        guard host.isEmpty || context.principal.role == .operatorOfHost else {
            throw APIError(.forbidden, "\(host[0].name) is the host's: an operator decides it.", details: ["reason": "role"])
        }
        if let plan = tenant.first(where: { $0.name == "plan_default" })?.value?.stringValue { try check(plan: plan) }
        let (ofHost, ofTenant, principal, id) = (host, tenant, context.principal, context.requestID)
        try await run { () async throws(StoreError) in
            let changes = [SettingStore.Change(.host, ofHost), SettingStore.Change(.tenant(principal.tenant), ofTenant)]
            try await store.change(changes.filter { !$0.isEmpty }, by: principal.id, requestID: id)
            try await self.load()
        }
        return try await list(context)
    }

    /// - Throws: 400 for a plan that does not exist.
    func check(plan: String) throws(APIError) {
        guard values.planNames.contains(plan) else { throw .invalid("There is no plan of that name; see /v1/admin/plans.", reason: "plan") }
    }

    func history(_ context: RequestContext) async throws(APIError) -> JSONValue {
        guard let store else { throw .unexpected }
        let (limit, cursor) = context.page
        let tenant = context.principal.role == .operatorOfHost ? nil : context.principal.tenant
        let page = try await run { () async throws(StoreError) in try await store.history(tenant: tenant, cursor: cursor, limit: limit) }
        let items = page.items.map { record -> JSONValue in
            [
                "id": .string(record.id), "at": .string(Timestamp.text(milliseconds: record.atMilliseconds)), "actor": .string(record.actor),
                "plan": record.plan.map { .string($0) } ?? .null, "name": .string(record.name), "before": record.before ?? .null,
                "after": record.after ?? .null,
            ]
        }
        return ["items": .array(items), "next_cursor": page.nextCursor.map { .string($0) } ?? .null, "has_next": .bool(page.hasNext)]
    }

    func plans() -> JSONValue {
        let values = values
        return ["items": .array(values.planNames.map { Self.json($0, values) }), "next_cursor": nil, "has_next": false]
    }

    private static func json(_ plan: String, _ values: RuntimeValues) -> JSONValue {
        var (limits, own): (JSONObject, JSONObject) = ([:], [:])
        for setting in RuntimeSettings.all where setting.isByPlan {
            limits[setting.name] = values.value(setting, plan: plan)
            if let stored = values.stored(setting.name, plan: plan) { own[setting.name] = stored }
        }
        return ["name": .string(plan), "limits": .object(limits), "own": .object(own), "is_built_in": .bool(RuntimeSettings.plans[plan] != nil)]
    }

    func setPlan(_ context: RequestContext) async throws(APIError) -> JSONValue {
        guard let store else { throw .unexpected }
        let (name, principal, id) = (context.parameter("name"), context.principal, context.requestID)
        let changes = (context.body["limits"]?.objectValue ?? [:]).map { (name: $0.key, value: $0.value == .null ? nil : $0.value) }
        try await run { () async throws(StoreError) in
            try await store.change([.init(.plan(name), changes)], by: principal.id, requestID: id)
            try await self.load()
        }
        return Self.json(name, values)
    }

    func removePlan(_ context: RequestContext) async throws(APIError) -> JSONValue {
        guard let store else { throw .unexpected }
        let (name, principal, id) = (context.parameter("name"), context.principal, context.requestID)
        let (accounts, isRemoved) = try await run { () async throws(StoreError) in
            let accounts = RuntimeSettings.plans[name] == nil ? try await store.accounts(onPlan: name) : 0
            guard accounts == 0 else { return (accounts, false) }
            let isRemoved = try await store.remove(plan: name, by: principal.id, requestID: id)
            try await self.load()
            return (0, isRemoved)
        }
        guard accounts == 0 else {
            throw APIError(
                .conflict, "Accounts are on this plan: move them first.", details: ["reason": "in_use", "accounts": JSONValue(accounts)])
        }
        guard isRemoved else { throw .missing("plan") }
        return ["done": true]
    }

    private func run<Value>(_ act: () async throws(StoreError) -> Value) async throws(APIError) -> Value {
        do throws(StoreError) {
            return try await act()
        } catch {
            if error.code == .invalid { throw .invalid("The cursor is none that this list gave out.", reason: "cursor") }
            if case .limit = error.code { throw APIError(.conflict, "There are as many plans as can be.", details: ["reason": "plans_max"]) }
            log?.error("the settings could not use the store", [("cause", .string("\(error)"))])
            throw APIError(storing: error)
        }
    }
}

extension RatePolicy {
    /// What the settings say of a class.
    init(_ limitClass: LimitClass, _ values: RuntimeValues, plan: String?) {
        let (word, seconds) =
            switch limitClass {
            case .config, .guesses: ("\(limitClass.rawValue)_per_hour", 3600)
            case .frames: ("frames_per_second", 1)
            default: ("\(limitClass.rawValue)_per_minute", 60)
            }
        self.init(values.integer("rates.\(word)", plan: plan), perSeconds: seconds)
    }
}
