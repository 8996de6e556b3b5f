internal import Crypto
package import JSON

/// Where a setting of the database belongs: to the host, a plan of it, or a tenant.
package struct SettingPlace: Sendable, Hashable {
    /// Of the host itself: no tenant can be called so.
    static let hostTenant = "@host"

    let tenant: String
    /// Empty where no plan is meant.
    let plan: String

    /// The whole host.
    package static let host = SettingPlace(tenant: hostTenant, plan: "")
    /// One plan, on the whole host.
    package static func plan(_ name: String) -> SettingPlace { SettingPlace(tenant: hostTenant, plan: name) }
    /// One tenant.
    package static func tenant(_ id: String) -> SettingPlace { SettingPlace(tenant: id, plan: "") }
}

/// What the database says of the host and its plans.
package struct StoredSettings: Sendable, Hashable {
    /// Grows with every change of any setting.
    package var revision: Int64 = 0
    package var host: [String: JSONValue] = [:]
    /// Every plan that somebody made, with what is its own.
    package var plans: [String: [String: JSONValue]] = [:]

    /// Says nothing.
    package init() {}
}

/// One change of one setting.
package struct SettingRecord: Sendable, Hashable {
    package let id: String
    package let atMilliseconds: Int64
    package let actor: String
    package let tenant: String?
    package let plan: String?
    package let name: String
    package let before: JSONValue?
    package let after: JSONValue?
}

