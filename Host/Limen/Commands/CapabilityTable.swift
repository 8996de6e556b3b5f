import JSON
import Registry
import Workers

/// What a plugin asks for, as a person decides over it.
enum CapabilityTable {
    static func text(_ manifest: Manifest) -> String {
        var rows: [[String]] = [["plugin", "\(manifest.name) \(manifest.version) by \(manifest.publisher)"]]
        if !manifest.description.isEmpty { rows.append(["", manifest.description]) }
        for tool in manifest.tools { rows.append(["tool", "\(tool.name)\(tool.isPrivileged ? " (privileged)" : ""): \(tool.description)"]) }
        for adapter in manifest.adapters { rows.append(["adapter", adapter.kind.rawValue]) }
        rows.append(["isolation", manifest.isolation.rawValue])
        rows.append(["state", manifest.state.rawValue])
        rows += manifest.limits.json.map { ["limit", "\($0.key) \($0.value.text)"] }
        rows += network(manifest)
        rows += manifest.secrets.map { ["secret", $0.name] }
        rows += manifest.mounts.map { ["mount", "\($0.target) (read-only)"] }
        rows.append(["system calls", manifest.syscalls.isEmpty ? "the base list" : "the base list and \(manifest.syscalls.joined(separator: ", "))"])
        return TextTable.titled(["capability", "what \(manifest.name) asks for"], rows.map { $0.map(plain) })
    }

    /// What an upgrade changes, row by row.
    static func text(_ proposal: GrantProposal) -> String {
        let rows = proposal.diff.changes.map { change in
            // What somebody has to agree to is shown whole.
            [change.capability, change.before ?? "-", change.after ?? "-"].map { change.kind == .wider ? plain($0) : short($0) } + [
                change.kind.rawValue
            ]
        }
        return TextTable.titled(["capability", "granted before", "asked now", "change"], rows)
    }

    /// A stranger's words without what a terminal would obey.
    static func plain(_ text: String) -> String { text.printable(bytesMax: 4_096) }

    private static func short(_ text: String) -> String { text.printable(bytesMax: 60) }

    private static func network(_ manifest: Manifest) -> [[String]] {
        if manifest.egress.allow.isEmpty { return [["network", "none at all"]] }
        return manifest.egress.allow.map { rule in
            ["network", JSONValue.object(rule.json).text + (rule.isOpen ? " with hosts that you name (--hosts)" : "")]
        }
    }
}
