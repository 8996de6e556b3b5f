/// The bounds of this target.
package enum Limits {
    /// Versions of limen_plugin.h that this host can load.
    package static let abiVersions: ClosedRange<Int> = 1...1
    /// Bytes of a manifest or plugin.json; tool schemas are the bulk of it.
    package static let manifestBytesMax = 4 << 20
    /// Nesting of a manifest or plugin.json.
    package static let manifestDepthMax = 64
    /// Manifests in the manifest folder.
    package static let manifestsMax = 1024
    /// Problems reported of one file.
    package static let problemsMax = 20

    /// Files in a bundle; the spawner accepts no more either.
    package static let bundleFilesMax = 512
    /// Folders in a bundle.
    package static let bundleFoldersMax = 128
    /// Nesting of folders in a bundle.
    package static let bundleDepthMax = 8
    /// Bytes of one file.
    package static let bundleFileBytesMax = 512 << 20
    /// Bytes of a whole bundle.
    package static let bundleBytesMax = 2 << 30
    /// Bytes of a path in a bundle.
    package static let bundlePathBytesMax = 255

    /// Bytes of a bundle's SIGNATURE, of a trust file, and of a key file.
    package static let signatureBytesMax = 4096
    package static let trustFileBytesMax = 256 << 10
    package static let keyFileBytesMax = 4096

    /// Headers, segments and dynamic entries of a library that the checker looks at.
    static let elfSegmentsMax = 128
    static let elfDynamicEntriesMax = 4096
    static let elfSymbolNameBytesMax = 256
    /// Steps along one hash chain; a longer one is a loop or an attack.
    static let elfChainStepsMax = 1 << 20

    /// Wall clock of a tool over all retries, when the manifest is silent.
    package static let toolTimeoutMillisecondsDefault = 15_000
    /// Retries of a tool, when the manifest is silent.
    package static let toolRetriesDefault = 2

    /// Reloads and installations that wait for the registry.
    static let reloadsQueuedMax = 64

    /// Crashes on load within `crashWindowMilliseconds` that break a plugin.
    package static let crashesOnLoadMax = 3
    /// The window in which crashes on load are counted.
    package static let crashWindowMilliseconds = 60_000
}
