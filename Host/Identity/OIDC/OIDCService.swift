internal import Crypto
internal import IO
internal import JSON
internal import Store

/// An identity provider that people of one tenant may sign in at (OpenID Connect).
package struct OIDCProvider: Sendable, Hashable {
    /// In paths and settings.
    package let name: String
    /// As its tokens say; what it publishes lies beneath.
    package let issuer: String
    package let client: String
    /// Nil for a public client, which has PKCE alone.
    package let secret: String?
    /// Where its people belong.
    package let tenant: String

    /// Describes a provider.
    package init(name: String, issuer: String, client: String, secret: String?, tenant: String = "main") {
        (self.name, self.issuer, self.client, self.secret, self.tenant) = (name, issuer, client, secret, tenant)
    }
}

/// Speaks to providers: the egress proxy in a server.
package protocol OIDCFetcher: Sendable {
    /// A GET without a body, a POST with a form. Throws when nothing came; any status is an answer.
    func fetch(_ url: String, form: [(name: String, value: String)]?, authorization: String?) async throws -> (status: Int, body: [UInt8])
}

/// Sign-in at identity providers: authorisation code with PKCE, a state that is used once, a nonce, issuer and audience checked, keys kept and read
/// again when a token names another (OpenID Connect Core 1.0, RFC 7636).
package final class OIDCService: Sendable {
    /// What a provider says of itself.
    private struct Metadata: Sendable {
        let authorization: String
        let token: String
        let keys: String
        var set: ProviderKeys?
        var readAt: Int64
    }

    private let identity: IdentityService
    private let providers: [String: OIDCProvider]
    private let fetcher: any OIDCFetcher
    private let known = Lock<[String: Metadata]>([:])

    /// Uses these providers.
    package init(_ identity: IdentityService, providers: [OIDCProvider], fetcher: any OIDCFetcher) {
        self.identity = identity
        self.providers = Dictionary(providers.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        self.fetcher = fetcher
    }

    /// A sign-in that was begun.
    package struct Begun: Sendable {
        /// Where to send the person.
        package let url: String
        /// What comes back with it.
        package let state: String
        /// What the browser, or the client, that began it keeps and shows at the end; nobody else's browser can end it.
        package let binding: String
    }

    /// Begins a sign-in, or the linking of an account whose owner is signed in.
    package func start(_ name: String, linking account: String? = nil, requestID: String?) async throws(IdentityError) -> Begun {
        let provider = try provider(name)
        let now = identity.now()
        let metadata = try await metadata(provider, now)
        let (state, nonce, verifier, binding) = (IssuedSecret("lmo_"), IssuedSecret("").text, IssuedSecret("").text, IssuedSecret("lmb_"))
        try await identity.write { connection in
            try await connection.execute(
                "INSERT INTO oidc_state (hash, provider, nonce, verifier, expires_at, browser, account) VALUES ($1, $2, $3, $4, $5, $6, $7)",
                [
                    .blob(state.hash), .text(name), .text(nonce), .text(verifier), .integer(now + IdentityLimits.oidcMilliseconds),
                    .blob(binding.hash), SQLValue(account),
                ])
            try await connection.execute("DELETE FROM oidc_state WHERE expires_at <= $1", [.integer(now)])
        }
        let challenge = Base64URL.encode(SHA256.hash(verifier).bytes)
        let query = Self.form([
            ("response_type", "code"), ("client_id", provider.client), ("redirect_uri", callback(provider)), ("scope", "openid email"),
            ("state", state.text), ("nonce", nonce), ("code_challenge", challenge), ("code_challenge_method", "S256"),
        ])
        let url = metadata.authorization + (metadata.authorization.contains("?") ? "&" : "?") + query
        return Begun(url: url, state: state.text, binding: binding.text)
    }

    /// Ends a sign-in with what the provider sent back, in the browser that began it; links the account whose owner began it.
    package func finish(
        _ name: String, state: String, code: String, binding: String?, network: String? = nil, requestID: String?
    ) async throws(IdentityError) -> Credentials {
        let provider = try provider(name)
        let now = identity.now()
        guard let binding else { throw .invalidToken }
        let begun = try await take(state, of: name, binding, now)
        let metadata = try await metadata(provider, now)
        let token = try await exchange(code, begun.verifier, provider, metadata)
        let person = try await check(token, provider, metadata, nonce: begun.nonce, now)
        let account: String
        if let linking = begun.account {
            try await identity.link(
                linking, ProviderLink(issuer: provider.issuer, subject: person.subject), tenant: provider.tenant, requestID: requestID)
            account = linking
        } else {
            account = try await self.account(of: person, provider, now, requestID)
        }
        let request = SignInRequest(email: "", password: "", tenant: provider.tenant, requestID: requestID, network: network)
        return try await identity.begin(account, password: nil, request)
    }

    /// Whether people reach the service over TLS.
    package var isSecure: Bool { identity.options.publicURL.hasPrefix("https:") }

    /// Names of providers by what their tokens call them.
    package var issuers: [String: String] { Dictionary(providers.values.map { ($0.issuer, $0.name) }, uniquingKeysWith: { first, _ in first }) }

    /// What a provider's tokens call it.
    package func issuer(_ name: String) throws(IdentityError) -> String { try provider(name).issuer }

    private func provider(_ name: String) throws(IdentityError) -> OIDCProvider {
        guard let provider = providers[name] else { throw .missing("identity provider") }
        return provider
    }

    private func callback(_ provider: OIDCProvider) -> String { "\(identity.options.publicURL)/v1/auth/oauth/\(provider.name)/callback" }

    /// Consumes a state: it is taken by deleting it, so of any number at once one gets it (AUTH-9). With another browser's binding it stays, for its own.
    private func take(
        _ state: String, of provider: String, _ binding: String, _ now: Int64
    ) async throws(IdentityError) -> (nonce: String, verifier: String, account: String?) {
        let (hash, browser) = (IssuedSecret.hash(state), IssuedSecret.hash(binding))
        let row = try await identity.write { connection in
            try await connection.row(
                "DELETE FROM oidc_state WHERE hash = $1 AND provider = $2 AND expires_at > $3 AND browser = $4 RETURNING nonce, verifier, account",
                [.blob(hash), .text(provider), .integer(now), .blob(browser)])
        }
        guard let row else { throw .invalidToken }
        do throws(StoreError) {
            return (try row.text(0), try row.text(1), try row.optionalText(2))
        } catch {
            throw .store(error)
        }
    }

    /// Exchanges the code for an ID token.
    private func exchange(
        _ code: String, _ verifier: String, _ provider: OIDCProvider, _ metadata: Metadata
    ) async throws(IdentityError) -> String {
        var form = [
            (name: "grant_type", value: "authorization_code"), ("code", code), ("redirect_uri", callback(provider)), ("code_verifier", verifier),
            ("client_id", provider.client),
        ]
        var authorization: String?
        if let secret = provider.secret {
            form.removeLast()
            authorization = Self.basic(provider.client, secret)
        }
        let answer = try await json(metadata.token, form: form, authorization: authorization, of: provider)
        // Why the provider refuses is its business; here the code was none.
        guard answer.status == 200 else { throw .invalidToken }
        guard let token = answer.document["id_token"]?.stringValue else { throw .failed("\(provider.issuer) sent no id_token") }
        return token
    }

    /// `client_secret_basic` (RFC 6749 section 2.3.1): both parts as a form would have them.
    private static func basic(_ client: String, _ secret: String) -> String {
        var text = Base64URL.encode(Array("\(escaped(client)):\(escaped(secret))".utf8)).map { $0 == "-" ? "+" : $0 == "_" ? "/" : $0 }
        while !text.count.isMultiple(of: 4) { text.append("=") }
        return "Basic " + String(text)
    }

    private func check(
        _ token: String, _ provider: OIDCProvider, _ metadata: Metadata, nonce: String, _ now: Int64
    ) async throws(IdentityError) -> IDToken {
        let expected = IDToken.Expectation(issuer: provider.issuer, client: provider.client, nonce: nonce, now: now)
        let keys = try await keys(provider, metadata, now, again: false)
        do throws(IDToken.Refusal) {
            return try IDToken(token, keys: keys, expected)
        } catch {
            guard error == .unknownKey else { throw .invalidToken }
        }
        // The provider may have changed its keys.
        let fresh = try await self.keys(provider, metadata, now, again: true)
        do throws(IDToken.Refusal) {
            return try IDToken(token, keys: fresh, expected)
        } catch {
            throw .invalidToken
        }
    }

    /// The account of a person: the one that is linked, else a new one if the provider vouches for the address. An account that has the address already is
    /// never taken over by whoever a provider says owns it.
    private func account(of person: IDToken, _ provider: OIDCProvider, _ now: Int64, _ requestID: String?) async throws(IdentityError) -> String {
        let linked = try await identity.read { connection in
            try await connection.row(
                "SELECT l.account FROM identity_link l JOIN account a ON a.id = l.account WHERE l.issuer = $1 AND l.subject = $2 AND a.tenant = $3",
                [.text(provider.issuer), .text(person.subject), .text(provider.tenant)])?.text(0)
        }
        if let linked { return linked }
        guard let email = person.email, person.isEmailVerified else { throw .forbidden("the provider does not vouch for an address") }
        var new = NewAccount(email: email, password: nil, isVerified: true)
        new.link = ProviderLink(issuer: provider.issuer, subject: person.subject)
        return try await identity.create(new, tenant: provider.tenant, by: Actor("oidc:\(provider.name)", requestID: requestID)).id
    }

    /// What the provider publishes, kept for a day.
    private func metadata(_ provider: OIDCProvider, _ now: Int64) async throws(IdentityError) -> Metadata {
        let kept = known.withLock { $0[provider.name] }
        if let kept, now >= kept.readAt, now - kept.readAt < IdentityLimits.metadataMilliseconds { return kept }
        let answer = try await json(provider.issuer + "/.well-known/openid-configuration", form: nil, authorization: nil, of: provider)
        guard answer.status == 200, answer.document["issuer"]?.stringValue == provider.issuer,
            let authorization = answer.document["authorization_endpoint"]?.stringValue, let token = answer.document["token_endpoint"]?.stringValue,
            let keys = answer.document["jwks_uri"]?.stringValue
        else { throw .failed("\(provider.issuer) publishes nothing that can be used") }
        let found = Metadata(authorization: authorization, token: token, keys: keys, set: nil, readAt: now)
        known.withLock { $0[provider.name] = found }
        return found
    }

    /// The provider's keys; read again for a name that is unknown.
    private func keys(_ provider: OIDCProvider, _ metadata: Metadata, _ now: Int64, again: Bool) async throws(IdentityError) -> ProviderKeys {
        if !again, let kept = known.withLock({ $0[provider.name]?.set }) { return kept }
        let answer = try await json(metadata.keys, form: nil, authorization: nil, of: provider)
        guard answer.status == 200, let set = ProviderKeys(answer.document) else { throw .failed("\(provider.issuer) publishes no keys") }
        known.withLock { $0[provider.name]?.set = set }
        return set
    }

    private func json(
        _ url: String, form: [(name: String, value: String)]?, authorization: String?, of provider: OIDCProvider
    ) async throws(IdentityError) -> (status: Int, document: JSONValue) {
        do {
            let (status, body) = try await fetcher.fetch(url, form: form, authorization: authorization)
            return (status, try JSONValue(parsing: body))
        } catch {
            throw .failed("\(provider.issuer) did not answer as a provider does: \(error)")
        }
    }

    /// `application/x-www-form-urlencoded`.
    package static func form(_ fields: [(name: String, value: String)]) -> String {
        fields.map { escaped($0.name) + "=" + escaped($0.value) }.joined(separator: "&")
    }

    private static func escaped(_ text: String) -> String {
        text.utf8.map { byte in
            let isPlain = (0x30...0x39).contains(byte) || (0x61...0x7a).contains(byte | 0x20) && byte < 0x80 || "-._~".utf8.contains(byte)
            return isPlain ? String(UnicodeScalar(byte)) : "%" + Hex.encode([byte]).uppercased()
        }.joined()
    }
}
