/// Counts wrong codes of a second factor, and locks it (AUTH-7). The row that it is read from is locked while it decides, so that no two tries
/// see the same count.
package struct CodeLock: Sendable, Hashable {
    /// Wrong codes since the last right one or lock.
    package private(set) var failures: Int64
    /// Until when nothing is looked at.
    package private(set) var lockedUntil: Int64
    /// The last step whose code was taken: none works twice.
    package private(set) var lastStep: Int64

    /// Describes a lock as it was stored.
    package init(failures: Int64 = 0, lockedUntil: Int64 = 0, lastStep: Int64 = 0) {
        (self.failures, self.lockedUntil, self.lastStep) = (failures, lockedUntil, lastStep)
    }

    /// What a try came to.
    package enum Outcome: Sendable, Hashable {
        /// The code was right.
        case right
        /// It was wrong; so many more may be.
        case wrong(left: Int64)
        /// It was not looked at.
        case locked(milliseconds: Int64)
    }

    /// Takes a try. `step` says which step the code belongs to, nil for a wrong code; a recovery code has none of its own and gives `lastStep`.
    package mutating func attempt(now: Int64, step: (_ after: Int64) -> Int64?) -> Outcome {
        if now < lockedUntil { return .locked(milliseconds: lockedUntil - now) }
        guard let step = step(lastStep) else { return fail(now) }
        (failures, lockedUntil, lastStep) = (0, 0, step)
        return .right
    }

    private mutating func fail(_ now: Int64) -> Outcome {
        failures += 1
        guard failures >= IdentityLimits.wrongCodesMax else { return .wrong(left: IdentityLimits.wrongCodesMax - failures) }
        failures = 0
        lockedUntil = now + IdentityLimits.codeLockMilliseconds
        return .wrong(left: 0)
    }
}
