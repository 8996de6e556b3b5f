/// How far apart calls are kept: what a worker may serve before it is destroyed.
package enum IsolationMode: String, Sendable, Hashable, CaseIterable {
    /// A fresh process for every call.
    case call
    /// A worker serves one user.
    case user
    /// A worker serves one tenant.
    case tenant
    /// A worker serves everyone; only for plugins that declare no state.
    case shared
}

/// Whom a worker serves. Two calls may share a worker only if their keys are equal.
package struct IsolationKey: Sendable, Hashable {
    package let tenant: String
    package let user: String
    /// Not 0 for `call` isolation: then it is the call's own number and nothing else equals it.
    package let call: UInt64

    private init(tenant: String, user: String, call: UInt64) {
        self.tenant = tenant
        self.user = user
        self.call = call
    }

    /// The key of a call under `mode`; `call` must be unique and not 0.
    package init(_ mode: IsolationMode, tenant: String, user: String, call: UInt64) {
        switch mode {
        case .call:
            precondition(call != 0)
            self.init(tenant: tenant, user: user, call: call)
        case .user: self.init(tenant: tenant, user: user, call: 0)
        case .tenant: self.init(tenant: tenant, user: "", call: 0)
        case .shared: self.init(tenant: "", user: "", call: 0)
        }
    }
}
