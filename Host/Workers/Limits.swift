/// The bounds of this target in one place.
package enum WorkersLimits {
    /// Bytes taken from a worker's socket with one system call.
    static let receiveBytes = 32 << 10
    /// Frames of one call that are handled before the other calls of the loop get a turn.
    static let framesPerTurn = 64
    /// How long a call whose worker died waits for the spawner to say why.
    static let exitReportMillisecondsMax = 1_000
    /// Requests to the spawner that wait for room in its socket.
    static let spawnerQueueMax = 4_096
    /// How often a full spawner socket is tried again, in milliseconds.
    static let spawnerRetryMilliseconds = 1
    /// How often stopping looks whether everything has ended, in milliseconds.
    static let stopPollMilliseconds = 5
    /// How long killed workers may take to be reported gone at shutdown.
    package static let stopMillisecondsMax = 5_000
    /// A worker that was chosen and found dead is replaced by another choice at most so often.
    static let checkOutsMax = 4
    /// Calls that together used less CPU than this since the peak was last read cannot have moved it by more than a few hundred pages.
    static let peakReadNanosecondsMin: UInt64 = 100_000
    /// The longest text kept of a worker's own words about a failure.
    static let failureCodeBytesMax = 64
    static let failureMessageBytesMax = 2_000
}
