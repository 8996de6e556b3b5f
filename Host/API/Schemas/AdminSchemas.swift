import JSON

extension Schemas {
    /// A plugin as the operator sees it.
    static let plugin: JSONValue = object(
        [
            "name": text, "version": text,
            "state": ["enum": ["discovered", "verified", "enabled", "warming", "ready", "draining", "broken", "disabled", "removed"]],
            "reason": textOrNull, "enabled": flag, "isolation": ["enum": ["call", "user", "tenant", "shared"]],
            "tools": ["type": "array", "items": text], "limits": anyObject, "sha256": textOrNull, "workers": anyObject,
            "versions": ["type": "array", "items": pluginVersion],
            "publisher": textOrNull, "key_fingerprint": textOrNull,
        ], required: ["name", "version", "state", "reason", "tools"])

    /// A version of a plugin that has workers, or is about to: `share` is its percent of new calls.
    static let pluginVersion: JSONValue = object(
        [
            "version": text, "state": ["enum": ["enabled", "warming", "ready", "draining", "broken", "disabled"]], "canary": flag,
            "share": ["type": "integer", "minimum": 0, "maximum": 100], "reason": textOrNull, "bundle_sha256": text, "calls": count,
            "failures": count,
        ], required: ["version", "state", "canary", "share"])

    /// One decision about a plugin.
    static let pluginGrant: JSONValue = object(
        [
            "id": count, "at": text, "actor": text, "action": text, "track": ["enum": ["stable", "canary"]], "version": text,
            "bundle_sha256": textOrNull, "reason": textOrNull,
            "changes": [
                "type": "array",
                "items": object(
                    [
                        "capability": text, "before": textOrNull, "after": textOrNull,
                        "change": ["type": "string"],
                    ], required: ["capability", "change"]),
            ],
        ], required: ["id", "at", "actor", "action", "track", "version", "changes"])

    /// What a reload did, file by file.
    static let reload: JSONValue = object(
        [
            "outcomes": [
                "type": "array",
                "items": object(
                    ["file": text, "plugin": textOrNull, "outcome": text, "reason": textOrNull, "pointer": textOrNull], required: ["outcome"]),
            ]
        ], required: ["outcomes"])

    /// What plugins did on the network; `rule` names who refused, `phase` where it failed.
    static let egress: JSONValue = object(
        [
            "decisions": [
                "type": "array",
                "items": object(
                    [
                        "at": text, "request_id": text, "plugin": text, "tenant": text, "kind": ["enum": ["fetch", "tunnel"]], "method": text,
                        "host": textOrNull, "port": ["type": ["integer", "null"]],
                        "outcome": ["enum": ["allowed", "refused", "failed", "cancelled", "malformed", "turned_away"]], "end": textOrNull,
                        "allowed_by": textOrNull, "count": count,
                        "status": ["type": ["integer", "null"]], "rule": textOrNull, "phase": textOrNull, "bytes_out": count, "bytes_in": count,
                        "duration_ms": ["type": "number"],
                    ], required: ["at", "request_id", "plugin", "kind", "outcome"]),
            ],
            "status": object(["running": count, "idle_connections": count, "bytes_out": count, "bytes_in": count], required: ["running"]),
        ], required: ["decisions", "status"])

    /// The protections that hold, and the workers alive.
    static let sandbox: JSONValue = object(["posture": anyObject, "workers": ["type": "array"]], required: ["posture"])

    /// One entry of the audit chain.
    static let auditEntry: JSONValue = object(
        [
            "seq": count, "at": text, "actor": text, "tenant": text, "action": text, "plugin": textOrNull, "version": textOrNull,
            "tool": textOrNull, "call_id": textOrNull, "outcome": text, "reason": textOrNull, "details": anyObject, "hash": text,
        ], required: ["seq", "at", "actor", "tenant", "action", "outcome", "hash"])

    /// Whether the audit chain is whole.
    static let auditVerification: JSONValue = object(
        ["intact": flag, "entries": count, "broken_at": ["type": ["integer", "null"]], "reason": textOrNull, "head_hash": text],
        required: ["intact", "entries", "broken_at", "reason"])

    /// A secret's name, by the manifest schema's rule.
    static let secretName: JSONValue = ["type": "string", "maxLength": 128, "pattern": "^[A-Za-z][A-Za-z0-9_.-]*$"]

    /// What is told of a secret.
    static let secret: JSONValue = object(
        [
            "name": text, "version": count, "created_at": text, "updated_at": text, "updated_by": text, "last_used_at": textOrNull, "uses": count,
        ], required: ["name", "version", "created_at", "updated_at", "last_used_at", "uses"])

    /// A value to keep. The store's own rules say more, in words that do not quote it.
    static let secretValue: JSONValue = object(["value": ["type": "string", "writeOnly": true]], required: ["value"], closed: true)

    /// One check of readiness.
    static let readiness: JSONValue = object(
        [
            "ready": flag,
            "checks": [
                "type": "array",
                "items": object(
                    ["name": text, "ok": flag, "reason": textOrNull, "duration_ms": milliseconds], required: ["name", "ok", "duration_ms"]),
            ],
        ], required: ["ready", "checks"])
}
