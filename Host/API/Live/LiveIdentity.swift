import HTTP
package import Identity
import JSON
import Store
package import Telemetry

/// Identity, as the routes see it: takes what a request was checked to hold, and answers in the contract's shapes.
package struct LiveIdentity: Sendable {
    private let service: IdentityService?
    private let log: Log?
    private let providers: OIDCService?
    private let settings: LiveSettings?

    /// Uses a service; `settings` know which plans there are.
    package init(_ service: IdentityService, providers: OIDCService? = nil, settings: LiveSettings? = nil, log: Log) {
        (self.service, self.providers, self.settings, self.log) = (service, providers, settings, log)
    }

    /// Describes routes that nobody calls.
    private init() { (service, providers, settings, log) = (nil, nil, nil, nil) }

    /// - Throws: 400 for a plan that does not exist.
    func checkPlan(_ plan: String) throws(APIError) { try settings?.check(plan: plan) }

    /// For a table that is only described.
    package static let none = LiveIdentity()

    /// Runs an act; its failure in the contract's words, and in the log what the client is not told.
    func run<Value>(
        _ act: (IdentityService) async throws(IdentityError) -> Value
    ) async throws(APIError) -> Value {
        guard let service else { throw .unexpected }
        do {
            return try await act(service)
        } catch {
            switch error {
            case .store(let cause): log?.error("identity could not use the store", [("cause", .string("\(cause)"))])
            case .failed(let cause): log?.error("identity failed", [("cause", .string(cause))])
            default: break
            }
            throw APIError(error)
        }
    }

    /// Begins a sign-in, or with `links` the linking of the caller's own account.
    func startProvider(_ context: RequestContext, links: Bool = false) async throws(APIError) -> Reply {
        let (begun, isSecure) = try await run { (service) async throws(IdentityError) in
            guard let providers else { throw .missing("identity provider") }
            if links { try await service.confirm(context.principal.id, password: context.body["password"]?.stringValue) }
            let account = links ? context.principal.id : nil
            return (try await providers.start(context.parameter("provider"), linking: account, requestID: context.requestID), providers.isSecure)
        }
        let cookie = "\(RequestReader.cookie)=\(begun.binding); Path=/; Max-Age=600; HttpOnly; SameSite=Lax\(isSecure ? "; Secure" : "")"
        return .dataSetting(
            ["authorization_url": .string(begun.url), "state": .string(begun.state), "binding": .string(begun.binding)],
            headers: [("Set-Cookie", cookie)])
    }

    func finishProvider(_ context: RequestContext) async throws(APIError) -> JSONValue {
        let credentials = try await run { (_) async throws(IdentityError) in
            guard let providers else { throw .missing("identity provider") }
            guard let state = context.query["state"]?.stringValue, let code = context.query["code"]?.stringValue else { throw .invalidToken }
            return try await providers.finish(
                context.parameter("provider"), state: state, code: code, binding: context.binding,
                network: ClientAddress.network(context.remoteAddress), requestID: context.requestID)
        }
        return Self.json(credentials)
    }

    func links(_ context: RequestContext) async throws(APIError) -> JSONValue {
        let found = try await run { (service) async throws(IdentityError) in try await service.links(of: context.principal.id) }
        let names = providers?.issuers ?? [:]
        let items = found.map { link -> JSONValue in
            ["provider": names[link.issuer].map { .string($0) } ?? .null, "issuer": .string(link.issuer), "created_at": Self.time(link.createdAt)]
        }
        return ["items": .array(items), "next_cursor": nil, "has_next": false]
    }

    func removeLink(_ context: RequestContext) async throws(APIError) -> JSONValue {
        try await run { (service) async throws(IdentityError) in
            guard let providers else { throw .missing("identity provider") }
            try await service.unlink(context.principal.id, issuer: providers.issuer(context.parameter("provider")), by: context.actor)
        }
        return Self.done
    }

    /// The public keys of access tokens.
    func keySet() throws(APIError) -> JSONValue {
        guard let service else { throw .unexpected }
        return service.keySet
    }
}

extension LiveIdentity {
    private func request(_ context: RequestContext) async throws(APIError) -> SignInRequest {
        let tenant = try await run { (service) async throws(IdentityError) in try await service.tenant(ofHost: context.host) }
        return SignInRequest(
            email: context.text("email"), password: context.text("password"), code: context.body["mfa_code"]?.stringValue,
            device: context.body["device_type"]?.stringValue.flatMap { Device(rawValue: $0) } ?? .web, tenant: tenant, requestID: context.requestID,
            network: ClientAddress.network(context.remoteAddress))
    }

    func signUp(_ context: RequestContext) async throws(APIError) -> JSONValue {
        let (request, handle, invitation) = (
            try await request(context), context.body["handle"]?.stringValue, context.body["invitation"]?.stringValue
        )
        return Self.json(
            try await run { (service) async throws(IdentityError) in try await service.signUp(request, handle: handle, invitation: invitation) })
    }

    func signIn(_ context: RequestContext) async throws(APIError) -> JSONValue {
        let request = try await request(context)
        switch try await run({ (service) async throws(IdentityError) in try await service.signIn(request) }) {
        case .signedIn(let credentials): return Self.json(credentials)
        case .codeRequired(let account):
            return [
                "user_id": .string(account.id), "tenant_id": .string(account.tenant), "role": .string(account.role.rawValue), "session_id": nil,
                "session_expires_at": nil, "access_token": nil, "refresh_token": nil, "token_type": nil, "mfa_required": true,
            ]
        }
    }

