package import JSON

/// What one worker of a plugin may use (SPEC 2.1 `limits`); sizes in bytes, durations in milliseconds.
package struct PluginLimits: Sendable, Hashable {
    /// Memory with scratch; no swap on top.
    package var memoryBytes = 128 << 20
    /// CPU time in percent of one core.
    package var cpuPercent = 100
    /// Processes and threads.
    package var tasks = 32
    /// Size of `/scratch`.
    package var scratchBytes = 64 << 20
    /// Open descriptors.
    package var openFiles = 64
    /// Input of one call.
    package var inputBytes = 1 << 20
    /// Output of one call.
    package var outputBytes = 1 << 20
    /// Workers at once, one call in flight each.
    package var workers = 4
    /// Calls before a worker is replaced.
    package var workerCalls = 10_000
    /// Age at which a worker is replaced.
    package var workerLifetimeMilliseconds = 3_600_000
    /// How long an unused worker is kept.
    package var idleMilliseconds = 60_000

    /// The defaults of SPEC 2.1.
    package init() {}

    /// One row a field: its name in the manifest and where it is kept. Decoding, encoding and the grant check all walk this table.
    // SAFETY: key paths to stored properties of a Sendable struct are immutable values; only their type lacks the conformance.
    nonisolated(unsafe) static let fields: [(name: String, path: WritableKeyPath<PluginLimits, Int>)] = [
        ("memory_bytes", \.memoryBytes), ("cpu_percent", \.cpuPercent), ("tasks", \.tasks), ("scratch_bytes", \.scratchBytes),
        ("open_files", \.openFiles), ("input_bytes", \.inputBytes), ("output_bytes", \.outputBytes), ("workers", \.workers),
        ("worker_calls", \.workerCalls), ("worker_lifetime_ms", \.workerLifetimeMilliseconds), ("idle_ms", \.idleMilliseconds),
    ]

    init(_ reader: ManifestReader) throws(ManifestProblem) {
        for field in Self.fields {
            self[keyPath: field.path] = try reader.integer(field.name, default: self[keyPath: field.path])
        }
    }

    /// The manifest's form, every field written out.
    package var json: JSONObject {
        var object = JSONObject()
        for field in Self.fields { object[field.name] = .number(JSONNumber(self[keyPath: field.path])) }
        return object
    }
}
