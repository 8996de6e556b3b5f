internal import Glibc
internal import IO

/// What this host may believe of the copies that it keeps of rows, and who has acknowledged what it changed. Decides, and does no I/O.
///
/// A host that keeps copies has a row in `host`, which it renews on the very connection that it listens on. Its belief ends `hostLeaseMilliseconds` after it
/// asked for the latest renewal, by a clock of its own that nobody sets and that counts on while the machine sleeps. Whoever changes something waits until each
/// of those hosts has acknowledged, and removes the row of one that does not: that one cannot renew any more, so a lease's length later it believes nothing.
/// No wall clock takes part, so none can be wrong.
final class HostLease: Sendable {
    private struct State: Sendable {
        /// This host's row; nil while it has none.
        var id: String?
        /// The row before, when the connection went with it.
        var former: String?
        /// Grows with each row: what was read under another is not believed.
        var epoch: UInt64 = 0
        /// Until when what is kept is believed, in nanoseconds since the machine started.
        var until: UInt64 = 0
        /// Whether a lease was ever asked for.
        var isWanted = false
        /// Whether announcements are heard at present, and whether they ever were.
        var isListening = false
        var hasListened = false
        /// Who has acknowledged what this host asked about.
        var heard: [String: Set<String>] = [:]
    }
    private let state = Lock(State())

    /// The number that what is kept was read under; nil while nothing may be believed.
    func stamp() -> UInt64? {
        let now = Self.now()
        return state.withLock { $0.id != nil && now < $0.until ? $0.epoch : nil }
    }

    /// Asks for a lease from the next chance on.
    func want() { state.withLock { $0.isWanted = true } }
    var isWanted: Bool { state.withLock { $0.isWanted } }
    /// This host's row.
    var id: String? { state.withLock { $0.id } }
    /// A row that this host no longer uses.
    var former: String? { state.withLock { $0.former } }
    var hasListened: Bool { state.withLock { $0.hasListened } }
    var isListening: Bool { state.withLock { $0.isListening } }

    /// Announcements are heard from here on.
    func listens() { state.withLock { ($0.isListening, $0.hasListened) = (true, true) } }

    /// The row is there; it was asked for at `asked`.
    func begin(_ id: String, asked: UInt64) {
        state.withLock { state in
            (state.id, state.former) = (id, nil)
            state.epoch += 1
            state.until = asked + Self.nanoseconds
        }
    }

    /// The row was renewed; that was asked for at `asked`.
    func renewed(asked: UInt64) { state.withLock { $0.until = asked + Self.nanoseconds } }

    /// The row, or the connection, is gone: nothing is believed from here on.
    func lost(isListening: Bool) {
        state.withLock { state in
            if let id = state.id { state.former = id }
            state.id = nil
            state.isListening = isListening
        }
    }

    /// Acknowledgements of a change are collected from here on.
    func expect(_ change: String) { state.withLock { $0.heard[change] = [] } }
    /// Nobody waits for them any more.
    func settled(_ change: String) { state.withLock { $0.heard[change] = nil } }
    /// A host has dropped what it kept.
    func acknowledged(_ change: String, by host: String) { state.withLock { _ = $0.heard[change]?.insert(host) } }
    /// Those of these hosts who have not.
    func missing(_ change: String, of hosts: Set<String>) -> Set<String> { state.withLock { hosts.subtracting($0.heard[change] ?? []) } }

    private static let nanoseconds = UInt64(StoreLimits.hostLeaseMilliseconds) * 1_000_000

    /// Nanoseconds since the machine started, its sleep included.
    static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
    }
}

/// Rows of other hosts, as this one has seen them: one that nobody renewed for longer than a lease is of a host that is gone.
struct OtherHosts {
    private var seen: [String: (beat: Int64, since: UInt64)] = [:]

    /// Takes what is there now; returns the rows that may go, with the beat that they stopped at.
    mutating func take(_ rows: [(id: String, beat: Int64)], now: UInt64) -> [(id: String, beat: Int64)] {
        let patience = UInt64(StoreLimits.hostGoneMilliseconds) * 1_000_000
        var next: [String: (beat: Int64, since: UInt64)] = [:]
        var gone: [(id: String, beat: Int64)] = []
        for row in rows {
            let before = seen[row.id]
            let since = before?.beat == row.beat ? before?.since ?? now : now
            next[row.id] = (row.beat, since)
            if now &- since > patience { gone.append(row) }
        }
        seen = next
        return gone
    }
}

/// A change that is announced and acknowledged.
final class AwaitedChange: Sendable {
    let id: String
    private let announced = Lock(false)
    init(_ id: String) { self.id = id }
    /// Whether the transaction that was committed announced anything.
    var isAnnounced: Bool { announced.withLock { $0 } }
    func wasAnnounced() { announced.withLock { $0 = true } }
}
