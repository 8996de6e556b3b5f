import Testing

@testable import Identity

private let hour: Int64 = 3_600_000
private let day: Int64 = 24 * hour

@Suite("Identity: sessions, refresh tokens and locks as states")
struct StateTests {
    @Test("a session lives 7 days on the web and 1 day on a mobile without use, by plan, and 30 days at most (AUTH-6)")
    func lifetimes() {
        let policy = SessionPolicy(plans: ["paid": [.mobile: .init(idle: 90 * day, renewal: day)]])
        #expect(policy.begin(.web, plan: "free", now: 5).expiresAt == 5 + 7 * day)
        #expect(policy.begin(.mobile, plan: "free", now: 5).expiresAt == 5 + day)
        #expect(policy.begin(.mobile, plan: "paid", now: 5).expiresAt == 5 + 30 * day)
        #expect(policy.begin(.web, plan: "paid", now: 5).expiresAt == 5 + 7 * day)
        var times = policy.begin(.web, plan: "free", now: 0)
        let lifetime = policy.lifetime(.web, plan: "free")
        // Used once a day it goes on, and ends after 30 days all the same.
        for now in stride(from: day / 2, to: 30 * day, by: Int(day)) {
            switch times.use(.current, lifetime, now: now) {
            case .refuse: Issue.record("refused at \(now)")
            case .goOn(let expiresAt): times.expiresAt = expiresAt
            case .renew(let next): times = next
            }
        }
        #expect(times.endsAt == 30 * day && times.expiresAt == 30 * day)
        #expect(times.use(.current, lifetime, now: 30 * day) == .refuse)
        let unused = policy.begin(.web, plan: "free", now: 0)
        #expect(unused.use(.current, lifetime, now: 7 * day - 1) != .refuse && unused.use(.current, lifetime, now: 7 * day) == .refuse)
    }

    @Test(
        "a session gets a new id and expiry after 24 h of use, mobile 12 h, and the old id dies 5 min later (AUTH-2)",
        arguments: [(Device.web, 24 * hour), (.mobile, 12 * hour)])
    func renewal(device: Device, after: Int64) {
        let policy = SessionPolicy()
        let lifetime = policy.lifetime(device, plan: "free")
        let times = policy.begin(device, plan: "free", now: 0)
        #expect(times.use(.current, lifetime, now: after - 1) == .goOn(expiresAt: after - 1 + lifetime.idle))
        guard case .renew(let next) = times.use(.current, lifetime, now: after) else {
            // Mobile sessions that were not used for their 24 h are over; at 12 h they are not.
            Issue.record("not renewed")
            return
        }
        #expect(next.renewedAt == after && next.expiresAt == after + lifetime.idle && next.endsAt == times.endsAt)
        #expect(next.previousUntil == after + 5 * 60_000)
        #expect(next.use(.previous, lifetime, now: after + 5 * 60_000 - 1) != .refuse)
        #expect(next.use(.previous, lifetime, now: after + 5 * 60_000) == .refuse)
        #expect(next.use(.current, lifetime, now: after + 5 * 60_000) != .refuse)
        // The old id never renews anything.
        if case .renew = next.use(.previous, lifetime, now: after + 1) { Issue.record("the old id renewed the session") }
    }

    @Test("a refresh token is exchanged once; shown again it ends its family, however late")
    func refresh() {
        #expect(RefreshState(usedAt: nil, expiresAt: 10).show(now: 9) == .rotate)
        #expect(RefreshState(usedAt: nil, expiresAt: 10).show(now: 10) == .refuse)
        #expect(RefreshState(usedAt: 3, expiresAt: 10).show(now: 4) == .revokeFamily)
        #expect(RefreshState(usedAt: 3, expiresAt: 10).show(now: 400) == .revokeFamily)
    }

