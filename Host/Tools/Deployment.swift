import IO
package import Registry
import Supervisor
package import Workers

/// One version of a plugin with its workers and its tools.
package final class Deployment: Sendable {
    package let plugin: String
    package let version: String
    /// The registry's number of this load.
    package let generation: UInt64
    package let pool: PluginPool
    /// What it was made from; nil when it was installed by hand.
    package let record: PluginRecord?
    /// Its tools by id.
    let entries: [String: ToolEntry]

    init(plugin: String, generation: UInt64, pool: PluginPool, record: PluginRecord? = nil, entries: [ToolEntry]) {
        (self.plugin, self.version, self.generation) = (plugin, pool.spec.version, generation)
        (self.pool, self.record) = (pool, record)
        self.entries = Dictionary(entries.map { ($0.spec.id, $0) }, uniquingKeysWith: { first, _ in first })
    }
}

/// A version on trial: its deployment, its share, and what its calls say about it.
final class Trial: Sendable {
    let deployment: Deployment
    let percent: Int
    private let state = Lock((judge: CanaryTrial(), isOpen: false))

    init(_ deployment: Deployment, percent: Int) { (self.deployment, self.percent) = (deployment, percent) }

    /// A worker of it is ready: from now on it gets its share.
    func open() { state.withLock { state in state.isOpen = state.judge.ended == nil } }

    /// Whether it gets calls.
    var isOpen: Bool { state.withLock { $0.isOpen } }

    /// Calls and failures of the version on trial.
    var tally: CanaryTrial.Tally { state.withLock { $0.judge.canary } }

    /// The tool that serves a call of this trial's share; nil if the call is not one of them, or the new version could not take it.
    ///
    /// A call is chosen by its request id: the share is the share whatever the number of callers, nobody meets all the failures of a bad version, and a
    /// request that is sent again meets the same version again. An input that the new version's schema refuses stays with the old one.
    func entry(for call: ToolCall, tool: String) -> ToolEntry? {
        guard isOpen, CanaryShare.holds(percent, trial: deployment.generation, call: call.requestID), let entry = deployment.entries[tool],
            ToolService.check(call.input, entry.spec) == nil
        else { return nil }
        return entry
    }

    /// Changes the judge; a reason to roll back closes the trial at once and is answered once.
    func judge(_ change: (inout CanaryTrial) -> CanaryTrial.Judgement) -> String? {
        state.withLock { state in
            guard case .rollBack(let reason) = change(&state.judge) else { return nil }
            state.isOpen = false
            return reason
        }
    }
}

/// A version of a plugin as the operator sees it.
package struct VersionView: Sendable {
    package let version: String
    package let state: PluginLifecycleState
    package let isCanary: Bool
    /// Percent of the new calls.
    package let share: Int
    package let reason: String?
    package let bundleDigest: String?
    /// Calls that a version on trial has had, and failures among them; nil for another.
    package let tally: (calls: Int, failures: Int)?
}
