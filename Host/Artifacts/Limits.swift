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
    /// Most artifacts of one person.
    package static let ownedMax = 1_000
    /// Most versions of one artifact.
    package static let versionsMax = 10_000
    /// Most problems of a definition that an answer names.
    package static let problemsMax = 20
    /// How long a retired artifact is kept for what still runs by it, in milliseconds: 30 days.
    package static let retiredMilliseconds: Int64 = 30 * 86_400_000
    /// Most definitions that are remembered, and their bytes together.
    static let rememberedMax = 1_000
    static let rememberedBytesMax = 32 << 20
    /// Most tenants whose seeds are known to be there.
    static let seededTenantsMax = 10_000
    /// Most rows that one step of the sweep removes.
    static let sweepMax = 500
}
