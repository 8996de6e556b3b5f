/// Every bound of artifacts, in one place.
package enum ArtifactLimits {
    /// Longest name, in code points.
    package static let nameMax = 200
    /// Longest description, in code points.
    package static let descriptionMax = 2_000
    /// Largest definition (`schema`), in bytes of JSON.
    package static let schemaBytesMax = 256 << 10
    /// Deepest nesting of a definition.
    package static let schemaDepthMax = 64
    /// Most values of a definition and all that a patch adds to it.
    package static let schemaValuesMax = 1 << 16
    /// Most operations of one patch.
    package static let patchOperationsMax = 500
    /// Most people that one artifact is shared with by name.
    package static let sharesMax = 64
    /// Most bytes that a definition and all that a patch adds to it are, written out.
    static let patchBytesMax = 4 * schemaBytesMax
    /// Most artifacts of one person, and bytes of all their versions; those that were retired count until they are gone.
    package static let ownedMax = 5_000
    package static let ownedBytesMax: Int64 = 128 << 20
    /// Characters of definitions in one page of a list; at least one is always there.
    package static let pageCharactersMax = 2 << 20
    /// Most versions of one artifact.
    package static let versionsMax = 10_000
    /// Most problems of a definition that an answer names.
    package static let problemsMax = 20
    /// How long a retired artifact is kept for what still runs by it, in milliseconds: 30 days.
    package static let retiredMilliseconds: Int64 = 30 * 86_400_000
    /// Most definitions that are remembered, and about how many bytes of memory they have together; a larger one is read each time.
    static let rememberedMax = 1_000
    static let rememberedBytesMax = 64 << 20
    static let rememberedBytesEachMax = 1 << 20
    /// Forms of a seed that are remembered to have been planted.
    static let seedMarksMax = 16
    /// Most tenants whose seeds are known to be there.
    static let seededTenantsMax = 10_000
    /// Most rows that one step of the sweep removes.
    static let sweepMax = 500
}
