internal import JSON
internal import JSONSchema

/// What the manifest schema cannot say: references between members, closed lists, and schemas that must compile.
struct ManifestCheck {
    let manifest: Manifest
    let file: String
    let role: Manifest.Role

    /// Every problem found, in the order of the file's members.
    func problems() -> [ManifestProblem] {
        roleProblems() + identityProblems() + toolProblems() + capabilityProblems() + configProblems()
    }

    private func problem(_ pointer: String, _ reason: String) -> ManifestProblem {
        ManifestProblem(file: file, pointer: pointer, reason: reason)
    }

    private func roleProblems() -> [ManifestProblem] {
        var found: [ManifestProblem] = []
        switch role {
        case .asked:
            if manifest.files.isEmpty { found.append(problem("/files", "is required in plugin.json")) }
            if manifest.bundle != nil { found.append(problem("/bundle", "belongs in manifests/NAME.json only")) }
            if manifest.bundleSHA256 != nil { found.append(problem("/bundle_sha256", "belongs in manifests/NAME.json only")) }
            if manifest.canaryPercent != nil { found.append(problem("/canary", "belongs in manifests/NAME.canary.json only")) }
            for (index, mount) in manifest.mounts.enumerated() where mount.source != nil {
                found.append(problem("/mounts/\(index)/source", "belongs in manifests/NAME.json only"))
            }
        case .granted:
            if !manifest.files.isEmpty { found.append(problem("/files", "belongs in plugin.json only")) }
            for (index, mount) in manifest.mounts.enumerated() where mount.source == nil {
                found.append(problem("/mounts/\(index)/source", "is required: name the folder of this host"))
            }
            for (index, rule) in manifest.egress.allow.enumerated() where rule.isOpen {
                found.append(problem("/egress/allow/\(index)/host", "is left to you: name the hosts, one rule each"))
            }
            for (index, secret) in manifest.secrets.enumerated() {
                for (place, host) in secret.hosts.enumerated() where host == EgressRule.anyHost {
                    found.append(problem("/secrets/\(index)/hosts/\(place)", "is left to you: name the hosts"))
                }
            }
        }
        return found
    }

    private func identityProblems() -> [ManifestProblem] {
        var found: [ManifestProblem] = []
        if !Limits.abiVersions.contains(manifest.abi) {
            let range = Limits.abiVersions
            found.append(problem("/abi", "is \(manifest.abi); this host loads ABI \(range.lowerBound) to \(range.upperBound)"))
        }
        guard role == .asked, !manifest.files.isEmpty else { return found }
        if let listed = manifest.files[manifest.library] {
            if listed != manifest.librarySHA256 { found.append(problem("/sha256", "differs from the library's digest in files")) }
        } else {
            found.append(problem("/library", "is not listed in files"))
        }
        for path in manifest.files.keys.sorted() {
            let pointer = "/files/" + ManifestReader.escaped(path)
            if path == BundleLayout.manifestFile || path == BundleLayout.signatureFile {
                found.append(problem(pointer, "cannot list itself"))
            }
            if !BundleLayout.isSafePath(path) { found.append(problem(pointer, "is not a plain relative path")) }
        }
        return found
    }

    private func toolProblems() -> [ManifestProblem] {
        var found: [ManifestProblem] = []
        var names: Set<String> = []
        for (index, tool) in manifest.tools.enumerated() {
            let pointer = "/tools/\(index)"
            if !names.insert(tool.name).inserted { found.append(problem("\(pointer)/name", "\"\(tool.name)\" is used twice")) }
            found += schemaProblems(tool.inputSchema, "\(pointer)/input_schema")
            if let schema = tool.outputSchema { found += schemaProblems(schema, "\(pointer)/output_schema") }
            if tool.annotations.isReadOnly, tool.annotations.isDestructive {
                found.append(problem("\(pointer)/annotations", "cannot be both read_only and destructive"))
            }
        }
        return found
    }

    private func schemaProblems(_ schema: JSONValue, _ pointer: String) -> [ManifestProblem] {
        do {
            _ = try CompiledSchema(schema)
            return []
        } catch {
            return [problem(pointer + error.path, "is not a usable JSON Schema: \(error.message)")]
        }
    }

    private func capabilityProblems() -> [ManifestProblem] {
        var found: [ManifestProblem] = []
        for (index, name) in manifest.syscalls.enumerated() where !GrantableSyscalls.names.contains(name) {
            found.append(problem("/syscalls/\(index)", "\"\(name)\" cannot be granted to any plugin"))
        }
        var secrets: Set<String> = []
        for (index, secret) in manifest.secrets.enumerated() {
            if !secrets.insert(secret.name).inserted { found.append(problem("/secrets/\(index)/name", "\"\(secret.name)\" is used twice")) }
            for (hostIndex, host) in secret.hosts.enumerated()
            where !manifest.egress.allow.contains(where: { EgressRule.host($0.host, covers: host) }) {
                found.append(problem("/secrets/\(index)/hosts/\(hostIndex)", "\"\(host)\" is not allowed by egress"))
            }
        }
        var targets: Set<String> = []
        for (index, mount) in manifest.mounts.enumerated() where !targets.insert(mount.target).inserted {
            found.append(problem("/mounts/\(index)/target", "\"\(mount.target)\" is used twice"))
        }
        return found
    }

    private func configProblems() -> [ManifestProblem] {
        guard let schema = manifest.configSchema else { return [] }
        do {
            // The author's own config is a set of defaults and need not be complete; the operator's must be.
            let compiled = try CompiledSchema(schema)
            guard role == .granted else { return [] }
            return compiled.validate(.object(manifest.config), failuresMax: Limits.problemsMax)
                .map { problem("/config" + $0.instancePath, $0.message) }
        } catch {
            return [problem("/config_schema" + error.path, "is not a usable JSON Schema: \(error.message)")]
        }
    }
}
