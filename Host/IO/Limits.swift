/// The bounds of this target in one place.
package enum IOLimits {
    /// Ready events taken from one `epoll_wait`.
    static let eventsPerTurnMax = 256
    /// A turn that holds its loop longer than this is counted and reported, in milliseconds.
    package static let turnMillisecondsMax = 50
    /// Longest single `epoll_wait`, in milliseconds; it bounds the cost of a clock step or a lost wake-up.
    static let waitMillisecondsMax = 60_000
    /// Loops in one group.
    static let loopsMax = 256
    /// Threads of one blocking pool.
    static let poolThreadsMax = 256
    /// Pending connections the kernel keeps for a listener.
    static let listenBacklog: Int32 = 1024
}
