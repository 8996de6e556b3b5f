internal import Crypto
package import IO
internal import JSON
package import Store

/// The plugins of this host: loads the manifest folder, keeps what is in force, and lets the old version run on when a file is bad.
///
/// Reading is a snapshot behind an uncontended lock. Changes are serialised by a gate; their file work runs on a pool of one thread.
package final class Registry: Sendable {
    let folder: ManifestFolder
    let bundles: BundleStore
    let states: PluginStateStore?
    let audit: AuditLog?
    let pool: BlockingPool
    let gate = AsyncGate()
    let inspect: Inspection
    private let contents = Lock(Contents())

    /// Everything that changes.
    struct Contents: Sendable {
        var plugins: [String: PluginRecord] = [:]
        /// Versions on trial.
        var canaries: [String: PluginRecord] = [:]
        var refused: [String: RefusedPlugin] = [:]
        /// Digest of the manifest's bytes, by file: an unchanged file is not loaded again.
        var fileDigests: [String: SHA256Digest] = [:]
        var crashes: [String: CrashLoopDetector] = [:]
        var generation: UInt64 = 0
        var snapshot = RegistrySnapshot(plugins: [:], canaries: [:], refused: [:])

        mutating func publish() { snapshot = RegistrySnapshot(plugins: plugins, canaries: canaries, refused: refused) }
    }

    /// What others find wrong with a grant that is in order by itself; the answer is a JSON Pointer and a reason for each problem.
    package typealias Inspection = @Sendable (Manifest) -> [(pointer: String, reason: String)]

    /// Names the folders; nothing is read until `reload`. Without `states` approvals and history are not kept; decisions go to `audit` too.
    /// A manifest that `inspect` finds fault with is refused like one that is malformed.
    package init(
        manifestFolder: String, bundles: BundleStore, states: PluginStateStore?, audit: AuditLog? = nil, inspect: @escaping Inspection = { _ in [] }
    ) throws(IOError) {
        self.inspect = inspect
        folder = ManifestFolder(path: manifestFolder)
        self.bundles = bundles
        self.states = states
        self.audit = audit
        pool = try BlockingPool(name: "registry", threads: 1, queueMax: Limits.reloadsQueuedMax)
    }

    /// What the thread that reads manifests and bundles is doing.
    package var poolMetrics: BlockingPool.Metrics { pool.metrics }

    /// - Throws: what `inspect` finds.
    func check(_ manifest: Manifest, file: String) throws(ManifestError) {
        let problems = inspect(manifest).map { ManifestProblem(file: file, pointer: $0.pointer, reason: $0.reason) }
        if !problems.isEmpty { throw ManifestError(problems) }
    }

    /// What is in force now.
    package func snapshot() -> RegistrySnapshot { contents.withLock { $0.snapshot } }

    /// Ends the pool; call it once, off the loops, after the last reload.
    package func shutdown() { pool.shutdown() }

    func withContents<Result: Sendable>(_ body: (inout Contents) -> Result) -> Result { contents.withLock { body(&$0) } }
}
