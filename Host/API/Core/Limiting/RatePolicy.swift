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
        }
    }
}

/// Whose bucket it is.
struct RateKey: Hashable, Sendable {
    let limitClass: LimitClass
    /// Empty for an address.
    let tenant: String
    let user: String
    /// Whose policy it is; the bucket stays the same when it changes.
    var plan = ""

    init(_ limitClass: LimitClass, _ principal: Principal) {
        (self.limitClass, tenant, user, plan) = (limitClass, principal.tenant, principal.id, principal.plan)
    }

    static func == (left: RateKey, right: RateKey) -> Bool {
        left.limitClass == right.limitClass && left.tenant == right.tenant && left.user == right.user
    }

    func hash(into hasher: inout Hasher) {
        hasher.combine(limitClass)
        hasher.combine(tenant)
        hasher.combine(user)
    }

    /// IPv6 clients count by their /64, as their connections do.
    init(_ limitClass: LimitClass, address: String) {
        (self.limitClass, tenant, user) = (limitClass, "", ClientAddress.network(address))
    }
}
