package import IO

/// What each plugin may write to the log by asking for the network, and how much it could not: one that asks without end must not fill the log.
///
/// Decisions that get no line are counted like all others.
package struct EgressLines: Sendable {
    private struct Plugin: Sendable {
        var bucket = TokenBucket(perSecond: Limits.linesPerSecond, burst: Limits.linesBurst)
        var leftOut = 0
    }

    /// By name; there are as many as plugins are installed.
    private var plugins: [String: Plugin] = [:]

    package init() {}

    /// Takes a line: how many were left out since the last one, or nil when this one is to be left out as well.
    package mutating func take(_ plugin: String, now: Deadline) -> Int? {
        var entry = plugins[plugin] ?? Plugin()
        defer { plugins[plugin] = entry }
        guard entry.bucket.take(1, now: now) else {
            entry.leftOut += 1
            return nil
        }
        defer { entry.leftOut = 0 }
        return entry.leftOut
    }
}
