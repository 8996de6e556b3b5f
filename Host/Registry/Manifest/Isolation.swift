/// What one worker process may serve before it is destroyed; the raw values are the manifest's and the supervisor's.
package enum Isolation: String, Sendable, Hashable, CaseIterable, Comparable {
    /// A fresh process for every call.
    case call
    /// One user of one tenant.
    case user
    /// One tenant.
    case tenant
    /// Everyone; only for plugins that declare no state.
    case shared

    /// Stricter is less: `call < user < tenant < shared`.
    package static func < (left: Isolation, right: Isolation) -> Bool { left.rank < right.rank }

    private var rank: Int {
        switch self {
        case .call: 0
        case .user: 1
        case .tenant: 2
        case .shared: 3
        }
    }
}