    @Test("five wrong codes lock for five minutes, in which the right one does not help; a right one clears the count (AUTH-7)")
    func codes() {
        var lock = CodeLock()
        for left in [4, 3, 2, 1, 0] as [Int64] { #expect(lock.attempt(now: 1000) { _ in nil } == .wrong(left: left)) }
        #expect(lock.attempt(now: 1001) { _ in 7 } == .locked(milliseconds: 5 * 60_000 - 1))
        #expect(lock.attempt(now: 1000 + 5 * 60_000) { _ in 7 } == .right)
        #expect(lock.lastStep == 7)
        for _ in 0..<4 { _ = lock.attempt(now: 0) { _ in nil } }
        #expect(lock.attempt(now: 0) { $0 == 7 ? 8 : nil } == .right)
        #expect(lock.attempt(now: 0) { _ in nil } == .wrong(left: 4))
    }
}

@Suite("Identity: who is remembered")
struct OwnerMemoryTests {
    private static func owner(_ account: String, until expiresAt: Int64 = .max) -> SignedIn {
        SignedIn(account: account, tenant: "main", role: .user, expiresAt: expiresAt)
    }

    @Test("what was read before a change is not kept after it, so that a late reader revives nobody (AUTH-15)")
    func lateReader() {
        let memory = OwnerMemory()
        let token = CredentialDigest("token")
        let early = memory.ticket()
        memory.forget(account: "a")
        memory.keep(Self.owner("a"), of: token, readWith: early, now: 0)
        #expect(memory.owner(of: token, now: 0) == nil)
        memory.keep(Self.owner("a"), of: token, readWith: memory.ticket(), now: 0)
        #expect(memory.owner(of: token, now: 0)?.account == "a")
        memory.forget(account: "b")
        #expect(memory.owner(of: token, now: 0)?.account == "a")
        memory.forget(account: "a")
        #expect(memory.owner(of: token, now: 0) == nil && memory.count == 0)
    }

    @Test("a credential is forgotten when it ends, after a minute, and when the clock goes back")
    func ages() {
        let memory = OwnerMemory()
        let (short, long) = (CredentialDigest("short"), CredentialDigest("long"))
        memory.keep(Self.owner("a", until: 1500), of: short, readWith: memory.ticket(), now: 1000)
        memory.keep(Self.owner("a"), of: long, readWith: memory.ticket(), now: 1000)
        #expect(memory.owner(of: short, now: 1499) != nil && memory.owner(of: short, now: 1500) == nil)
        #expect(memory.owner(of: long, now: 60_999) != nil && memory.owner(of: long, now: 61_000) == nil)
        #expect(memory.owner(of: long, now: 999) == nil)
    }

    @Test("what another process changes is noticed by its stamp, and nothing is believed while it is under way")
    func stamps() {
        let stamp = Counter()
        let memory = OwnerMemory(stamp: { stamp.value })
        let token = CredentialDigest("token")
        memory.keep(Self.owner("a"), of: token, readWith: memory.ticket(), now: 0)
        #expect(memory.owner(of: token, now: 0) != nil)
        stamp.value = nil
        #expect(memory.owner(of: token, now: 0) == nil)
        let during = memory.ticket()
        stamp.value = 1
        memory.keep(Self.owner("a"), of: token, readWith: during, now: 0)
        #expect(memory.owner(of: token, now: 0) == nil)
        memory.keep(Self.owner("a"), of: token, readWith: memory.ticket(), now: 0)
        #expect(memory.owner(of: token, now: 0) != nil)
    }

    @Test("it holds so many credentials and no more")
    func bounded() {
        let memory = OwnerMemory(countMax: 64)
        for number in 0..<1000 {
            memory.keep(Self.owner("a\(number)"), of: CredentialDigest("t\(number)"), readWith: memory.ticket(), now: 0)
            #expect(memory.count <= 64)
        }
        #expect(memory.owner(of: CredentialDigest("t999"), now: 0)?.account == "a999")
        #expect(memory.count > 32)
    }
}

/// A number that a test changes.
private final class Counter: @unchecked Sendable {
    // SAFETY: one test, one thread.
    var value: UInt64? = 0
}
