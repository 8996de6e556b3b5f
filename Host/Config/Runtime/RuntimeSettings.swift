package import JSON

/// Every setting of the database there is: the check, the OpenAPI document and the reference are made from this table (CFG-5, LIM-5).
package enum RuntimeSettings {
    private static let rates = 1...1_000_000_000
    private static let days: Int = 86_400_000
    /// Micro-units that nobody spends in a month: no budget, and yet a number with an end.
    private static let plenty = 1_000_000_000_000_000

    /// The table, in the order of the reference.
    package static let all: [RuntimeSetting] = perCaller + perHost + perPlan + perTenant

    private static let perCaller: [RuntimeSetting] = [
        RuntimeSetting("rates.reads_per_minute", .integer(rates), 600, byPlan: true, "Requests of one caller that read."),
        RuntimeSetting("rates.writes_per_minute", .integer(rates), 120, byPlan: true, "Requests of one caller that change something."),
        RuntimeSetting("rates.tools_per_minute", .integer(rates), 120, byPlan: true, "Tool calls of one caller."),
        RuntimeSetting("rates.chat_per_minute", .integer(rates), 60, byPlan: true, "Chat turns of one caller."),
        RuntimeSetting("rates.upload_per_minute", .integer(rates), 10, byPlan: true, "Uploads of one caller."),
        RuntimeSetting("rates.voice_per_minute", .integer(rates), 20, byPlan: true, "Transcriptions and syntheses of one caller."),
        RuntimeSetting("rates.config_per_hour", .integer(rates), 30, byPlan: true, "Changes of configuration by one caller."),
        RuntimeSetting("rates.frames_per_second", .integer(1...1_000_000), 20, "Messages that one WebSocket may send."),
    ]

    private static let perHost: [RuntimeSetting] = [
        RuntimeSetting(
            "rates.login_per_minute", .integer(rates), 10, "Sign-ins, codes, resets and other uses of passwords of one address or caller."),
        RuntimeSetting(
            "rates.operations_per_minute", .integer(rates), 60_000, "Requests of one address for health, readiness, metrics and OpenAPI."),
        RuntimeSetting(
            "rates.strangers_per_minute", .integer(rates), 120, "Requests of one address without a valid key; beyond them 429 instead of 401."),
        RuntimeSetting("rates.shares_per_minute", .integer(rates), 60, "Requests through share links: of one address, and of one link."),
        RuntimeSetting("rates.shares_of_owner_per_minute", .integer(rates), 600, "Requests through all share links of one owner."),
        RuntimeSetting(
            "rates.providers_per_minute", .integer(rates), 600, "Requests of this host to one provider of models or sign-in."),
        RuntimeSetting(
            "rates.guesses_per_hour", .integer(rates), 20,
            "Passwords tried for one account from addresses that never signed in to it; an address that did has as many of its own."),
        RuntimeSetting("audit.retention_days", .integer(1...36_500), 730, "How long an audit entry is kept before it is pruned to an anchor."),
    ]

    private static let perPlan: [RuntimeSetting] = [
        RuntimeSetting(
            "sessions.web_idle_ms", .milliseconds(300_000...30 * days), JSONValue(7 * days), byPlan: true, "How long a session lives without use."),
        RuntimeSetting(
            "sessions.mobile_idle_ms", .milliseconds(300_000...30 * days), JSONValue(days), byPlan: true, "The same on a mobile device."),
        RuntimeSetting("concurrency.workflows", .integer(1...1_000), 3, byPlan: true, "Workflows of one user that run at once."),
        RuntimeSetting("concurrency.decodes", .integer(1...1_000), 2, byPlan: true, "Answers of models that one user receives at once."),
        RuntimeSetting("concurrency.exports", .integer(1...1_000), 1, byPlan: true, "Exports that one user receives at once."),
        RuntimeSetting("storage.upload_bytes", .bytes(1_024...(1 << 40)), JSONValue(25 << 20), byPlan: true, "Bytes of one uploaded file."),
        RuntimeSetting("storage.total_bytes", .bytes(1_024...(1 << 50)), JSONValue(1 << 30), byPlan: true, "Bytes of all files of one user."),
        RuntimeSetting(
            "budget.user_micros_per_month", .integer(1...plenty), JSONValue(plenty), byPlan: true, "What one user may spend on models in a month."),
    ]

    private static let perTenant: [RuntimeSetting] = [
        RuntimeSetting("sign_up", .choice(["open", "closed"]), "open", of: .tenant, "Whether strangers may make accounts; admins always may."),
        RuntimeSetting("plan_default", .text(bytesMax: 64), "free", of: .tenant, "The plan of a new account."),
        RuntimeSetting(
            "budget.tenant_micros_per_month", .integer(1...plenty), JSONValue(plenty), "What one tenant may spend on models in a month."),
    ]

    /// Plans that are there without anybody making them, and what is their own.
    package static let plans: [String: [String: JSONValue]] = [
        "free": [:], "paid": ["storage.upload_bytes": JSONValue(200 << 20), "storage.total_bytes": JSONValue(50 << 30)],
    ]

    private static let byName = Dictionary(all.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })

    /// The setting of a name.
    package static func named(_ name: String) -> RuntimeSetting? { byName[name] }

    /// The schema of a change: each name with its value, or null for its default again; no other name, and one at least.
    package static func changeSchema(_ isMeant: (RuntimeSetting) -> Bool = { _ in true }) -> JSONValue {
        var properties = JSONObject()
        for setting in all where isMeant(setting) { properties[setting.name] = ["anyOf": [setting.schema, ["type": "null"]]] }
        return ["type": "object", "properties": .object(properties), "additionalProperties": false]
    }

    /// A Markdown table: setting, who decides, what it may be, default, meaning.
    package static func markdown() -> String {
        var lines = ["| setting | of | value | default | meaning |", "|---|---|---|---|---|"]
        for setting in all {
            let of = setting.scope == .tenant ? "tenant" : setting.isByPlan ? "host, plan" : "host"
            lines.append(
                "| `\(setting.name)` | \(of) | \(ConfigurationReference.range(setting.kind)) | `\(setting.fallback.text)` | \(setting.summary) |")
        }
        return lines.joined(separator: "\n") + "\n"
    }
}

