package import JSON

/// Who did what to which object, with what result: identifiers only, no names, addresses or content (SPEC 6).
package struct AuditEntry: Sendable, Hashable {
    /// When, in milliseconds since 1970-01-01 UTC.
    package var atMilliseconds: Int64
    /// Id of the key or user that acted; `system` for the host itself.
    package var actor: String
    /// Id of the tenant it acted for.
    package var tenant: String
    /// What was done, as a dotted word: `tool.call`, `plugin.enable`, `sandbox.violation`.
    package var action: String
    /// The plugin, if one is concerned.
    package var plugin: String?
    /// The plugin's version.
    package var version: String?
    /// The tool's name.
    package var tool: String?
    /// Id of the call.
    package var callID: String?
    /// `ok`, or an error code of SPEC 12, or a kill reason.
    package var outcome: String
    /// One sentence for the operator.
    package var reason: String?
    /// More, as JSON of at most `StoreLimits.auditDetailsBytesMax` bytes; ids and numbers only.
    package var details: JSONObject?

    /// Makes an entry; the time defaults to now.
    package init(
        actor: String, tenant: String, action: String, plugin: String? = nil, version: String? = nil, tool: String? = nil,
        callID: String? = nil, outcome: String, reason: String? = nil, details: JSONObject? = nil,
        atMilliseconds: Int64 = StoreClock.nowMilliseconds()
    ) {
        (self.actor, self.tenant, self.action) = (actor, tenant, action)
        (self.plugin, self.version, self.tool, self.callID) = (plugin, version, tool, callID)
        (self.outcome, self.reason, self.details, self.atMilliseconds) = (outcome, reason, details, atMilliseconds)
    }
}

/// An entry as it stands in the log.
package struct AuditRecord: Sendable, Hashable {
    /// 1, 2, 3, … without gaps.
    package let seq: Int64
    /// What was recorded.
    package let entry: AuditEntry
    /// The hash before, which this one covers.
    package let previous: [UInt8]
    /// SHA-256 over the previous hash and this entry.
    package let hash: [UInt8]
}

/// What a verification of the chain found.
package struct AuditVerification: Sendable, Hashable {
    /// Entries that were checked, up to the first broken one.
    package let entriesChecked: Int64
    /// `seq` of the first entry that is missing, altered or out of order; nil when the chain is whole.
    package let brokenAt: Int64?
    /// What is wrong there.
    package let reason: String?
    /// The last good hash, for an operator to keep outside.
    package let headHash: [UInt8]

    /// Whether the chain is whole.
    package var isIntact: Bool { brokenAt == nil }
}
