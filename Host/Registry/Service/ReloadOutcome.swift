/// What a reload did with one manifest file.
package struct ReloadOutcome: Sendable, Hashable {
    /// What was done.
    package enum Action: String, Sendable, Hashable {
        /// A plugin that was not there before.
        case loaded
        /// Another version, grant or bundle took over.
        case updated
        /// Nothing changed.
        case unchanged
        /// The file is bad; the version that was running goes on.
        case keptOld = "kept_old"
        /// The file is bad and there is no earlier version.
        case refused
        /// The file is gone.
        case removed
    }

    /// The file's name in the manifest folder.
    package let file: String
    /// The plugin, as far as it is known.
    package let plugin: String
    /// The version that is in force now; nil when there is none.
    package let version: String?
    /// What was done.
    package let action: Action
    /// Why the file was not taken; empty otherwise.
    package let problems: [ManifestProblem]
}
