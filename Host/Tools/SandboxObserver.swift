import IO
package import Supervisor
import Workers

/// Counts worker starts and ends, writes them to the log, and tells the registry and the audit log what they need to know.
package final class SandboxObserver: WorkerObserver {
    /// Level (1 debug to 4 error), a fixed message, fields.
    package typealias LogLine = @Sendable (_ level: UInt8, _ message: StaticString, _ fields: [String: String]) -> Void

    /// Numbers since the start.
    package struct Counts: Sendable {
        package var started: UInt64 = 0
        package var startNanoseconds: UInt64 = 0
        /// Ended workers by reason.
        package var ended: [String: UInt64] = [:]
        package var violations: [String: UInt64] = [:]
        package var protocolFaults: [String: UInt64] = [:]
    }

    /// What else must learn of a plugin's fate; set once by the tool service.
    struct Hooks: Sendable {
        var ready: @Sendable (_ plugin: String, _ generation: UInt64) -> Void
        var broken: @Sendable (_ plugin: String, _ generation: UInt64, _ reason: String) -> Void
        var violation: @Sendable (_ plugin: String, _ version: String, _ violation: Violation) -> Void
    }

    private let state = Lock((counts: Counts(), hooks: Hooks?.none))
    let log: LogLine

    package init(log: @escaping LogLine = { _, _, _ in }) { self.log = log }

    /// Numbers so far.
    package var counts: Counts { state.withLock { $0.counts } }

    func attach(_ hooks: Hooks) { state.withLock { $0.hooks = hooks } }

    package func workerStarted(plugin: String, nanoseconds: UInt64) {
        state.withLock { state in
            state.counts.started += 1
            state.counts.startNanoseconds &+= nanoseconds
        }
    }

    package func workerEnded(plugin: String, version: String, worker: UInt64, reason: KillReason, isReported: Bool) {
        let hooks = state.withLock { state in
            state.counts.ended[reason.name, default: 0] += 1
            if case .violation(let violation) = reason { state.counts.violations[violation.name, default: 0] += 1 }
            if case .protocolFault(let fault) = reason { state.counts.protocolFaults[fault.rawValue, default: 0] += 1 }
            return state.hooks
        }
        let fields = ["plugin": plugin, "version": version, "worker": String(worker), "reason": reason.name, "cause": reason.explanation]
        log(reason.isFault ? 3 : 1, "worker ended", fields)
        if case .violation(let violation) = reason, !isReported { hooks?.violation(plugin, version, violation) }
    }

    package func workerLogged(plugin: String, level: UInt8, message: String) { log(level, "plugin", ["plugin": plugin, "text": message]) }

    package func pluginBroken(plugin: String, version: String, generation: UInt64, reason: String) {
        log(4, "plugin broken", ["plugin": plugin, "version": version, "reason": reason])
        state.withLock { $0.hooks }?.broken(plugin, generation, reason)
    }

    package func pluginReady(plugin: String, version: String, generation: UInt64) {
        log(2, "plugin ready", ["plugin": plugin, "version": version])
        state.withLock { $0.hooks }?.ready(plugin, generation)
    }
}
