/// How a jail is built on this machine (DESIGN 4): the strongest that the kernel and the account allow, proved by building one.
package enum Rung: UInt8, Sendable, CaseIterable {
    /// The spawner is root: a user of its own for every slot.
    case root = 1
    /// A user namespace: one host user for all slots.
    case userNamespace = 2
    /// Landlock, seccomp and rlimits in the host's own namespaces: no threads, no writing, no `/scratch`; `stat` sees names.
    case landlock = 3
    /// seccomp and rlimits alone: a plugin reads every file that the account reads. Only where the operator asked for it in writing.
    case seccomp = 4

    /// As it is shown and configured: `root`, `userns`, `landlock` or `seccomp`.
    package var name: String {
        switch self {
        case .root: "root"
        case .userNamespace: "userns"
        case .landlock: "landlock"
        case .seccomp: "seccomp"
        }
    }

    /// The rung of that name.
    package init?(name: String) {
        guard let found = Self.allCases.first(where: { $0.name == name }) else { return nil }
        self = found
    }

    /// Whether a worker has a root, processes and a network of its own.
    package var hasNamespaces: Bool { self == .root || self == .userNamespace }

    /// Whether it is `other` or stronger.
    package func isAtLeast(_ other: Rung) -> Bool { rawValue <= other.rawValue }
}
