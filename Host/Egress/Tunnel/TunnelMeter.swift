internal import IO

/// What a tunnel may carry and how long it may last.
package struct TunnelQuota: Sendable, Hashable {
    /// Bytes each way.
    package var bytesMax: Int
    /// From the answer to the end, whatever passes.
    package var millisecondsMax: Int
    /// Without a byte either way.
    package var idleMilliseconds: Int
    /// From the connection to the end of the request's head.
    package var headMilliseconds: Int
    /// To look the host up and connect.
    package var connectMilliseconds: Int

    package init(
        bytesMax: Int, millisecondsMax: Int = Limits.tunnelMillisecondsMax, idleMilliseconds: Int = Limits.tunnelIdleMilliseconds,
        headMilliseconds: Int = Limits.tunnelHeadMilliseconds, connectMilliseconds: Int = Limits.tunnelConnectMilliseconds
    ) {
        self.bytesMax = bytesMax
        self.millisecondsMax = millisecondsMax
        self.idleMilliseconds = idleMilliseconds
        self.headMilliseconds = headMilliseconds
        self.connectMilliseconds = connectMilliseconds
    }
}

/// Why a tunnel ended.
package enum TunnelEnd: String, Sendable, Hashable {
    /// Both sides had said all.
    case finished
    /// One side broke off, or the worker is gone.
    case broken
    case idle
    case duration
    case bytes
}

/// A tunnel's bytes and time against its quota; no I/O.
struct TunnelMeter: Sendable {
    enum Direction: Sendable { case up, down }

    private let quota: TunnelQuota
    private let end: Deadline
    private var lastByte: Deadline
    private(set) var up = 0
    private(set) var down = 0

    init(_ quota: TunnelQuota, at now: Deadline) {
        self.quota = quota
        end = now.adding(milliseconds: quota.millisecondsMax)
        lastByte = now
    }

    /// Counts bytes; the end when they are more than may pass.
    mutating func take(_ count: Int, _ direction: Direction, at now: Deadline) -> TunnelEnd? {
        lastByte = now
        switch direction {
        case .up: up += count
        case .down: down += count
        }
        return max(up, down) > quota.bytesMax ? .bytes : now >= end ? .duration : nil
    }

    /// When to look at the time again.
    var next: Deadline { min(end, lastByte.adding(milliseconds: quota.idleMilliseconds)) }

    /// The end that has come by now, if any; a byte of the other direction may have put it off.
    func expired(at now: Deadline) -> TunnelEnd? { now >= end ? .duration : now >= next ? .idle : nil }
}
