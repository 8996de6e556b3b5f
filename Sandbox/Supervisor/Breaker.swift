/// A circuit breaker: opens after 5 failures in 60 s, lets one probe through after 30 s, closes when that succeeds.
package struct Breaker: Sendable {
    /// What callers and metrics see.
    package enum Phase: String, Sendable, Hashable { case closed, open, halfOpen = "half_open" }

    /// The answer to a caller that wants to go on.
    package enum Admission: Sendable, Hashable {
        /// Go on; report the outcome with `recordSuccess`, `recordFailure` or `recordNeither` and this token.
        case admitted(Token)
        /// Do not; try again after that many milliseconds.
        case refused(retryAfterMilliseconds: Int)
    }

    /// Ties an outcome to the period in which its call was admitted: a straggler of an earlier one changes nothing.
    package struct Token: Sendable, Hashable {
        fileprivate var generation: UInt64
        fileprivate var isProbe: Bool
    }

    private enum State: Sendable {
        /// May become open.
        case closed
        /// May become halfOpen.
        case open(until: Moment)
        /// May become closed or open.
        case halfOpen(probing: Bool)
    }

    private var state = State.closed
    private var generation: UInt64 = 0
    /// A ring of the newest failures, oldest first.
    private var failures: [Moment] = []
    private let failuresMax: Int
    private let windowMilliseconds: Int
    private let openMilliseconds: Int

    package init(
        failuresMax: Int = SupervisorLimits.breakerFailuresMax, windowMilliseconds: Int = SupervisorLimits.breakerWindowMilliseconds,
        openMilliseconds: Int = SupervisorLimits.breakerOpenMilliseconds
    ) {
        self.failuresMax = max(1, failuresMax)
        self.windowMilliseconds = windowMilliseconds
        self.openMilliseconds = openMilliseconds
    }

    /// Whether a call may go on now.
    package mutating func admit(at now: Moment) -> Admission {
        switch state {
        case .closed:
            return .admitted(Token(generation: generation, isProbe: false))
        case .open(let until):
            guard now >= until else { return .refused(retryAfterMilliseconds: max(1, until.milliseconds(since: now))) }
            generation &+= 1
            state = .halfOpen(probing: true)
            return .admitted(Token(generation: generation, isProbe: true))
        case .halfOpen(let probing):
            guard !probing else { return .refused(retryAfterMilliseconds: 1_000) }
            state = .halfOpen(probing: true)
            return .admitted(Token(generation: generation, isProbe: true))
        }
    }

    /// The call worked, or failed by its caller's own fault.
    package mutating func recordSuccess(_ token: Token) {
        guard token.generation == generation, token.isProbe else { return }
        generation &+= 1
        state = .closed
        failures.removeAll(keepingCapacity: true)
    }

    /// The call failed by the tool's fault.
    package mutating func recordFailure(_ token: Token, at now: Moment) {
        guard token.generation == generation else { return }
        if token.isProbe { return open(at: now) }
        failures.removeAll { now.milliseconds(since: $0) >= windowMilliseconds }
        failures.append(now)
        if failures.count >= failuresMax { open(at: now) }
    }

    /// The call ended without saying anything about the tool, such as a cancellation: a probe may be tried again.
    package mutating func recordNeither(_ token: Token) {
        guard token.generation == generation, token.isProbe else { return }
        state = .halfOpen(probing: false)
    }

    /// Closes it, whatever was.
    package mutating func reset() {
        generation &+= 1
        state = .closed
        failures.removeAll(keepingCapacity: true)
    }

    /// Whether an outcome with this token would change nothing, for a lock-free answer on the hot path.
    package func isIndifferentToSuccess(_ token: Token) -> Bool { !token.isProbe }

    /// The phase as seen at `now`.
    package func phase(at now: Moment) -> Phase {
        switch state {
        case .closed: .closed
        case .open(let until): now >= until ? .halfOpen : .open
        case .halfOpen: .halfOpen
        }
    }

    private mutating func open(at now: Moment) {
        generation &+= 1
        failures.removeAll(keepingCapacity: true)
        state = .open(until: now.adding(milliseconds: openMilliseconds))
    }
}
