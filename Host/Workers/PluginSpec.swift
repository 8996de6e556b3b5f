package import Supervisor
package import WorkerProtocol

/// Everything needed to start and use workers of one plugin version.
package struct PluginSpec: Sendable {
    package var name: String
    package var version: String
    /// Absolute path of the verified bundle.
    package var bundlePath: String
    /// An `O_PATH` descriptor of that folder, kept open by `bundleOwner`.
    package var bundleDescriptor: Int32
    /// Keeps `bundleDescriptor` open.
    package var bundleOwner: (any Sendable)?
    package var files: [VerifiedFile]
    /// The library to load, beneath the bundle.
    package var library: String
    package var limits: WorkerLimits
    package var frames: FrameLimits
    package var pool: WorkerPool.Settings
    /// The operator's `config` object as JSON.
    package var config: [UInt8]
    /// Tells one load of a version from another in what the observer is told.
    package var generation: UInt64
    /// What workers are told of clock and randomness while calls are recorded or replayed; nil for every other service.
    package var conditions: ConditionsBox?
    /// Makes the door of each worker of a plugin with a socket grant; nil for a plugin without one, whose workers can make no socket.
    package var door: WorkerDoorMaker?
    /// Compares what the plugin says of itself with what was approved; answers why it is refused, or nil.
    package var check: @Sendable (ReadyPayload) -> String?

    package init(
        name: String, version: String, bundlePath: String, bundleDescriptor: Int32, bundleOwner: (any Sendable)? = nil,
        files: [VerifiedFile] = [], library: String, limits: WorkerLimits = .init(), frames: FrameLimits = .init(),
        pool: WorkerPool.Settings = .init(), config: [UInt8] = Array("{}".utf8), generation: UInt64 = 0,
        check: @escaping @Sendable (ReadyPayload) -> String? = { _ in nil }
    ) {
        self.name = name
        self.version = version
        self.bundlePath = bundlePath
        self.bundleDescriptor = bundleDescriptor
        self.bundleOwner = bundleOwner
        self.files = files
        self.library = library
        self.limits = limits
        self.frames = frames
        self.pool = pool
        self.config = config
        self.generation = generation
        self.check = check
    }
}
