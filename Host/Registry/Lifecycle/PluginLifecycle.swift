/// Where a plugin stands (SPEC 2.2); the raw values are the admin API's.
package enum PluginLifecycleState: String, Sendable, Hashable, CaseIterable {
    /// A manifest names it. Next: verified, broken, removed.
    case discovered
    /// Bundle, digests and grants were checked. Next: enabled, disabled, broken, removed.
    case verified
    /// It may be called; no worker has started yet. Next: warming, draining, broken, disabled, removed.
    case enabled
    /// Its first workers are starting. Next: ready, draining, broken, disabled, removed.
    case warming
    /// A worker has loaded it. Next: draining, broken, disabled, removed.
    case ready
    /// Calls in flight finish, new ones go elsewhere. Next: disabled, removed.
    case draining
    /// It cannot be loaded; the reason is kept. Next: verified, disabled, removed.
    case broken
    /// The operator turned it off. Next: enabled, verified, removed.
    case disabled
    /// Its manifest is gone. Next: discovered.
    case removed

    /// Whether new calls are accepted.
    package var isCallable: Bool { self == .enabled || self == .warming || self == .ready }
}

/// What happens to a plugin.
package enum PluginLifecycleEvent: Sendable, Hashable {
    /// A manifest names it (again).
    case found
    /// All checks passed.
    case verify
    /// It may be called.
    case enable
    /// Its first worker is starting.
    case warm
    /// A worker has loaded it.
    case becomeReady
    /// A newer version takes over, or it is about to be turned off.
    case drain
    /// It cannot be loaded, and why.
    case breakDown(String)
    /// The operator turns it off.
    case disable
    /// Its manifest is gone.
    case remove
}

/// An event that the present state does not permit.
package struct PluginLifecycleError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The state that was kept.
    package let state: PluginLifecycleState
    /// The event that was refused.
    package let event: PluginLifecycleEvent

    /// One sentence for the operator.
    package var description: String { "a plugin that is \(state.rawValue) cannot take \(event)" }
}

/// A plugin's life as a pure state machine.
package struct PluginLifecycle: Sendable, Hashable {
    /// Where it stands.
    package private(set) var state = PluginLifecycleState.discovered
    /// Why it is broken; nil in every other state.
    package private(set) var reason: String?

    /// A plugin that was just discovered.
    package init() {}

    /// Takes an event; an event that is not permitted changes nothing and throws. Repeating a reached state is permitted.
    package mutating func apply(_ event: PluginLifecycleEvent) throws(PluginLifecycleError) {
        guard let next = Self.next(state, event) else { throw PluginLifecycleError(state: state, event: event) }
        state = next
        if case .breakDown(let why) = event { reason = why } else if next != .broken { reason = nil }
    }

    private static func next(_ state: PluginLifecycleState, _ event: PluginLifecycleEvent) -> PluginLifecycleState? {
        switch (event, state) {
        case (.remove, _): .removed
        case (.found, .removed), (.found, .discovered): .discovered
        case (.verify, .discovered), (.verify, .broken), (.verify, .disabled), (.verify, .verified): .verified
        case (.enable, .verified), (.enable, .disabled), (.enable, .enabled): .enabled
        case (.warm, .enabled), (.warm, .warming): .warming
        case (.warm, .ready): .ready
        case (.becomeReady, .enabled), (.becomeReady, .warming), (.becomeReady, .ready): .ready
        case (.drain, .enabled), (.drain, .warming), (.drain, .ready), (.drain, .draining): .draining
        case (.breakDown, .removed), (.breakDown, .disabled), (.breakDown, .draining): nil
        case (.breakDown, _): .broken
        case (.disable, .removed), (.disable, .discovered): nil
        case (.disable, _): .disabled
        default: nil
        }
    }
}
