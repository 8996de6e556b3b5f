package import JSON

/// What one capability was, is to be, and whether that is more.
package struct CapabilityChange: Sendable, Hashable {
    /// Whether a plugin may do more than before.
    package enum Kind: String, Sendable, Hashable {
        /// It may do more, or is guarded less. A person has to agree.
        case wider
        /// It may do less.
        case narrower
        /// Nothing changes.
        case same
        /// Words changed, no power did.
        case changed
    }

    /// Such as `limit memory_bytes` or `tool render: timeout_ms`.
    package let capability: String
    /// What was granted before; nil for nothing.
    package let before: String?
    /// What is asked for now; nil for nothing.
    package let after: String?
    package let kind: Kind

    /// One object of the history's `changes`.
    package var json: JSONValue {
        [
            "capability": .string(capability), "before": before.map { .string($0) } ?? .null, "after": after.map { .string($0) } ?? .null,
            "change": .string(kind.rawValue),
        ]
    }

    /// `capability: before -> after`.
    package var text: String { "\(capability): \(before ?? "nothing") -> \(after ?? "nothing")" }
}

/// Every capability of two grants side by side.
///
/// The verdict errs on one side only: what cannot be shown to be within the earlier grant is wider. A claim that takes a guard away (a tool that no longer
/// calls itself destructive, output that no longer calls itself untrusted HTML, another publisher) is wider too.
package struct CapabilityDiff: Sendable, Hashable {
    /// In the order of the manifest's members.
    package let changes: [CapabilityChange]

    /// Compares what was granted, if anything was, with what is to be granted.
    package init(before: Manifest?, after: Manifest) {
        var builder = CapabilityDiffBuilder()
        builder.compare(before, after)
        changes = builder.changes
    }

    /// What needs a person's agreement.
    package var wider: [CapabilityChange] { changes.filter { $0.kind == .wider } }

    /// What is not the same as before.
    package var differences: [CapabilityChange] { changes.filter { $0.kind != .same } }

    /// The differences as the history keeps them.
    package var json: JSONValue { .array(differences.map(\.json)) }
}

/// Gathers the rows.
struct CapabilityDiffBuilder {
    private(set) var changes: [CapabilityChange] = []

    mutating func add(_ capability: String, _ before: String?, _ after: String?, _ kind: CapabilityChange.Kind) {
        changes.append(CapabilityChange(capability: capability, before: before, after: after, kind: kind))
    }

    mutating func compare(_ before: Manifest?, _ after: Manifest) {
        add("version", before?.version.description, after.version.description, before?.version == after.version ? .same : .changed)
        exact("publisher", before?.publisher, after.publisher)
        exact("kind", before?.kind.rawValue, after.kind.rawValue)
        compareTools(before?.tools ?? [], after.tools)
        set("adapter", before.map { Self.adapters($0) } ?? [], Self.adapters(after))
        ordered("isolation", before?.isolation, after.isolation) { $0.rawValue }
        state(before?.state, after.state)
        for field in PluginLimits.fields {
            number("limit \(field.name)", before.map { $0.limits[keyPath: field.path] }, after.limits[keyPath: field.path])
        }
        compareEgress(before?.egress ?? EgressGrant(), after.egress, isNew: before == nil)
        compareSecrets(before?.secrets ?? [], after.secrets)
        compareMounts(before?.mounts ?? [], after.mounts)
        set("system call", before?.syscalls ?? [], after.syscalls)
        if before?.config != after.config || before == nil {
            add("config", before.map { JSONValue.object($0.config).text }, JSONValue.object(after.config).text, before == nil ? .same : .changed)
        }
        if let before, before.configSchema != after.configSchema { add("config schema", "as it was", "another", .changed) }
    }

    private static func adapters(_ manifest: Manifest) -> [String] {
        manifest.adapters.flatMap { adapter in
            adapter.models.isEmpty ? [adapter.kind.rawValue] : adapter.models.map { "\(adapter.kind.rawValue) \($0)" }
        }
    }

    // MARK: Kinds of comparison

    /// Any difference is wider.
    mutating func exact(_ capability: String, _ before: String?, _ after: String) {
        add(capability, before, after, before == after ? .same : .wider)
    }

    /// More is wider; a value where there was none is wider.
    mutating func number(_ capability: String, _ before: Int?, _ after: Int) {
        ordered(capability, before, after) { String($0) }
    }

    mutating func ordered<Value: Comparable>(_ capability: String, _ before: Value?, _ after: Value, _ text: (Value) -> String) {
        let kind: CapabilityChange.Kind
        if let before { kind = after == before ? .same : after > before ? .wider : .narrower } else { kind = .wider }
        add(capability, before.map(text), text(after), kind)
    }

    /// Members that are new are wider, members that are gone narrower.
    mutating func set(_ capability: String, _ before: [String], _ after: [String]) {
        for item in after { add("\(capability) \(item)", before.contains(item) ? "granted" : nil, "granted", before.contains(item) ? .same : .wider) }
        for item in before where !after.contains(item) { add("\(capability) \(item)", "granted", nil, .narrower) }
    }

    private mutating func state(_ before: PluginStateUse?, _ after: PluginStateUse) {
        let kind: CapabilityChange.Kind = before == after ? .same : after == .keyValue ? .wider : before == nil ? .same : .narrower
        add("state", before?.rawValue, after.rawValue, kind)
    }
}
