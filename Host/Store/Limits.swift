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
    /// Connections to PostgreSQL.
    package static let connectionsDefault = 16
    /// How long a body waits for one (SPEC 13).
    package static let acquireMillisecondsDefault = 2_000
    /// How long a read that may lag waits for a connection to the replica, and how long a replica that failed is left alone.
    static let replicaAcquireMilliseconds = 500
    static let replicaRestMilliseconds = 5_000
    /// How long one is kept that nobody uses.
    package static let idleMillisecondsDefault = 300_000
    /// How long the connection that listens may take to be made.
    static let connectMillisecondsMax = 5_000
    /// How long any statement may take on PostgreSQL, and a transaction stand still.
    static let statementMillisecondsMax = 60_000
    /// How long bringing the schema up to date may take on PostgreSQL.
    static let migrationMillisecondsMax = 60_000
    /// How much later than the server's own time-out a connection is given up.
    static let answerGraceMilliseconds = 250
    /// Attempts of one transaction that nothing was committed of.
    static let attemptsMax = 16
    /// Attempts after which it takes its turn before others.
    static let attemptsBeforeTurn = 3
    /// How long accepted appends are tried while PostgreSQL cannot be reached.
    static let appendMillisecondsMax = 30_000
    /// How long the connection that listens may be silent before it is asked for a sign of life.
    static let listenCheckMilliseconds = 15_000
    /// How long a host believes the copies that it keeps after it asked for its latest lease.
    static let hostLeaseMilliseconds = 2_000
    /// How often it asks.
    static let hostBeatMilliseconds = 500
    /// How much longer whoever changes something waits: two clocks differ by less than a tenth.
    static let hostLeaseMarginMilliseconds = 200
    /// How long a host may take to acknowledge a change.
    static let hostAnswerMilliseconds = 1_000
    /// How long a host's row may stand still before it is of a host that is gone.
    static let hostGoneMilliseconds = 4_000

    /// Pages that a backup copies before it lets others at the file.
    static let backupPagesAtOnce: Int32 = 1_024
    /// Bytes of a database file that is checked whole at every start; a larger one only by a backup.
    static let checkedBytesMax: Int64 = 256 << 20

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

    /// How often a job is tried unless it says otherwise.
    package static let jobAttemptsDefault = 5
    /// Bytes of a job's payload.
    package static let jobPayloadBytesMax = 64 << 10
    /// Characters of the reason why a job failed.
    package static let jobFailureMax = 512
    /// Jobs that run at once on all hosts together.
    package static let jobsRunningDefault = 64
    /// How long a worker may be silent about a job.
    package static let jobLeaseMillisecondsDefault = 60_000
    /// Which part of a lease is left when its worker, who could not renew it, stops.
    static let jobLeaseMarginPart = 15
    /// The first pause after a failed attempt, and the longest.
    package static let jobBackoffMillisecondsDefault = 1_000
    package static let jobBackoffMillisecondsMax = 3_600_000
    /// Rows that one clean-up removes.
    package static let jobsForgottenMax = 1_000
    /// Jobs that one host runs at once.
    package static let jobWorkersDefault = 4
    /// How often a host looks for jobs that became due by themselves.
    static let jobPollMilliseconds = 1_000
    /// How long a job that was done is shown.
    package static let jobsKeptMilliseconds: Int64 = 7 * 86_400_000

    /// Bytes of an idempotency key.
    package static let idempotencyKeyBytesMax = 255
    /// How long an answer is kept (API-4).
    package static let idempotencyMilliseconds: Int64 = 24 * 3_600_000
    /// How long a request may run before its key is free again, because its host died.
    package static let idempotencyLeaseMilliseconds = 120_000
    /// Bytes of an answer that is kept.
    package static let idempotencyBodyBytesMax = 2 << 20

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

    /// How long a place of a user's (`LeaseStore`) is kept when nobody renews it.
    package static let leaseMilliseconds = 30_000
    /// Plans that operators make.
    package static let plansMax = 64
    /// Distinct rows of usage that wait in memory; more are written at once.
    static let usageRowsPendingMax = 4_096
    /// Secrets of all tenants together: as many as one rotation takes in one transaction.
    package static let secretsMax = 10_000
    /// Bytes of a master key's file.
    static let masterKeyFileBytesMax = 128
}
