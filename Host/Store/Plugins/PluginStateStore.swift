/// A plugin's state to be noted.
package struct PluginStateEntry: Sendable, Hashable {
    /// The plugin.
    package let plugin: String
    /// A lifecycle state's raw value.
    package let state: String
    /// Why, when it is broken.
    package let reason: String?

    /// Names a plugin and its state.
    package init(plugin: String, state: String, reason: String?) {
        (self.plugin, self.state, self.reason) = (plugin, state, reason)
    }
}

/// A plugin's state as it was noted last.
package struct PluginStateRecord: Sendable, Hashable {
    /// What was noted.
    package let entry: PluginStateEntry
    /// When, in milliseconds since 1970-01-01 UTC.
    package let changedAt: Int64
    /// Id of who changed it.
    package let changedBy: String
}

/// A version that was approved, with the digests of what was approved.
package struct PluginVersionEntry: Sendable, Hashable {
    /// The plugin.
    package let plugin: String
    /// Its version.
    package let version: String
    /// SHA-256 of the bundle's plugin.json.
    package let bundleDigest: String
    /// SHA-256 of tool names, descriptions and schemas.
    package let descriptionDigest: String

    /// The tools as JSON, as `descriptionDigest` covers them; nil when they were not kept.
    package let tools: String?

    /// Names a version and its digests.
    package init(plugin: String, version: String, bundleDigest: String, descriptionDigest: String, tools: String? = nil) {
        (self.plugin, self.version) = (plugin, version)
        (self.bundleDigest, self.descriptionDigest, self.tools) = (bundleDigest, descriptionDigest, tools)
    }
}

/// What the host remembers of plugins beyond their files: state with reason, and which tool descriptions were approved.
package final class PluginStateStore: Sendable {
    private let database: Database

    /// Uses a database.
    package init(database: Database) { self.database = database }

    /// Who granted what when, of the same database.
    package var history: PluginHistory { PluginHistory(database: database) }

    /// The tools that were approved with a version, as JSON; nil when there was no approval or its tools were not kept.
    package func approvedTools(_ plugin: String, version: String) async throws(StoreError) -> String? {
        try await database.read { connection in
            try await connection.row("SELECT tools FROM plugin_version WHERE plugin = $1 AND version = $2", [.text(plugin), .text(version)])?
                .optionalText(0)
        }
    }

    /// Description digests by `plugin@version`.
    package func approvals() async throws(StoreError) -> [String: String] {
        try await database.read { connection in
            var approvals: [String: String] = [:]
            for row in try await connection.rows("SELECT plugin, version, description_sha256 FROM plugin_version") {
                approvals["\(try row.text(0))@\(try row.text(1))"] = try row.text(2)
            }
            return approvals
        }
    }

    /// Notes that a version was approved; the first approval of a version stands.
    package func approve(_ entry: PluginVersionEntry, by actor: String) async throws(StoreError) {
        try await database.write { connection in
            try await connection.execute(
                """
                INSERT INTO plugin_version (plugin, version, bundle_sha256, description_sha256, approved_at, approved_by, tools)
                VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (plugin, version) DO NOTHING
                """,
                [
                    .text(entry.plugin), .text(entry.version), .text(entry.bundleDigest), .text(entry.descriptionDigest),
                    .integer(StoreClock.nowMilliseconds()), .text(actor), SQLValue(entry.tools),
                ])
        }
    }

    /// Notes a plugin's state.
    package func note(_ entry: PluginStateEntry, by actor: String) async throws(StoreError) {
        try await database.write { connection in
            try await connection.execute(
                """
                INSERT INTO plugin_state (plugin, state, reason, changed_at, changed_by) VALUES ($1, $2, $3, $4, $5)
                ON CONFLICT (plugin) DO UPDATE SET
                    state = excluded.state, reason = excluded.reason, changed_at = excluded.changed_at, changed_by = excluded.changed_by
                """,
                [
                    .text(entry.plugin), .text(entry.state), SQLValue(entry.reason), .integer(StoreClock.nowMilliseconds()), .text(actor),
                ])
        }
    }

    /// What was noted last of each plugin, sorted by name.
    package func states() async throws(StoreError) -> [PluginStateRecord] {
        try await database.read { connection in
            try await connection.rows("SELECT plugin, state, reason, changed_at, changed_by FROM plugin_state ORDER BY plugin").map { row in
                PluginStateRecord(
                    entry: PluginStateEntry(plugin: try row.text(0), state: try row.text(1), reason: try row.optionalText(2)),
                    changedAt: try row.integer(3), changedBy: try row.text(4))
            }
        }
    }
}
