internal import JSON

extension CapabilityDiffBuilder {
    /// Rules, then the bounds on all of them. A rule that no single earlier rule covers is wider, even if several together would.
    mutating func compareEgress(_ before: EgressGrant, _ after: EgressGrant, isNew: Bool) {
        if before.allow.isEmpty, after.allow.isEmpty { return add("network", isNew ? nil : "none", "none", .same) }
        for rule in after.allow {
            let text = JSONValue.object(rule.json).text
            if before.allow.contains(rule) {
                add("network \(rule.host)", text, text, .same)
            } else if let wide = before.allow.first(where: { $0.covers(rule) }) {
                add("network \(rule.host)", JSONValue.object(wide.json).text, text, .narrower)
            } else {
                let near = before.allow.first { $0.host == rule.host }
                add("network \(rule.host)", near.map { JSONValue.object($0.json).text }, text, .wider)
            }
        }
        for rule in before.allow where !after.allow.contains(where: { $0 == rule || rule.covers($0) || $0.covers(rule) }) {
            add("network \(rule.host)", JSONValue.object(rule.json).text, nil, .narrower)
        }
        let had = !before.allow.isEmpty
        if after.allow.isEmpty { return }
        number("network max_requests", had ? before.requestsMax : nil, after.requestsMax)
        number("network max_response_bytes", had ? before.responseBytesMax : nil, after.responseBytesMax)
        number("network rate", had ? before.ratePerMinute : nil, after.ratePerMinute)
    }

    mutating func compareSecrets(_ before: [SecretGrant], _ after: [SecretGrant]) {
        for secret in after {
            let old = before.first { $0.name == secret.name }
            let kind: CapabilityChange.Kind = old == secret ? .same : old?.covers(secret) == true ? .narrower : .wider
            add("secret \(secret.name)", old.map { JSONValue.object($0.json).text }, JSONValue.object(secret.json).text, kind)
        }
        for secret in before where !after.contains(where: { $0.name == secret.name }) {
            add("secret \(secret.name)", JSONValue.object(secret.json).text, nil, .narrower)
        }
    }

    /// Another folder of the host at the same place is wider: what it holds is not what was agreed to.
    mutating func compareMounts(_ before: [MountGrant], _ after: [MountGrant]) {
        func text(_ mount: MountGrant) -> String { "\(mount.source ?? "a folder that you name"), read-only" }
        for mount in after {
            let old = before.first { $0.target == mount.target }
            add("mount \(mount.target)", old.map(text), text(mount), old?.source == mount.source && old != nil ? .same : .wider)
        }
        for mount in before where !after.contains(where: { $0.target == mount.target }) { add("mount \(mount.target)", text(mount), nil, .narrower) }
    }
}
