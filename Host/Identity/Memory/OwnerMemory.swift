internal import Crypto
internal import IO

/// A credential's name in memory: its SHA-256, so that no credential is kept.
package struct CredentialDigest: Sendable, Hashable {
    private let words: (UInt64, UInt64, UInt64, UInt64)

    /// Hashes a credential as it was presented.
    package init(_ credential: String) { self.init(SHA256.hash(credential).bytes) }

    private init(_ bytes: [UInt8]) {
        func word(_ index: Int) -> UInt64 { bytes[(8 * index)..<(8 * index + 8)].reduce(0) { $0 << 8 | UInt64($1) } }
        words = (word(0), word(1), word(2), word(3))
    }

    package static func == (left: CredentialDigest, right: CredentialDigest) -> Bool { left.words == right.words }
    package func hash(into hasher: inout Hasher) { hasher.combine(words.0) }
}

/// Remembers whom credentials belong to, so that a request costs no read; forgets before and after whatever changes that (AUTH-5, AUTH-10, AUTH-15).
///
/// The store is the one truth. What is here was read from it, and nothing has changed since that this process knows of: every change forgets the account
/// before it is written and again after, and a read that began before a change is not kept. So a change that fails half-way, or whose outcome is unknown,
/// leaves a read behind and never an old answer. Of other processes' changes the stamp tells, or the change waits until this one has forgotten.
package final class OwnerMemory: Sendable {
    /// Says what this process could not see: a number that changes with every change by another process; nil while one is under way.
    package typealias Stamp = @Sendable () -> UInt64?

    /// A moment before a read.
    package struct Ticket: Sendable {
        let changes: UInt64
        let stamp: UInt64?
    }

    private struct Entry: Sendable {
        let owner: SignedIn
        let readAt: Int64
        let stamp: UInt64
    }

    private struct Table: Sendable {
        var entries: [CredentialDigest: Entry] = [:]
        var byAccount: [String: [CredentialDigest]] = [:]
        var changes: UInt64 = 0
    }

    private let table = Lock(Table())
    private let stamp: Stamp
    private let countMax: Int

    /// Remembers at most `countMax` credentials.
    package init(countMax: Int = IdentityLimits.rememberedMax, stamp: @escaping Stamp = { 0 }) {
        self.countMax = countMax
        self.stamp = stamp
    }

    /// The owner, if it is known and still good at `now` (milliseconds); nil means: read it.
    package func owner(of credential: CredentialDigest, now: Int64) -> SignedIn? {
        guard let stamp = stamp() else { return nil }
        guard let entry = table.withLock({ $0.entries[credential] }) else { return nil }
        // A clock that went back makes an entry unreadable, not eternal.
        let age = now - entry.readAt
        guard entry.stamp == stamp, age >= 0, age < IdentityLimits.rememberedMilliseconds, now < entry.owner.expiresAt else { return nil }
        return entry.owner
    }

    /// To be taken before the store is read.
    package func ticket() -> Ticket { Ticket(changes: table.withLock { $0.changes }, stamp: stamp()) }

    /// Keeps what was read, unless anything has changed since the ticket was taken.
    package func keep(_ owner: SignedIn, of credential: CredentialDigest, readWith ticket: Ticket, now: Int64) {
        guard let stamp = ticket.stamp else { return }
        table.withLock { table in
            guard table.changes == ticket.changes else { return }
            if table.entries.count >= countMax { Self.makeRoom(&table) }
            if table.entries.updateValue(Entry(owner: owner, readAt: now, stamp: stamp), forKey: credential) == nil {
                table.byAccount[owner.account, default: []].append(credential)
            }
        }
    }

    /// Forgets an account's credentials; call it before a change is written and after, whatever became of it.
    package func forget(account: String) {
        table.withLock { table in
            table.changes &+= 1
            for credential in table.byAccount.removeValue(forKey: account) ?? [] { table.entries[credential] = nil }
        }
    }

    /// Forgets everybody: a tenant or the host changed.
    package func forgetAll() {
        table.withLock { table in
            table.changes &+= 1
            table.entries = [:]
            table.byAccount = [:]
        }
    }

    /// Credentials that are remembered.
    package var count: Int { table.withLock { $0.entries.count } }

    /// Lets accounts go, in no particular order, until an eighth is free.
    private static func makeRoom(_ table: inout Table) {
        let wanted = table.entries.count - max(1, table.entries.count / 8)
        for (account, credentials) in table.byAccount {
            if table.entries.count <= wanted { return }
            for credential in credentials { table.entries[credential] = nil }
            table.byAccount[account] = nil
        }
    }
}
