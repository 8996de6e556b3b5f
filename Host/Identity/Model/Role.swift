/// What an account may do, from least to most: whoever may do more may do what comes before.
package enum Role: String, Sendable, Hashable, CaseIterable, Comparable {
    /// Uses the service.
    case user
    /// And administrates the accounts of one tenant.
    case admin
    /// And the whole host: plugins, manifests, sandbox, tenants, settings. In its own tenant it is an admin, as the first account is both.
    case operatorOfHost = "operator"

    package static func < (left: Role, right: Role) -> Bool { left.rank < right.rank }

    private var rank: Int {
        switch self {
        case .user: 0
        case .admin: 1
        case .operatorOfHost: 2
        }
    }
}

/// What an API key is for; a key never may more than its account.
package enum Scope: String, Sendable, Hashable, CaseIterable {
    /// Read what the account may read.
    case read
    /// Change what it may change.
    case write
    /// Call tools.
    case tools
    /// Health of the host in numbers: metrics.
    case metrics
    /// Administrate, if the account may.
    case admin

    /// The scopes of a stored list; unknown words count for nothing.
    static func set(_ text: String) -> Set<Scope> { Set(text.split(separator: " ").compactMap { Scope(rawValue: String($0)) }) }

    /// What is stored of a set.
    static func text(_ scopes: Set<Scope>) -> String { scopes.map(\.rawValue).sorted().joined(separator: " ") }
}

/// What a client runs on, which decides how long its sessions live (AUTH-6).
package enum Device: String, Sendable, Hashable, CaseIterable {
    case web, mobile
}
