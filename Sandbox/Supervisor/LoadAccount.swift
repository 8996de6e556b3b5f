/// Counts workers of one plugin that died while loading: three in a minute mean that the plugin is broken.
package struct LoadAccount: Sendable {
    private var failures: [Moment] = []
    private var consecutive = 0
    /// No worker of the plugin is started before this moment.
    package private(set) var notBefore = Moment.zero

    package init() {}

    /// Records a failed load; true if the plugin is broken now.
    package mutating func recordFailure(at now: Moment) -> Bool {
        failures.removeAll { now.milliseconds(since: $0) >= SupervisorLimits.loadFailuresWindowMilliseconds }
        failures.append(now)
        consecutive += 1
        let shift = min(consecutive - 1, 8)
        let wait = min(SupervisorLimits.spawnBackoffMilliseconds << shift, SupervisorLimits.spawnBackoffMillisecondsMax)
        notBefore = now.adding(milliseconds: wait)
        return failures.count >= SupervisorLimits.loadFailuresMax
    }

    /// A worker became ready.
    package mutating func recordSuccess() {
        consecutive = 0
        notBefore = .zero
    }
}
