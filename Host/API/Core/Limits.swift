/// Every bound of the API, in one place.
package enum Limits {
    /// Deepest nesting of a request body.
    package static let bodyDepthMax = 64
    /// Items a list returns when the client names no number.
    package static let listDefault = 50
    /// Items a list returns at most.
    package static let listMax = 500
    /// Longest cursor a client may send, in bytes.
    package static let cursorBytesMax = 512
    /// Longest path, in segments.
    package static let pathSegmentsMax = 16
    /// Longest head of a request to a route that needs no key, in bytes; other routes take what the server takes.
    static let strangersHeadBytesMax = 8 << 10
    /// Longest identifier a client may send, in bytes.
    package static let identifierBytesMax = 255
    /// Longest `Accept` header that is read, in bytes.
    package static let acceptBytesMax = 1024
    /// Most media ranges of an `Accept` header that are read.
    package static let acceptRangesMax = 32
    /// Most failures of a schema that a reply lists.
    package static let failuresMax = 20
    /// How long the longest request may run, a stream too: an hour.
    static let requestMillisecondsMax = 3_600_000
    /// Longest body that sets a secret, in bytes: the longest value with each character escaped.
    static let secretBodyBytesMax = 32 << 10
    /// Longest body of a route of identity, in bytes.
    static let identityBodyBytesMax = 16 << 10
    /// Longest session id, in bytes.
    static let sessionBytesMax = 128
    /// Longest `Authorization` header, in bytes.
    static let bearerBytesMax = 1200
    /// How long an API key lives at most, and when nobody says how long, in milliseconds.
    static let keyMillisecondsMax: Int64 = 365 * 86_400_000
    static let keyMillisecondsDefault: Int64 = 90 * 86_400_000
    /// WebSockets of one user at once (SPEC 7), and requests of one that are under way at once.
    package static let socketsPerUserMax = 5
    static let socketTurnsMax = 4
    /// How long a WebSocket may take to sign in, and how often it is looked whether its credential is still in force, in milliseconds.
    static let socketSignInMilliseconds = 5_000
    static let socketCheckMilliseconds = 500
    /// Longest idempotency key, in bytes.
    package static let idempotencyKeyBytesMax = 255
    /// Longest reply of a tool that a stream sends, in bytes: output and attachments.
    package static let replyBytesMax = 8 << 20
    /// Default time a readiness check may take, in milliseconds.
    package static let readinessMilliseconds = 1000
    /// Events of one call that wait for a slow client before the call is failed.
    package static let eventsWaitingMax = 1024
    /// How old a reading of resident memory may be, in milliseconds.
    package static let memorySampleMilliseconds = 100
    /// What a client that was turned away for want of memory is told to wait, in milliseconds.
    package static let memoryRetryMilliseconds = 1000
    /// How long a host may hold tokens of a bucket that others draw from too, in milliseconds; at a rate of fewer than two in that time it holds none.
    static let sharedHoldMilliseconds = 500
    /// How often places of users are renewed, in milliseconds.
    static let leaseRenewalMilliseconds = 10_000
    /// How often a host looks whether the settings changed without its hearing of it, in milliseconds.
    static let settingsPollMilliseconds = 5_000
    /// Tenants whose own settings are kept in memory.
    static let settingsTenantsMax = 1_024
    /// Callers whose rates are remembered, over all classes.
    package static let rateKeysMax = 65_536
    /// Buckets that are looked at when one must go.
    static let rateEvictionLooks = 32
    /// How long a browser may keep the answer to a preflight, in seconds.
    static let preflightSeconds = 600
    /// Replies with fewer bytes are sent as they are: a small one would hardly shrink.
    static let compressBytesMin = 1024
    /// Messages of one request for a completion, parts of one of them, and tools.
    static let openAIMessagesMax = 4_096
    static let openAIPartsMax = 256
    static let openAIToolsMax = 128
    /// Texts of one request for vectors, and bytes of the longest number of one.
    static let openAIInputsMax = 2_048
    static let embeddingNumberBytes = 25
    /// Bytes of lines that the access log gathers before it hands them on.
    static let accessBatchBytes = 64 * 1024
    /// How long a line waits for others, in milliseconds.
    static let accessBatchMilliseconds = 200
}