/// What is in force: the database over limen.json over the table. A value that is not of its setting's kind any more counts for nothing.
package struct RuntimeValues: Sendable {
    private let configured: [String: JSONValue]
    private let host: [String: JSONValue]
    private let plans: [String: [String: JSONValue]]

    /// `configured` is limen.json's, by name; `host` and `plans` are the database's.
    package init(configured: [String: JSONValue] = [:], host: [String: JSONValue] = [:], plans: [String: [String: JSONValue]] = [:]) {
        (self.configured, self.host, self.plans) = (configured, Self.sound(host), plans.mapValues(Self.sound))
    }

    private static func sound(_ values: [String: JSONValue]) -> [String: JSONValue] {
        values.filter { name, value in RuntimeSettings.named(name)?.admits(value) ?? false }
    }

    /// Names of all plans.
    package var planNames: [String] { Set(RuntimeSettings.plans.keys).union(plans.keys).sorted() }

    /// What the database says of a plan or, without one, of the host.
    package func stored(_ name: String, plan: String? = nil) -> JSONValue? { plan.map { plans[$0]?[name] } ?? host[name] }

    /// What would hold if the database said nothing of it.
    package func fallback(_ setting: RuntimeSetting, plan: String? = nil) -> JSONValue {
        if let plan, setting.isByPlan { return RuntimeSettings.plans[plan]?[setting.name] ?? value(setting) }
        return configured[setting.name] ?? setting.fallback
    }

    /// What holds, for a plan if one is named.
    package func value(_ setting: RuntimeSetting, plan: String? = nil) -> JSONValue {
        guard let plan, setting.isByPlan else { return host[setting.name] ?? fallback(setting) }
        return plans[plan]?[setting.name] ?? fallback(setting, plan: plan)
    }

    /// A number that holds. A name that is none of the table's is a programmer's error and traps.
    package func integer(_ name: String, plan: String? = nil) -> Int {
        guard let setting = RuntimeSettings.named(name), let number = value(setting, plan: plan).intValue else {
            preconditionFailure("there is no number \(name)")
        }
        return number
    }
}