    func refresh(_ context: RequestContext) async throws(APIError) -> JSONValue {
        let token = context.text("refresh_token")
        return Self.json(try await run { (service) async throws(IdentityError) in try await service.refresh(token, requestID: context.requestID) })
    }

    func signOut(_ context: RequestContext) async throws(APIError) -> JSONValue {
        let caller = context.principal
        try await run { (service) async throws(IdentityError) in
            try await service.end(session: caller.session ?? "", of: caller.id, tenant: caller.tenant, by: context.actor)
        }
        return Self.done
    }

    func requestReset(_ context: RequestContext) async throws(APIError) -> JSONValue {
        try await run { (service) async throws(IdentityError) in
            let tenant = try await service.tenant(ofHost: context.host)
            try await service.requestReset(email: context.text("email"), tenant: tenant, requestID: context.requestID)
        }
        return Self.done
    }

    func completeReset(_ context: RequestContext) async throws(APIError) -> JSONValue {
        try await run { (service) async throws(IdentityError) in
            try await service.completeReset(
                token: context.text("token"), to: context.text("new_password"), requestID: context.requestID,
                network: ClientAddress.network(context.remoteAddress))
        }
        return Self.done
    }

    func requestVerification(_ context: RequestContext) async throws(APIError) -> JSONValue {
        try await run { (service) async throws(IdentityError) in
            try await service.sendVerification(to: service.account(context.principal.id), requestID: context.requestID)
        }
        return Self.done
    }

    func verifyEmail(_ context: RequestContext) async throws(APIError) -> JSONValue {
        try await run { (service) async throws(IdentityError) in
            try await service.verifyEmail(token: context.text("token"), requestID: context.requestID)
        }
        return Self.done
    }

    func changePassword(_ context: RequestContext) async throws(APIError) -> JSONValue {
        try await run { (service) async throws(IdentityError) in
            try await service.changePassword(
                of: context.principal.id, from: context.text("current_password"), to: context.text("new_password"),
                keeping: context.principal.session, requestID: context.requestID)
        }
        return Self.done
    }

    func secondFactor(_ context: RequestContext) async throws(APIError) -> JSONValue {
        let status = try await run { (service) async throws(IdentityError) in try await service.secondFactor(of: context.principal.id) }
        return [
            "enabled": .bool(status.isEnabled), "recovery_codes_left": JSONValue(status.recoveryCodes),
            "locked_until": status.lockedUntil.map(Self.time) ?? .null,
        ]
    }

    func enableSecondFactor(_ context: RequestContext) async throws(APIError) -> JSONValue {
        let begun = try await run { (service) async throws(IdentityError) in
            try await service.enableSecondFactor(of: service.account(context.principal.id), requestID: context.requestID)
        }
        return ["secret": .string(begun.secret), "otpauth_uri": .string(begun.uri)]
    }

    func verifySecondFactor(_ context: RequestContext) async throws(APIError) -> JSONValue {
        let codes = try await run { (service) async throws(IdentityError) in
            try await service.verifySecondFactor(
                of: service.account(context.principal.id), code: context.text("code"), requestID: context.requestID)
        }
        return ["recovery_codes": .array(codes.map { .string($0) })]
    }

    func renewRecoveryCodes(_ context: RequestContext) async throws(APIError) -> JSONValue {
        let codes = try await run { (service) async throws(IdentityError) in
            try await service.renewRecoveryCodes(
                of: service.account(context.principal.id), code: context.text("code"), requestID: context.requestID)
        }
        return ["recovery_codes": .array(codes.map { .string($0) })]
    }

    func disableSecondFactor(_ context: RequestContext) async throws(APIError) -> JSONValue {
        try await run { (service) async throws(IdentityError) in
            try await service.disableSecondFactor(
                of: service.account(context.principal.id), code: context.text("code"), requestID: context.requestID)
        }
        return Self.done
    }

    static let done: JSONValue = ["done": true]

    static func time(_ milliseconds: Int64) -> JSONValue { .string(Timestamp.text(milliseconds: milliseconds)) }

    static func json(_ credentials: Credentials) -> JSONValue {
        let account = credentials.account
        return [
            "user_id": .string(account.id), "tenant_id": .string(account.tenant), "role": .string(account.role.rawValue),
            "session_id": credentials.sessionID.map { .string($0) } ?? .null, "session_handle": .string(credentials.session),
            "session_expires_at": time(credentials.sessionExpiresAt), "access_token": .string(credentials.accessToken),
            "access_expires_at": time(credentials.accessExpiresAt), "refresh_token": .string(credentials.refreshToken), "token_type": "Bearer",
            "mfa_required": false, "password_change_required": .bool(account.mustChangePassword),
        ]
    }
}

extension RequestContext {
    /// A member of the body whose schema says that it is text.
    func text(_ name: String) -> String { body[name]?.stringValue ?? "" }
    /// Who does it, for the audit log.
    var actor: Actor { Actor(principal.id, requestID: requestID) }
}
