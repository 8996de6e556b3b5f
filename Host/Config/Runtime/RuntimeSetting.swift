package import JSON

/// A setting that lives in the database and changes while the server runs (SPEC 1).
package struct RuntimeSetting: Sendable {
    /// Who decides it.
    package enum Scope: String, Sendable, Hashable {
        /// An operator, for the whole host.
        case host
        /// An admin, for one tenant; an operator for all that say nothing.
        case tenant
    }

    /// Name, kind, default and meaning, in the form of limen.json's settings.
    let setting: Setting
    /// Who decides it.
    package let scope: Scope
    /// Whether plans may have their own.
    package let isByPlan: Bool

    init(_ name: String, _ kind: Setting.Kind, _ fallback: JSONValue, of scope: Scope = .host, byPlan: Bool = false, _ summary: String) {
        setting = Setting(name, kind, fallback, summary)
        (self.scope, isByPlan) = (scope, byPlan)
    }

    /// Such as `rates.reads_per_minute`.
    package var name: String { setting.path.joined(separator: ".") }
    /// What it may be.
    package var kind: Setting.Kind { setting.kind }
    /// Its value where neither database nor limen.json says one.
    package var fallback: JSONValue { setting.fallback ?? .null }
    /// What it does, in one sentence.
    package var summary: String { setting.summary }

    /// What its number counts; nil for a text.
    package var unit: String? {
        switch kind {
        case .milliseconds: "ms"
        case .bytes: "bytes"
        case .integer:
            ["per_minute", "per_hour", "per_second", "micros_per_month", "days"].first { name.hasSuffix($0) }?.replacing("_", with: " ") ?? "count"
        default: nil
        }
    }

    /// The JSON Schema of a value.
    package var schema: JSONValue { .object(ConfigurationSchema.schema(of: setting)) }

    /// Whether a value is of its kind and in its range.
    package func admits(_ value: JSONValue) -> Bool {
        switch kind {
        case .integer(let range), .milliseconds(let range), .bytes(let range): value.intValue.map(range.contains) ?? false
        case .flag: value.boolValue != nil
        case .choice(let words): value.stringValue.map(words.contains) ?? false
        case .text(let bytesMax): value.stringValue.map { (1...bytesMax).contains($0.utf8.count) } ?? false
        case .list, .origins, .texts: false
        }
    }
}
