internal import JSON

extension CapabilityDiffBuilder {
    mutating func compareTools(_ before: [ToolManifest], _ after: [ToolManifest]) {
        for tool in after {
            guard let old = before.first(where: { $0.name == tool.name }) else {
                add("tool \(tool.name)", nil, Self.summary(tool), .wider)
                continue
            }
            compare(tool.name, old, tool)
        }
        for tool in before where !after.contains(where: { $0.name == tool.name }) { add("tool \(tool.name)", Self.summary(tool), nil, .narrower) }
    }

    private static func summary(_ tool: ToolManifest) -> String {
        var words: [String] = []
        if tool.isPrivileged { words.append("privileged") }
        if tool.annotations.isDestructive { words.append("destructive") }
        if tool.annotations.isOpenWorld { words.append("open_world") }
        words.append("\(time(tool)), \(tool.retries) retries")
        return words.joined(separator: ", ") + ": " + tool.description
    }

    private static func time(_ tool: ToolManifest) -> String { tool.timeoutMilliseconds.map { "\($0) ms" } ?? "the host's own time" }

    /// The host's own time is another host's decision: a number in its place, or it in a number's place, is a person's to judge.
    private mutating func compareTime(_ capability: String, _ old: ToolManifest, _ new: ToolManifest) {
        if old.timeoutMilliseconds == new.timeoutMilliseconds { return }
        if let before = old.timeoutMilliseconds, let after = new.timeoutMilliseconds { return number(capability, before, after) }
        add(capability, Self.time(old), Self.time(new), .wider)
    }

    private mutating func compare(_ name: String, _ old: ToolManifest, _ new: ToolManifest) {
        let start = changes.count
        let tool = "tool \(name)"
        words("\(tool): title", old.title, new.title)
        words("\(tool): description", old.description, new.description)
        // Compared as values: another order of members is no change.
        if old.inputSchema != new.inputSchema { words("\(tool): input_schema", old.inputSchema.text, new.inputSchema.text) }
        if old.outputSchema != new.outputSchema { words("\(tool): output_schema", old.outputSchema?.text ?? "any", new.outputSchema?.text ?? "any") }
        // What called itself untrusted HTML was sanitised.
        flag("\(tool): content_type", old.contentType.rawValue, new.contentType.rawValue, wider: old.contentType == .htmlUntrusted)
        flag("\(tool): privileged", old.isPrivileged, new.isPrivileged, wider: old.isPrivileged)
        let (was, now) = (old.annotations, new.annotations)
        // Both ways: a tool that may do more, or people who are asked less.
        flag("\(tool): destructive", was.isDestructive, now.isDestructive, wider: true)
        flag("\(tool): open_world", was.isOpenWorld, now.isOpenWorld, wider: true)
        flag("\(tool): read_only", was.isReadOnly, now.isReadOnly, wider: true)
        // What calls itself idempotent is called again after a failure.
        flag("\(tool): idempotent", was.isIdempotent, now.isIdempotent, wider: now.isIdempotent)
        compareTime("\(tool): timeout_ms", old, new)
        if old.retries != new.retries { number("\(tool): retries", old.retries, new.retries) }
        if changes.count == start { add(tool, Self.summary(old), Self.summary(new), .same) }
    }

    private mutating func words(_ capability: String, _ before: String, _ after: String) {
        if before != after { add(capability, before, after, .changed) }
    }

    private mutating func flag(_ capability: String, _ before: Bool, _ after: Bool, wider: Bool) {
        if before != after { add(capability, String(before), String(after), wider ? .wider : .narrower) }
    }

    private mutating func flag(_ capability: String, _ before: String, _ after: String, wider: Bool) {
        if before != after { add(capability, before, after, wider ? .wider : .changed) }
    }
}
