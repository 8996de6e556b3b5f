package import Store

/// A plugin that passed every check, as the registry knows it now.
package struct PluginRecord: Sendable {
    /// Its name.
    package let name: String
    /// Its version.
    package let version: String
    /// Where it stands.
    package var state: PluginLifecycleState { lifecycle.state }
    /// Why it is broken; nil otherwise.
    package var reason: String? { lifecycle.reason }
    /// What it was granted.
    package let manifest: Manifest
    /// The verified copy that may be mounted.
    package let bundle: InstalledBundle
    /// Whether it is the version for everybody or one on trial.
    package var track: GrantTrack { manifest.canaryPercent == nil ? .stable : .canary }
    /// The manifest's file name in the manifest folder.
    package let file: String
    /// Its tools, compiled.
    package let tools: [ToolDescriptor]
    /// Rises with every load of this name: two records with the same generation are the same load.
    package let generation: UInt64

    var lifecycle: PluginLifecycle

    /// The record as it is while its last calls finish and new ones go elsewhere.
    package var whenDraining: PluginRecord {
        var record = self
        do {
            try record.lifecycle.apply(.drain)
        } catch {
            // Broken or disabled already: it drains in that state.
            return self
        }
        return record
    }
}

/// A manifest that was refused and has no earlier version to fall back to; `limen plugin list` shows it as broken.
package struct RefusedPlugin: Sendable, Hashable {
    /// The plugin's name as far as it is known: the manifest's file name without its ending.
    package let name: String
    /// The manifest's file name.
    package let file: String
    /// Why.
    package let problems: [ManifestProblem]

    /// The first problem, in one line.
    package var reason: String { problems.first?.description ?? "refused" }
}
