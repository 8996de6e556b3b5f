/// Every limit of the supervisor, in one place. Times are milliseconds, rates are a second.
package enum SupervisorLimits {
    /// How long a worker may take from clone to the posture frame.
    package static let jailMillisecondsMax = 5_000
    /// How long constructors and the entry function may take.
    package static let loadMillisecondsMax = 10_000
    /// How long the rest of a frame may take once its first byte is here.
    package static let partialFrameMillisecondsMax = 2_000
    /// How long a plugin may ignore a cancellation before its worker is killed.
    package static let cancelGraceMilliseconds = 2_000
    /// A result that crossed the cancellation on the wire is not held against the plugin.
    package static let cancelRaceMilliseconds = 50
    /// How long a drained worker may take to end by itself (the ABI gives `stop` 100 ms).
    package static let drainMilliseconds = 500
    /// How long a kill may go without the spawner's report before it is asked for again.
    package static let killRepeatMilliseconds = 1_000

    /// Events of one call, and the bytes of all of them: a budget, not a rate. Whoever is slow to take them holds the plugin up instead.
    package static let eventsPerCallMax = 100_000
    package static let eventBytesPerCallMax = 64 << 20
    package static let logsPerSecondMax = 100
    package static let logsBurst = 500
    /// Log frames past the burst are dropped and counted; past this many in one call the worker is a flood and dies.
    package static let logsDroppedPerCallMax = 50_000
    /// Fetches and key-value requests of one call that run at once, and those that run or wait; past that the host stops reading.
    package static let requestsRunningMax = 8
    package static let requestsOpenMax = 64
    package static let requestsPerCallMax = 10_000
    /// Replies of one call that are open to be read piece by piece.
    package static let streamsOpenMax = 8

    package static let workersMax = 256
    package static let waitersMax = 256
    package static let waitMillisecondsMax = 10_000
    package static let callsPerWorkerMax = 10_000
    package static let workerAgeMillisecondsMax = 3_600_000
    package static let idleMillisecondsMax = 60_000
    /// A waiter of another key waits this long before a busy key's worker is taken from it.
    package static let evictionPatienceMilliseconds = 20
    /// How long the place of a spare that was taken may stay empty while its first call runs, in milliseconds.
    package static let sparePatienceMilliseconds = 5

    package static let loadFailuresMax = 3
    package static let loadFailuresWindowMilliseconds = 60_000
    package static let spawnBackoffMilliseconds = 100
    package static let spawnBackoffMillisecondsMax = 5_000

    package static let breakerFailuresMax = 5
    package static let breakerWindowMilliseconds = 60_000
    package static let breakerOpenMilliseconds = 30_000

    /// The greatest probability, over all calls of a trial, that one of the two bounds on failure rates is wrong.
    package static let canaryErrorMax = 0.0005

    package static let retriesDefault = 2
    package static let retriesMax = 3
    package static let retryBackoffMilliseconds = [1_000, 4_000, 8_000]
    package static let retryJitterPercent = 20
}
