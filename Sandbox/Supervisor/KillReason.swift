/// Why a worker ended, as metrics, the audit log and the sandbox view name it.
package enum KillReason: Sendable, Hashable {
    /// The kernel's memory limit was hit.
    case memory
    /// The call's deadline passed and the grace after it.
    case deadline
    /// The call was cancelled and the plugin ignored that for the grace.
    case cancelled
    /// A tripwire of the system call filter.
    case violation(Violation)
    /// The worker broke the frame protocol.
    case protocolFault(ProtocolFault)
    /// The plugin did not load: deadline, crash or refusal.
    case load(String)
    /// Unused for longer than `limits.idle`.
    case idle
    /// The process ended by a signal that nobody of ours sent.
    case crash(signal: Int)
    /// The process ended by itself with this status.
    case exited(status: Int)
    /// Its place was needed for another isolation key.
    case evicted
    /// It served its number of calls or its time, or its one call under `call` isolation.
    case retired
    /// The plugin was disabled, replaced or the host shuts down.
    case drained
    /// The jail could not be made or did not hold its self-test.
    case jail(String)

    /// The short name for metrics and audit, one word from a fixed set.
    package var name: String {
        switch self {
        case .memory: "memory"
        case .deadline: "deadline"
        case .cancelled: "cancelled"
        case .violation: "violation"
        case .protocolFault: "protocol"
        case .load: "load"
        case .idle: "idle"
        case .crash: "crash"
        case .exited: "exit"
        case .evicted: "evicted"
        case .retired: "retired"
        case .drained: "drained"
        case .jail: "jail"
        }
    }

    /// Whether the plugin is to blame, so that it counts against its breaker and slows its spares.
    package var isFault: Bool {
        switch self {
        case .memory, .deadline, .violation, .protocolFault, .load, .crash, .exited, .jail: true
        case .cancelled, .idle, .evicted, .retired, .drained: false
        }
    }

    /// One sentence for logs and the sandbox view.
    package var explanation: String {
        switch self {
        case .memory: "the memory limit was reached"
        case .deadline: "the deadline passed and the plugin went on"
        case .cancelled: "the plugin ignored a cancellation"
        case .violation(let violation): "the forbidden system call \(violation.name) was made"
        case .protocolFault(let fault): "the worker broke the frame protocol: \(fault.explanation)"
        case .load(let reason): "the plugin did not load: \(reason)"
        case .idle: "unused"
        case .crash(let signal): "the process died of signal \(signal)"
        case .exited(let status): "the process ended by itself with status \(status)"
        case .evicted: "its place was needed"
        case .retired: "it had served its time"
        case .drained: "the plugin was stopped"
        case .jail(let reason): "the jail did not hold: \(reason)"
        }
    }
}
