/// The bounds of this target in one place.
package enum IOLimits {
    /// Ready events taken from one `epoll_wait`.
    static let eventsPerTurnMax = 256
    /// A turn that holds its loop longer than this is counted and reported, in milliseconds.
    package static let turnMillisecondsMax = 50
    /// Longest single `epoll_wait`, in milliseconds; it bounds the cost of a clock step or a lost wake-up.
    static let waitMillisecondsMax = 60_000
    /// How long a warm task waits for work before it ends, in milliseconds; twice as long at most.
    static let warmMilliseconds = 10_000
    /// Tasks of one loop that wait for work; one more ends at once.
    static let warmTasksMax = 64
    /// The turn that a loop's thread asks of the scheduler, and after how long without a wait it lets others have theirs, in nanoseconds.
    static let sliceNanoseconds: UInt64 = 100_000
    static let yieldNanoseconds: UInt64 = 500_000
    /// How long a loop looks for events before it sleeps; a step of it that took longer shows that others want the processor, in nanoseconds.
    static let lookNanoseconds: UInt64 = 50_000
    static let lookStepNanoseconds: UInt64 = 15_000
    /// Looks that may be in vain, times what one costs, before the loop rests from looking, and how long it rests.
    static let lookCreditMax = 16
    static let lookMissCost = 4
    static let lookRestNanoseconds: UInt64 = 10_000_000
    /// Timers that move from a coarse wheel to finer ones before the loop sees to its descriptors again.
    static let timerMovesPerTurnMax = 1024
    /// Loops in one group.
    static let loopsMax = 256
    /// Threads of one blocking pool.
    static let poolThreadsMax = 256
    /// Pending connections the kernel keeps for a listener.
    static let listenBacklog: Int32 = 1024
    /// Bytes of a host name without its trailing dot (RFC 1035, 2.3.4).
    static let hostNameBytesMax = 253
    /// Threads that ask the name service, each for one name at a time.
    static let resolverThreads = 4
    /// Names that wait for one of them.
    static let namesQueuedMax = 256
    /// Names whose answers are kept.
    static let namesCachedMax = 1024
    /// How long an answer is kept, in milliseconds: getaddrinfo does not tell the records' own time.
    static let nameMillisecondsMax = 30_000
    /// How long it is remembered that there is no such name, in milliseconds.
    static let missingNameMillisecondsMax = 2_000
    /// Longest wait for one name, in milliseconds.
    package static let lookUpMillisecondsMax = 10_000
    /// Addresses of one name that are looked at.
    static let addressesPerNameMax = 32
    /// Bytes of a file of certificates, keys or an OCSP response.
    static let certificateFileBytesMax = 1 << 20
    /// Certificates in one file: the server's own and its chain.
    static let certificateChainMax = 16
    /// How long a key encrypts session tickets, in milliseconds; it decrypts them as long again. Sessions live as long.
    static let ticketKeyMilliseconds = 8 * 3_600_000
    /// Servers of whom a client keeps sessions, and sessions of each.
    static let clientSessionServersMax = 256
    static let clientSessionsPerServerMax = 4
    /// How much the clocks of an OCSP responder and of this machine may differ.
    static let clockSkewSeconds = 300
    /// How long a handshake may take, in milliseconds.
    package static let handshakeMillisecondsMax = 10_000
    /// How soon a wait that cannot be a wait for an edge looks again, in milliseconds.
    static let crossedWaitMilliseconds = 5
    /// Bytes of a file that are encrypted at once.
    static let encryptedPieceBytes = 64 * 1024
}
