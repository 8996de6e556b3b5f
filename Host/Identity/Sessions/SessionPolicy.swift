/// How long sessions live (AUTH-2, AUTH-6); times in milliseconds since 1970-01-01 UTC. Decides, and does no I/O.
package struct SessionPolicy: Sendable {
    /// What holds for one kind of device.
    package struct Lifetime: Sendable, Hashable {
        /// Without use.
        package var idle: Int64
        /// Of an id, in use.
        package var renewal: Int64

        /// Describes a lifetime.
        package init(idle: Int64, renewal: Int64) { (self.idle, self.renewal) = (idle, renewal) }
    }

    /// Where a plan has its own.
    private let own: @Sendable (Device, _ plan: String) -> Lifetime?

    /// Lifetimes of plans that differ from the standard.
    package init(plans: [String: [Device: Lifetime]] = [:]) { own = { plans[$1]?[$0] } }

    /// Asks at every use how long a session lives without use, in milliseconds; a new id comes as often as the standard says.
    package init(idle: @escaping @Sendable (Device, _ plan: String) -> Int64) {
        own = { device, plan in Lifetime(idle: idle(device, plan), renewal: Self.standard(device).renewal) }
    }

    /// Web 7 days and a new id each day; mobile 1 day and a new id each half.
    package static func standard(_ device: Device) -> Lifetime {
        switch device {
        case .web: Lifetime(idle: 7 * 86_400_000, renewal: 24 * 3_600_000)
        case .mobile: Lifetime(idle: 86_400_000, renewal: 12 * 3_600_000)
        }
    }

    /// What holds for a plan; never longer than any session may live.
    package func lifetime(_ device: Device, plan: String) -> Lifetime {
        let found = own(device, plan) ?? Self.standard(device)
        return Lifetime(idle: min(found.idle, IdentityLimits.sessionMillisecondsMax), renewal: found.renewal)
    }

    /// The times of a session that begins.
    package func begin(_ device: Device, plan: String, now: Int64) -> SessionTimes {
        SessionTimes(
            renewedAt: now, expiresAt: now + lifetime(device, plan: plan).idle, endsAt: now + IdentityLimits.sessionMillisecondsMax,
            previousUntil: nil)
    }
}

/// The times of a session, and what may happen to it.
package struct SessionTimes: Sendable, Hashable {
    /// When its id was made.
    package var renewedAt: Int64
    /// When it ends if it is not used.
    package var expiresAt: Int64
    /// When it ends in any case.
    package var endsAt: Int64
    /// Until when the id before this one works; nil when there was none.
    package var previousUntil: Int64?

    /// Describes a session.
    package init(renewedAt: Int64, expiresAt: Int64, endsAt: Int64, previousUntil: Int64?) {
        (self.renewedAt, self.expiresAt, self.endsAt, self.previousUntil) = (renewedAt, expiresAt, endsAt, previousUntil)
    }

    /// Which of a session's ids was shown.
    package enum Shown: Sendable { case current, previous }

    /// What to do with a session that is used.
    package enum Action: Sendable, Hashable {
        /// It is over, or the old id's grace is.
        case refuse
        /// It goes on; it now expires then.
        case goOn(expiresAt: Int64)
        /// The same, and it gets a new id: the old one works until `previousUntil`.
        case renew(SessionTimes)
    }

    /// Judges a use by an id, or by a token (`current`).
    package func use(_ shown: Shown, _ lifetime: SessionPolicy.Lifetime, now: Int64) -> Action {
        guard now < min(expiresAt, endsAt) else { return .refuse }
        if shown == .previous, now >= previousUntil ?? 0 { return .refuse }
        let next = max(expiresAt, min(now + lifetime.idle, endsAt))
        guard shown == .current, now - renewedAt >= lifetime.renewal else { return .goOn(expiresAt: next) }
        return .renew(
            SessionTimes(
                renewedAt: now, expiresAt: next, endsAt: endsAt, previousUntil: now + IdentityLimits.sessionGraceMilliseconds))
    }
}

/// A refresh token: used once. One that comes again is in two hands, and nobody knows whose is the right one.
package struct RefreshState: Sendable, Hashable {
    /// When it was exchanged; nil while it is fresh.
    package var usedAt: Int64?
    /// When it ends.
    package var expiresAt: Int64

    /// Describes a token.
    package init(usedAt: Int64?, expiresAt: Int64) { (self.usedAt, self.expiresAt) = (usedAt, expiresAt) }

    /// What to do when it is shown.
    package enum Action: Sendable, Hashable {
        /// Exchange it.
        case rotate
        /// It was exchanged before: end its whole family, which is its session.
        case revokeFamily
        /// It is too old.
        case refuse
    }

    /// Judges a token that is shown. A replay is one however old it is.
    package func show(now: Int64) -> Action {
        if usedAt != nil { return .revokeFamily }
        return now < expiresAt ? .rotate : .refuse
    }
}
