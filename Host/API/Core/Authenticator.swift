import HTTP
package import Identity

/// Finds out who is calling: `Authorization: Bearer` with an access token or an API key, or `X-Session` with the id of a session. There is no other way
/// in, and no switch.
package struct Authenticator: Sendable {
    /// Who is calling, and the session's next id when it was renewed.
    package typealias Check = @Sendable (Credential) async throws(IdentityError) -> Checked

    private let remembered: @Sendable (Credential) -> SignedIn?
    private let couldBe: @Sendable (Credential) -> Bool
    private let check: Check

    /// Makes the check. `remembered` answers without waiting, or not at all; `couldBe` says whether a look into the store is worth it; `check` looks.
    package init(
        remembered: @escaping @Sendable (Credential) -> SignedIn? = { _ in nil }, couldBe: @escaping @Sendable (Credential) -> Bool = { _ in true },
        check: @escaping Check
    ) {
        (self.remembered, self.couldBe, self.check) = (remembered, couldBe, check)
    }

    /// Asks identity.
    package init(_ identity: IdentityService) {
        self.init(
            remembered: { identity.remembered($0) }, couldBe: { identity.couldBe($0) },
            check: { (credential) async throws(IdentityError) in try await identity.check(credential) })
    }

    /// What the head alone tells.
    enum Glance {
        /// It is remembered whose it is.
        case known(Principal)
        /// Only the store can tell.
        case possible
        /// It is no credential at all.
        case none
    }

    /// Judges a request without waiting for anything.
    func glance(at request: APIRequest) -> Glance {
        guard let credential = credential(of: request) else { return .none }
        if let owner = remembered(credential) { return .known(Principal(owner)) }
        return couldBe(credential) ? .possible : .none
    }

    /// Who a request is from.
    /// - Throws: 401 for anything but exactly one well-formed credential that is in force.
    package func principal(of request: APIRequest) async throws(APIError) -> (principal: Principal, renewedSession: String?) {
        guard let credential = credential(of: request) else { throw Self.refusal }
        if let owner = remembered(credential) { return (Principal(owner), nil) }
        do {
            let checked = try await check(credential)
            return (Principal(checked.owner), checked.renewedSession)
        } catch {
            throw error == .invalidToken ? Self.refusal : APIError(error)
        }
    }

    /// Whether a request shows a credential at all, good or not.
    static func hasCredential(_ request: APIRequest) -> Bool { request.headers.contains("authorization") || request.headers.contains("x-session") }

    /// The one credential that a request shows; two are none, whatever they are.
    private func credential(of request: APIRequest) -> Credential? {
        let (authorizations, sessions) = (request.values("authorization"), request.values("x-session"))
        guard authorizations.count + sessions.count == 1 else { return nil }
        if let session = sessions.first { return session.utf8.count <= Limits.sessionBytesMax ? .session(session) : nil }
        return authorizations.first.flatMap(bearer).map { .bearer($0) }
    }

    /// The token after the scheme (RFC 6750); the scheme's case is free.
    private func bearer(_ value: String) -> String? {
        guard value.utf8.count <= Limits.bearerBytesMax else { return nil }
        let parts = value.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
        return String(parts[1])
    }

    static var refusal: APIError {
        APIError(
            .unauthorized, "This needs the header `Authorization: Bearer <access token or API key>`, or `X-Session`, with one that is in force.",
            headers: [("WWW-Authenticate", #"Bearer realm="limen""#)])
    }
}
