/// The bounds of this target.
package enum StoreLimits {
    /// Items of a list when the caller names no number (SPEC 7).
    package static let pageDefault = 50
    /// Items of a list at most (SPEC 7).
    package static let pageMax = 500

    /// Writes that one transaction carries at most.
    package static let batchMax = 1024
    /// How long queued appends wait for company before they are committed. A crash of the host loses at most this and one commit.
    package static let batchWindowMilliseconds = 10
    /// Queued writes from which on an append waits for its own commit: back-pressure.
    package static let queueSoftMax = 16_384
    /// Queued writes from which on new ones are refused.
    package static let queueHardMax = 32_768
    /// How long a write may take, from being queued to being durable, unless the caller says otherwise.
    package static let writeMillisecondsDefault = 10_000
    /// How long a read may take unless the caller says otherwise.
    package static let readMillisecondsDefault = 5_000
    /// Reader connections.
    package static let readersDefault = 4
    /// Reads that wait for a reader.
    static let readsQueuedMax = 1024
    /// How long a connection waits for a lock of another process.
    static let busyMilliseconds: Int32 = 2_000
    /// Virtual-machine steps between two looks at the clock.
    static let stepsBetweenClockChecks: Int32 = 1_000
    /// Prepared statements that a connection keeps.
    static let statementsCachedMax = 256
    /// Rows that one query may return.
    static let rowsMax = 10_000
    /// Pages of the write-ahead log after which it is folded back.
    static let checkpointPages = 4_000

    /// Bytes of an audit entry's identifiers.
    package static let auditTextBytesMax = 255
    /// Bytes of an audit entry's reason.
    package static let auditReasonBytesMax = 512
    /// Bytes of an audit entry's details.
    package static let auditDetailsBytesMax = 4_096
    /// Entries that one step of a verification reads.
    static let auditVerifyStep = 1_000

    /// Rows of a plugin's history; older ones go, the audit log keeps its own record of them.
    package static let grantsPerPluginMax = 1_000
    /// Bundles of a plugin whose newest manifest is kept whole, for a rollback.
    package static let grantManifestsMax = 8
    /// Bytes of a history row's changes; longer ones are cut to their number.
    package static let grantChangesBytesMax = 64 << 10
    /// Characters of a history row's reason.
    package static let grantReasonMax = 512

    /// Bytes of a plugin's key.
    package static let keyBytesMax = 512
    /// Bytes of a plugin's value.
    package static let valueBytesMax = 1 << 20
    /// Keys of one plugin in one scope.
    package static let keysPerScopeMax = 10_000
    /// Bytes, keys and values, of one plugin in one scope.
    package static let bytesPerScopeMax = 64 << 20

    /// Distinct rows of usage that wait in memory; more are written at once.
    static let usageRowsPendingMax = 4_096
    /// Secrets of all tenants together: as many as one rotation takes in one transaction.
    package static let secretsMax = 10_000
    /// Bytes of a master key's file.
    static let masterKeyFileBytesMax = 128
}
