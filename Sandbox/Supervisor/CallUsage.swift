/// What one call cost; the `usage` object of SPEC 12. Times are milliseconds unless named otherwise, sizes bytes.
package struct CallUsage: Sendable, Hashable {
    package var wallNanoseconds: UInt64 = 0
    package var cpuNanoseconds: UInt64 = 0
    package var peakMemoryBytes = 0
    package var inputBytes = 0
    package var outputBytes = 0
    package var egressRequests = 0
    package var egressBytes = 0
    package var retries = 0
    /// Time from asking for a worker to having one that was started for this call; 0 for a warm one.
    package var workerStartNanoseconds: UInt64 = 0
    /// Tries that reached the plugin, which may then have acted; not part of what callers are shown.
    package var begun = 0

    package init() {}

    /// Adds the cost of a further try of the same call; peaks keep the higher, `retries` is counted by the caller.
    package mutating func add(_ other: CallUsage) {
        cpuNanoseconds &+= other.cpuNanoseconds
        peakMemoryBytes = max(peakMemoryBytes, other.peakMemoryBytes)
        egressRequests += other.egressRequests
        egressBytes += other.egressBytes
        workerStartNanoseconds &+= other.workerStartNanoseconds
    }
}
