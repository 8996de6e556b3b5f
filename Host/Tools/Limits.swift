/// The bounds of this target in one place. Times are milliseconds, sizes bytes.
package enum ToolLimits {
    /// Exchanges of one recorded call; recordings and bytes of a file, and files of a plugin.
    package static let exchangesRecordedMax = 10_000
    package static let recordingsMax = 1_000
    package static let recordingBytesMax = 64 << 20
    package static let recordingFilesMax = 256
    /// A request's body for a handler that takes none piece by piece.
    package static let wholeBodyBytesMax = 2 << 20
    /// No call lasts longer, whatever its manifest says, over all tries.
    package static let callMillisecondsMax = 60_000
    /// An answer of a model: in all, and without an event (SPEC 4).
    package static let chatMilliseconds = 600_000
    package static let chatSilenceMilliseconds = 30_000
    /// Embeddings and speech; a document; a training, and how long it may go without a heartbeat.
    package static let adapterMilliseconds = 60_000
    package static let parserMilliseconds = 600_000
    package static let trainMilliseconds = 21_600_000
    package static let trainSilenceMilliseconds = 300_000
    /// What a provider may say about when to come back.
    package static let retryAfterMillisecondsMax = 3_600_000
    /// How long a call may last whose manifest says nothing.
    package static let callMillisecondsDefault = 15_000
    /// What a caller is told to wait when every worker is busy and the queue is full.
    package static let queueRetryMilliseconds = 1_000
    /// Calls in flight of one user; one more is `conflict` with reason `busy`.
    package static let callsPerCallerMax = 256
    /// Calls in flight and waiting of one plugin.
    package static let callsPerPluginMax = 1_024
    /// Failing locations named in one error.
    package static let schemaFailuresMax = 20
    /// JSON of one event.
    package static let eventBytesMax = 256 << 10
    /// Nesting of a plugin's own JSON.
    package static let depthMax = 128
    /// A plugin's own words in an error.
    package static let pluginMessageBytesMax = 2_000
    package static let pluginCodeBytesMax = 64
    package static let pluginDetailsBytesMax = 16 << 10
    /// Key-value requests are answered or refused within this.
    package static let keysListedMax = 500
    /// How long the calls of a replaced plugin version may go on.
    package static let replacedMilliseconds = 60_000
    /// Workers that may be lost to one call before it reached their plugin, without counting as tries.
    package static let lostWorkersMax = 3
    /// Bytes of a model's name in records.
    package static let modelBytesMax = 200
    /// A request id longer than this is not passed on.
    package static let requestIDBytesMax = 255
}
