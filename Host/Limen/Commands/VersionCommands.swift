import API
import JSON
import Registry
import Store

/// What an operator does with a plugin's versions.
enum VersionCommands {
    /// `limen plugin rollback NAME`
    static func rollback(_ arguments: Arguments) throws -> Int32 {
        let (name, place) = try OperatorCommands.named(arguments)
        let turn = try OperatorCommands.withRegistry(place, keepsHistory: true) { registry, _ in try await registry.rollback(name, by: place.actor) }
        try OperatorCommands.check(turn.outcomes, of: name)
        Output.print(changes(turn) + "\(name) \(turn.version) is back in the place of \(turn.from)\n")
        return 0
    }

    /// `limen plugin promote NAME`
    static func promote(_ arguments: Arguments) throws -> Int32 {
        let (name, place) = try OperatorCommands.named(arguments)
        let turn = try OperatorCommands.withRegistry(place, keepsHistory: true) { registry, _ in try await registry.promote(name, by: place.actor) }
        try OperatorCommands.check(turn.outcomes, of: name)
        Output.print(changes(turn) + "\(name) \(turn.version) gets all calls in the place of \(turn.from)\n")
        return 0
    }

    private static func changes(_ turn: Registry.Turn) -> String {
        turn.diff.differences.map { "\($0.kind.rawValue.padded(10))" + CapabilityTable.plain($0.text) + "\n" }.joined()
    }

    /// `limen plugin history NAME`
    static func history(_ arguments: Arguments) throws -> Int32 {
        let limit = try arguments.integer("limit", in: 1...StoreLimits.pageMax)
        let (name, place) = try OperatorCommands.named(arguments)
        let page = try OperatorCommands.withRegistry(place, keepsHistory: true) { registry, _ in try await registry.history(name, limit: limit) }
        guard !page.items.isEmpty else { throw CommandError("there is no history of \(name)") }
        let rows = page.items.map { record -> [String] in
            let entry = record.entry
            return [
                Timestamp.text(milliseconds: record.atMilliseconds), entry.actor, entry.action, entry.version,
                entry.bundleDigest.map { String($0.prefix(12)) } ?? "-", summary(entry),
            ]
        }
        Output.print(TextTable.titled(["when", "who", "did", "version", "bundle", "what changed"], rows))
        if page.hasNext { Output.print("older rows: GET /v1/admin/plugins/\(name)/history\n") }
        return 0
    }

    /// What was widened and narrowed, in words; everything of a first grant is new, and its manifest says it better.
    private static func summary(_ entry: PluginGrantEntry) -> String {
        if let reason = entry.reason { return CapabilityTable.plain(reason) }
        if entry.action == "install" { return "granted for the first time" }
        let changes = entry.changes.arrayValue ?? []
        let texts = changes.filter { $0["capability"]?.stringValue != "version" }.map { change in
            let before = change["before"]?.stringValue ?? "nothing"
            let after = change["after"]?.stringValue ?? "nothing"
            let shown = change["change"]?.stringValue == "changed" ? "" : ": \(before) -> \(after)"
            return CapabilityTable.plain("\(change["change"]?.stringValue ?? "") \(change["capability"]?.stringValue ?? "")\(shown)")
        }
        return texts.isEmpty ? "no grant" : texts.joined(separator: "; ")
    }
}

extension String {
    /// The text with blanks behind it up to that width.
    fileprivate func padded(_ width: Int) -> String { self + String(repeating: " ", count: max(1, width - count)) }
}
