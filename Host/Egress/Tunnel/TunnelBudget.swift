internal import IO

/// How many tunnels the workers of one plugin have open, and how fast they may open more: shared by all of them.
package final class TunnelBudget: Sendable {
    /// Why no tunnel may be opened now.
    package enum Shortage: Sendable, Hashable {
        case tooMany, tooFast
    }

    private struct State {
        var open = 0
        var rate: TokenBucket
    }

    private let openMax: Int
    private let state: Lock<State>

    /// - Parameters:
    ///   - ratePerMinute: new tunnels a minute, which is also how many may come at once.
    ///   - openMax: tunnels at a time.
    package init(ratePerMinute: Int, openMax: Int = Limits.tunnelsMax) {
        self.openMax = openMax
        state = Lock(State(rate: TokenBucket(burst: ratePerMinute, count: ratePerMinute, perSeconds: 60)))
    }

    /// Tunnels that are open, or asked for.
    package var open: Int { state.withLock { $0.open } }

    /// Counts a connection, which gives its place back when it ends. Nil when there is room.
    func take() -> Shortage? {
        state.withLock { state in
            guard state.open < openMax else { return .tooMany }
            state.open += 1
            return nil
        }
    }

    /// Counts a tunnel that is asked for against the rate.
    func spend(at now: Deadline) -> Shortage? { state.withLock { $0.rate.take(1, now: now) } ? nil : .tooFast }

    func give() { state.withLock { $0.open -= 1 } }
}
