import HTTP

/// The class of token bucket that a request or frame draws from (SPEC 7).
package enum LimitClass: String, Sendable, CaseIterable {
    case reads, writes, tools, config, chat, upload, voice
    /// Passwords, codes and links, by address before sign-in.
    case login
    /// What machines ask: drawn by address, never by who asks.
    case operations
    /// Requests whose key is none, by address; also what a page asks before it may ask.
    case strangers
    /// Messages of one WebSocket.
    case frames
    /// Requests through a share link, by address and by link; and those of all links of one owner.
    case shares
    case sharesOfOwner = "shares_of_owner"
    /// Requests of this host to one provider, by its name.
    case providers
    /// Passwords tried for one account.
    case guesses

    /// Whether every host counts for itself: health must not wait for a database, a socket is one host's, and so is what it asks of others.
    var isLocal: Bool { self == .operations || self == .frames || self == .providers }
}

/// How many requests of a class one caller has.
package struct RatePolicy: Sendable, Hashable {
    /// Requests at once, and in `seconds` seconds.
    package let count: Int
    package let seconds: Int

    package init(_ count: Int, perSeconds seconds: Int) {
        precondition(count > 0 && seconds > 0, "a rate lets something through")
        (self.count, self.seconds) = (count, seconds)
    }

    /// What SPEC 7 says, and room for machines.
    package static func standard(_ limitClass: LimitClass) -> RatePolicy {
        switch limitClass {
        case .reads: RatePolicy(600, perSeconds: 60)
        case .writes, .tools, .strangers: RatePolicy(120, perSeconds: 60)
        case .login, .upload: RatePolicy(10, perSeconds: 60)
        case .chat: RatePolicy(60, perSeconds: 60)
        case .voice: RatePolicy(20, perSeconds: 60)
        case .config: RatePolicy(30, perSeconds: 3600)
        case .operations: RatePolicy(60_000, perSeconds: 60)
        case .frames: RatePolicy(20, perSeconds: 1)
        case .shares: RatePolicy(60, perSeconds: 60)
        case .sharesOfOwner, .providers: RatePolicy(600, perSeconds: 60)
        case .guesses: RatePolicy(20, perSeconds: 3600)
        }
    }
}

/// Whose bucket it is.
package struct RateKey: Hashable, Sendable {
    let limitClass: LimitClass
    /// Empty for an address.
    let tenant: String
    let user: String
    /// Whose policy it is; the bucket stays the same when it changes.
    var plan = ""

    package init(_ limitClass: LimitClass, _ principal: Principal) {
        (self.limitClass, tenant, user, plan) = (limitClass, principal.tenant, principal.id, principal.plan)
    }

    /// Of something that is neither a caller nor an address, such as a link.
    package init(_ limitClass: LimitClass, tenant: String = "", subject: String, plan: String = "") {
        (self.limitClass, self.tenant, user, self.plan) = (limitClass, tenant, "=" + subject, plan)
    }

    /// Its name among all keys; the parts cannot be taken for one another.
    var text: String { "\(limitClass.rawValue) \(tenant.utf8.count) \(tenant)\(user)" }

    package static func == (left: RateKey, right: RateKey) -> Bool {
        left.limitClass == right.limitClass && left.tenant == right.tenant && left.user == right.user
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(limitClass)
        hasher.combine(tenant)
        hasher.combine(user)
    }

    /// IPv6 clients count by their /64, as their connections do.
    package init(_ limitClass: LimitClass, address: String) {
        (self.limitClass, tenant, user) = (limitClass, "", ClientAddress.network(address))
    }
}
