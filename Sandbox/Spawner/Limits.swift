/// Bounds of the spawner's own waiting.
enum SpawnerLimits {
    /// How long a worker that only proves its jail may take, in milliseconds.
    static let trialMillisecondsMax: Int32 = 5_000
    /// How long nothing has happened before work is done ahead, in milliseconds.
    static let quietMilliseconds: Int32 = 5
    /// How often a leaf that the kernel has not finished with is removed again, ten milliseconds apart.
    static let leafRemovalsMax = 200
}
