package import HTTP
package import IO
package import Identity
package import JSON

/// Who makes a request.
package struct Principal: Sendable, Equatable {
    /// Stable id for audit and accounting; `anonymous` where a route allows that.
    package var id: String
    package var tenant: String
    /// Nil for nobody in particular.
    package var role: Role?
    /// What an API key is for; nil for a session.
    package var scopes: Set<Scope>?
    /// Handle of the session; nil for an API key.
    package var session: String?
    /// The plan of the account, which decides its limits.
    package var plan = "free"
    /// Whether nothing is allowed but to set a password of one's own.
    package var mustChangePassword = false

    /// Nobody in particular.
    package static let anonymous = Principal(id: "anonymous", tenant: "", role: nil)

    /// Makes a principal.
    package init(id: String, tenant: String, role: Role?) { (self.id, self.tenant, self.role) = (id, tenant, role) }

    /// Whoever a credential belongs to.
    package init(_ owner: SignedIn) {
        self.init(id: owner.account, tenant: owner.tenant, role: owner.role)
        (scopes, session, mustChangePassword, plan) = (owner.scopes, owner.session, owner.mustChangePassword, owner.plan)
    }
}

/// A request that has passed every check of its route's row.
package struct RequestContext: Sendable {
    package var identity: RequestIdentity
    package var principal: Principal
    /// Path parameters, decoded, typed and checked.
    package var parameters: [String: JSONValue]
    /// Query parameters, typed and checked.
    package var query: [String: JSONValue]
    /// The body, checked; `null` for a route without one.
    package var body: JSONValue
    /// What the client will be sent.
    package var accepts: MediaType
    /// `Idempotency-Key`, or `client_request_id` of a body that has one; nil where the route takes none.
    package var idempotencyKey: String?
    package var remoteAddress: String
    /// The host name that was asked for.
    package var host: String?
    /// What the browser or client keeps of a sign-in that it began at a provider.
    package var binding: String?

    package var requestID: String { identity.requestID }

    /// A path parameter of the route's template, whose schema says that it is text.
    package func parameter(_ name: String) -> String { parameters[name]?.stringValue ?? "" }
    /// A path parameter whose schema says that it is an integer.
    package func integer(_ name: String) -> Int { parameters[name]?.intValue ?? 0 }

    /// The page a list is asked for: `limit` is within its range already.
    package var page: (limit: Int, cursor: String?) { (query["limit"]?.intValue ?? Limits.listDefault, query["cursor"]?.stringValue) }
}

/// What a handler answers with.
package enum Reply: Sendable {
    /// `data` of a success.
    case data(JSONValue, status: Int = 200)
    /// The same with fields of its own.
    case dataSetting(JSONValue, headers: [(name: String, value: String)])
    /// The same, serialised already.
    case dataBytes([UInt8], status: Int = 200)
    /// A document that stays the same for a while: clients may keep it and ask whether it is still the one.
    case document(contentType: String, bytes: [UInt8], tag: EntityTag)
    /// Something that is no envelope, such as metrics.
    case raw(contentType: String, bytes: [UInt8], status: Int = 200)
    /// A page of ours for a browser, and what it allows itself (`Content-Security-Policy`).
    case page([UInt8], policy: String)
    /// Something that is no envelope and may be long: written piece by piece, to be kept as a file of that name.
    case pieces(contentType: String, fileName: String, @Sendable (PieceWriter) async throws -> Void)
    /// The connection becomes a WebSocket.
    case socket
    /// Server-sent events; the closure returns when the stream is over and is cancelled when the client goes. An `APIError` that it throws is the last event.
    case events(@Sendable (any EventSink) async throws -> Void)
    /// Server-sent events that are nothing but their data, as protocols have them that are not ours. An `APIError` that the closure throws is the last of them, in
    /// the shape of the path.
    case dataEvents(@Sendable (@escaping DataWriter) async throws -> Void)
}

/// Where a long reply's pieces go; throws when the client is gone.
package typealias PieceWriter = @Sendable ([UInt8]) async throws -> Void

/// Where the data of a stream's events goes, one event a call; throws when the client is gone.
package typealias DataWriter = @Sendable (String) async throws -> Void

/// Where a handler's events go.
package protocol EventSink: Sendable {
    /// Sends one event at once.
    /// - Throws: When the client is gone.
    func send(_ event: String, _ data: JSONValue) async throws
    /// The same, given up at `deadline` if the client has not taken it.
    func send(_ event: String, _ data: JSONValue, until deadline: Deadline) async throws
}

extension EventSink {
    package func send(_ event: String, _ data: JSONValue, until deadline: Deadline) async throws { try await send(event, data) }
}