/// Settings that change while servers run: their values, who changed them when, and the word to every host. What they mean is the caller's business.
package final class SettingStore: Sendable {
    /// What changes are announced as.
    package static let topic = "settings"
    private let database: Database

    /// Uses a database.
    package init(database: Database) { self.database = database }

    /// Calls `observer` whenever settings changed, here or on another host, or may have; it must be quick.
    package func observe(_ observer: @escaping @Sendable () -> Void) {
        database.observe { news in
            switch news {
            case .changed(let topic, _): if topic == Self.topic { observer() }
            case .gap: observer()
            }
        }
    }

    /// A number that grows with every change.
    package func revision() async throws(StoreError) -> Int64 { try await database.read { try await Self.revision($0) } }

    private static func revision(_ connection: any DatabaseConnection) async throws(StoreError) -> Int64 {
        guard let row = try await connection.row("SELECT revision FROM setting_state WHERE id = 1") else {
            throw StoreError(.corrupt, "the settings have no revision")
        }
        return try row.integer(0)
    }

    /// Everything that the database says of the host and its plans.
    package func read() async throws(StoreError) -> StoredSettings {
        try await database.read { connection in
            var found = StoredSettings()
            found.revision = try await Self.revision(connection)
            for row in try await connection.rows("SELECT name FROM plan ORDER BY name") { found.plans[try row.text(0)] = [:] }
            for row in try await connection.rows("SELECT plan, name, value FROM setting WHERE tenant = '@host'") {
                let (plan, name, value) = (try row.text(0), try row.text(1), try Self.value(row.text(2)))
                if plan.isEmpty { found.host[name] = value } else { found.plans[plan, default: [:]][name] = value }
            }
            return found
        }
    }

    /// What the database says of one tenant.
    package func read(tenant: String) async throws(StoreError) -> [String: JSONValue] {
        try await database.read { connection in
            var found: [String: JSONValue] = [:]
            for row in try await connection.rows("SELECT name, value FROM setting WHERE tenant = $1 AND plan = ''", [.text(tenant)]) {
                found[try row.text(0)] = try Self.value(row.text(1))
            }
            return found
        }
    }

    private static func value(_ text: String) throws(StoreError) -> JSONValue {
        do {
            return try JSONValue(parsing: Array(text.utf8))
        } catch {
            throw StoreError(.corrupt, "a setting is no JSON: \(error.message)")
        }
    }

    /// What changes in one place.
    package struct Change: Sendable {
        let place: SettingPlace
        let values: [(name: String, value: JSONValue?)]

        /// Whether it changes nothing.
        package var isEmpty: Bool { values.isEmpty }

        /// Sets values, or takes them back to their defaults (nil).
        package init(_ place: SettingPlace, _ values: [(name: String, value: JSONValue?)]) { (self.place, self.values) = (place, values) }
    }

    /// Changes settings, all in one transaction with their records; makes the plans that are named.
    package func change(
        _ changes: [Change], by actor: String, requestID: String?, nowMilliseconds now: Int64 = StoreClock.nowMilliseconds()
    ) async throws(StoreError) {
        try await database.write { connection in
            for change in changes {
                let place = change.place
                if !place.plan.isEmpty { try await Self.make(plan: place.plan, now, connection) }
                var details: JSONObject = place.plan.isEmpty ? [:] : ["plan": .string(place.plan)]
                for (name, value) in change.values {
                    let before = try await Self.set(name, value, place, actor, now, connection)
                    details[name] = ["before": before ?? .null, "after": value ?? .null]
                }
                try await Self.end("settings.change", place, details, actor, requestID, now, connection)
            }
        }
    }

    /// Removes a plan that somebody made, with what is its own; false when there is none.
    package func remove(
        plan: String, by actor: String, requestID: String?, nowMilliseconds now: Int64 = StoreClock.nowMilliseconds()
    ) async throws(StoreError) -> Bool {
        try await database.write { connection in
            let count = try await connection.execute("DELETE FROM plan WHERE name = $1", [.text(plan)])
            guard count > 0 else { return false }
            let rows = try await connection.rows(
                "DELETE FROM setting WHERE tenant = '@host' AND plan = $1 RETURNING name, value", [.text(plan)])
            for row in rows {
                try await Self.keep(row.text(0), try Self.value(row.text(1)), nil, .plan(plan), actor, now, connection)
            }
            try await Self.end("plan.remove", .plan(plan), ["plan": .string(plan)], actor, requestID, now, connection)
            return true
        }
    }

    /// Accounts that are on a plan, counted up to a thousand.
    package func accounts(onPlan plan: String) async throws(StoreError) -> Int {
        try await database.read { connection in
            try await connection.row("SELECT count(*) FROM (SELECT 1 FROM account WHERE plan = $1 LIMIT 1000) AS found", [.text(plan)])?.int(0) ?? 0
        }
    }

    private static func make(plan: String, _ now: Int64, _ connection: any DatabaseConnection) async throws(StoreError) {
        let count = try await connection.row("SELECT count(*) FROM plan WHERE name <> $1", [.text(plan)])?.int(0) ?? 0
        guard count < StoreLimits.plansMax else { throw StoreError(.limit("plans"), "\(count) plans are all there can be") }
        try await connection.execute(
            "INSERT INTO plan (name, created_at) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING", [.text(plan), .integer(now)])
    }

    /// Sets one value; what was there.
    private static func set(
        _ name: String, _ value: JSONValue?, _ place: SettingPlace, _ actor: String, _ now: Int64, _ connection: any DatabaseConnection
    ) async throws(StoreError) -> JSONValue? {
        let key: [SQLValue] = [.text(place.tenant), .text(place.plan), .text(name)]
        let row = try await connection.row("SELECT value FROM setting WHERE tenant = $1 AND plan = $2 AND name = $3", key)
        let before = try row.map { row throws(StoreError) in try Self.value(row.text(0)) }
        if let value {
            try await connection.execute(
                """
                INSERT INTO setting (tenant, plan, name, value) VALUES ($1, $2, $3, $4)
                ON CONFLICT (tenant, plan, name) DO UPDATE SET value = excluded.value
                """, key + [.text(value.text)])
        } else {
            try await connection.execute("DELETE FROM setting WHERE tenant = $1 AND plan = $2 AND name = $3", key)
        }
        if before != value { try await keep(name, before, value, place, actor, now, connection) }
        return before
    }

    private static func keep(
        _ name: String, _ before: JSONValue?, _ after: JSONValue?, _ place: SettingPlace, _ actor: String, _ now: Int64,
        _ connection: any DatabaseConnection
    ) async throws(StoreError) {
        try await connection.execute(
            "INSERT INTO setting_change (id, at, actor, tenant, plan, name, before, after) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            [
                .text(UUIDv7.make()), .integer(now), .text(actor), .text(place.tenant), .text(place.plan), .text(name), SQLValue(before?.text),
                SQLValue(after?.text),
            ])
    }

    /// The audit entry, the revision, the word to all.
    private static func end(
        _ action: String, _ place: SettingPlace, _ details: JSONObject, _ actor: String, _ requestID: String?, _ now: Int64,
        _ connection: any DatabaseConnection
    ) async throws(StoreError) {
        try await connection.execute("UPDATE setting_state SET revision = revision + 1 WHERE id = 1")
        try await connection.announce(topic, "")
        let entry = AuditEntry(
            actor: actor, tenant: place.tenant, action: action, callID: requestID, outcome: "ok", details: details, atMilliseconds: now)
        try await AuditLog.note(entry, within: connection)
    }

    /// Changes of the host's settings or of a tenant's, newest first.
    package func history(tenant: String?, cursor: String?, limit: Int?) async throws(StoreError) -> Page<SettingRecord> {
        let count = try PageCursor.limit(limit)
        let before = try cursor.map { text throws(StoreError) in try PageCursor.decode(text) } ?? "~"
        let found = try await database.read { connection in
            try await connection.rows(
                """
                SELECT id, at, actor, plan, name, before, after FROM setting_change
                WHERE tenant = $1 AND id < $2 ORDER BY id DESC LIMIT $3
                """, [.text(tenant ?? SettingPlace.hostTenant), .text(before), SQLValue(count + 1)]
            ).map { row in
                SettingRecord(
                    id: try row.text(0), atMilliseconds: try row.integer(1), actor: try row.text(2), tenant: tenant,
                    plan: try row.text(3).isEmpty ? nil : try row.text(3), name: try row.text(4),
                    before: try row.optionalText(5).map { try Self.value($0) }, after: try row.optionalText(6).map { try Self.value($0) })
            }
        }
        return Page(found, limit: count) { $0.id }
    }
}
