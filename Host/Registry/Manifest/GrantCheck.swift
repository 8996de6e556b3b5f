internal import JSON

/// Compares what an operator grants with what an author asks for: the same plugin, the same tools, and no capability beyond.
struct GrantCheck {
    let asked: Manifest
    let granted: Manifest
    /// The granted manifest's file, for problems.
    let file: String

    /// Every excess, with the pointer into the granted file.
    func problems() -> [ManifestProblem] {
        let identity = identityProblems()
        // A grant for another plugin or version differs everywhere: the first reason is the one that helps.
        guard identity.isEmpty else { return identity }
        return toolProblems() + limitProblems() + egressProblems() + grantProblems()
    }

    private func problem(_ pointer: String, _ reason: String) -> ManifestProblem {
        ManifestProblem(file: file, pointer: pointer, reason: reason)
    }

    private func identityProblems() -> [ManifestProblem] {
        var found: [ManifestProblem] = []
        if granted.name != asked.name { found.append(problem("/name", "is \"\(granted.name)\"; the bundle is \"\(asked.name)\"")) }
        if granted.version != asked.version { found.append(problem("/version", "is \(granted.version); the bundle is \(asked.version)")) }
        if granted.abi != asked.abi { found.append(problem("/abi", "is \(granted.abi); the bundle says \(asked.abi)")) }
        if granted.kind != asked.kind { found.append(problem("/kind", "differs from the bundle's")) }
        if granted.library != asked.library { found.append(problem("/library", "differs from the bundle's \(asked.library)")) }
        if granted.librarySHA256 != asked.librarySHA256 { found.append(problem("/sha256", "differs from the bundle's")) }
        if granted.publisher != asked.publisher { found.append(problem("/publisher", "differs from the bundle's \"\(asked.publisher)\"")) }
        return found
    }

    private func toolProblems() -> [ManifestProblem] {
        var found: [ManifestProblem] = []
        for (index, tool) in granted.tools.enumerated() {
            guard let original = asked.tool(tool.name) else {
                found.append(problem("/tools/\(index)/name", "the bundle has no tool \"\(tool.name)\""))
                continue
            }
            found += toolProblems(tool, original, "/tools/\(index)")
        }
        for tool in asked.tools where granted.tool(tool.name) == nil {
            found.append(problem("/tools", "the bundle's tool \"\(tool.name)\" is missing"))
        }
        for (index, adapter) in granted.adapters.enumerated() where !asked.adapters.contains(where: { $0.covers(adapter) }) {
            found.append(problem("/adapters/\(index)", "goes beyond every adapter of the bundle's"))
        }
        if granted.configSchema != asked.configSchema { found.append(problem("/config_schema", "differs from the bundle's")) }
        return found
    }

    private func toolProblems(_ tool: ToolManifest, _ original: ToolManifest, _ pointer: String) -> [ManifestProblem] {
        var found: [ManifestProblem] = []
        func require(_ holds: Bool, _ member: String, _ reason: String) {
            if !holds { found.append(problem("\(pointer)/\(member)", reason)) }
        }
        require(tool.title == original.title, "title", "differs from the bundle's")
        require(tool.description == original.description, "description", "differs from the bundle's")
        require(tool.inputSchema == original.inputSchema, "input_schema", "differs from the bundle's")
        require(tool.outputSchema == original.outputSchema, "output_schema", "differs from the bundle's")
        require(tool.contentType == original.contentType, "content_type", "differs from the bundle's")
        require(tool.isPrivileged || !original.isPrivileged, "privileged", "cannot be taken off a privileged tool")
        // A tool that names no time has the default's: neither a grant nor its absence may give more than was asked for.
        let asks = original.timeoutMilliseconds ?? Limits.toolTimeoutMillisecondsDefault
        require(tool.timeoutMilliseconds ?? Limits.toolTimeoutMillisecondsDefault <= asks, "timeout_ms", "is above \(asks)")
        require(tool.retries <= original.retries, "retries", "is above \(original.retries)")
        let (claim, asked) = (tool.annotations, original.annotations)
        require(!claim.isReadOnly || asked.isReadOnly, "annotations/read_only", "is not claimed by the bundle")
        require(!claim.isIdempotent || asked.isIdempotent, "annotations/idempotent", "is not claimed by the bundle")
        require(claim.isDestructive || !asked.isDestructive, "annotations/destructive", "cannot be taken off a destructive tool")
        require(claim.isOpenWorld || !asked.isOpenWorld, "annotations/open_world", "cannot be taken off")
        return found
    }

    private func limitProblems() -> [ManifestProblem] {
        var found: [ManifestProblem] = []
        for field in PluginLimits.fields where granted.limits[keyPath: field.path] > asked.limits[keyPath: field.path] {
            found.append(
                problem(
                    "/limits/\(field.name)",
                    "\(granted.limits[keyPath: field.path]) is above the \(asked.limits[keyPath: field.path]) that the plugin asks for"))
        }
        if granted.isolation > asked.isolation {
            found.append(problem("/isolation", "\(granted.isolation) is weaker than the \(asked.isolation) that the plugin asks for"))
        }
        if granted.state == .keyValue, asked.state == .none { found.append(problem("/state", "the plugin declares none")) }
        return found
    }

    private func egressProblems() -> [ManifestProblem] {
        var found: [ManifestProblem] = []
        let (grant, ask) = (granted.egress, asked.egress)
        for (index, rule) in grant.allow.enumerated() where !ask.allow.contains(where: { $0.covers(rule) }) {
            found.append(problem("/egress/allow/\(index)", "goes beyond every rule that the plugin asks for"))
        }
        guard !grant.allow.isEmpty else { return found }
        if grant.requestsMax > ask.requestsMax { found.append(problem("/egress/max_requests", "is above \(ask.requestsMax)")) }
        if grant.responseBytesMax > ask.responseBytesMax {
            found.append(problem("/egress/max_response_bytes", "is above \(ask.responseBytesMax)"))
        }
        if grant.ratePerMinute > ask.ratePerMinute { found.append(problem("/egress/rate", "is above \(ask.ratePerMinute)")) }
        return found
    }

    private func grantProblems() -> [ManifestProblem] {
        var found: [ManifestProblem] = []
        for (index, secret) in granted.secrets.enumerated() where !asked.secrets.contains(where: { $0.covers(secret) }) {
            found.append(problem("/secrets/\(index)", "\"\(secret.name)\" is not asked for like this"))
        }
        for (index, mount) in granted.mounts.enumerated() where !asked.mounts.contains(where: { $0.target == mount.target }) {
            found.append(problem("/mounts/\(index)", "\(mount.target) is not asked for"))
        }
        for (index, name) in granted.syscalls.enumerated() where !asked.syscalls.contains(name) {
            found.append(problem("/syscalls/\(index)", "\"\(name)\" is not asked for"))
        }
        return found
    }
}
