/// Who asks for a change of plugins, for history and audit.
package struct Requester: Sendable, Hashable, ExpressibleByStringLiteral {
    /// Id of the key, user or account; `system` for the host itself.
    package let id: String
    /// The tenant it acts for.
    package let tenant: String
    /// The request that carried it; nil for a command or a file.
    package let requestID: String?

    /// Names who asks.
    package init(_ id: String, tenant: String = "system", requestID: String? = nil) {
        (self.id, self.tenant, self.requestID) = (id, tenant, requestID)
    }

    /// An id without a tenant of its own.
    package init(stringLiteral value: String) { self.init(value) }

    /// The host itself.
    package static let system = Requester("system")
}
