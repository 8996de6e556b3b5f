import IO

/// Work to be done later, by whichever host comes first.
package struct JobRequest: Sendable, Hashable {
    /// Which handler does it.
    package var kind: String
    /// For whom: work is shared out fairly among tenants, and among the users of each.
    package var tenant: String
    package var owner: String
    /// What the handler needs: ids, as JSON or any text of at most `StoreLimits.jobPayloadBytesMax` bytes.
    package var payload: String
    /// When it may begin, in milliseconds since 1970-01-01 UTC.
    package var dueAtMilliseconds: Int64
    /// How often it is tried before it is dead.
    package var attemptsMax: Int
    /// While a job of this name is queued or running, another is not added; nil for no such name. A dead one does not stand in the way.
    package var uniqueName: String?

    /// Describes work that may begin now.
    package init(
        _ kind: String, tenant: String, owner: String, payload: String = "", dueAtMilliseconds: Int64 = StoreClock.nowMilliseconds(),
        attemptsMax: Int = StoreLimits.jobAttemptsDefault, uniqueName: String? = nil
    ) {
        (self.kind, self.tenant, self.owner, self.payload) = (kind, tenant, owner, payload)
        (self.dueAtMilliseconds, self.attemptsMax, self.uniqueName) = (dueAtMilliseconds, attemptsMax, uniqueName)
    }
}

/// Where a job is.
package enum JobState: String, Sendable, Hashable, CaseIterable {
    /// Next: running.
    case queued
    /// Next: done, queued again after a failure or a lost lease, dead.
    case running
    /// The end.
    case done
    /// It failed too often: the end, unless somebody says `retry`.
    case dead
}

/// A job in the hands of one worker, until its lease ends.
package struct JobLease: Sendable, Hashable {
    /// The job's id.
    package let id: String
    package let kind: String
    package let tenant: String
    package let owner: String
    package let payload: String
    /// 1 for the first.
    package let attempt: Int
    /// Of this attempt alone: whoever lost the lease can change nothing any more.
    let token: String
    /// Until when the worker may believe that it has the job, unless it renews the lease: a little less than the lease, by a clock that nobody sets.
    let until: Deadline
}

/// A job as lists show it.
package struct JobRecord: Sendable, Hashable {
    package let id: String
    package let kind: String
    package let tenant: String
    package let owner: String
    package let state: JobState
    package let attempts: Int
    package let attemptsMax: Int
    package let dueAtMilliseconds: Int64
    package let createdAtMilliseconds: Int64
    /// Which worker had it last.
    package let worker: String?
    /// Why it failed last.
    package let failure: String?
}
