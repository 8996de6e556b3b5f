internal import Crypto
internal import JSON

/// An ID token (OpenID Connect Core 1.0 section 2): who signed in at the provider.
struct IDToken: Sendable, Hashable {
    let subject: String
    let email: String?
    let isEmailVerified: Bool

    /// What must be true of a token.
    struct Expectation: Sendable {
        let issuer: String
        let client: String
        let nonce: String
        let now: Int64
    }

    /// Why a token is not taken.
    enum Refusal: Error, Sendable, Hashable {
        case malformed
        /// No key of that name: the provider may have made it since the keys were read.
        case unknownKey
        case signature, issuer, audience, nonce, expired, notYet
    }

    /// Reads and checks a token. The key decides the algorithm, and nothing of the claims is parsed before the signature has been verified.
    init(_ text: String, keys: ProviderKeys, _ expected: Expectation) throws(Refusal) {
        guard text.utf8.count <= IdentityLimits.idTokenBytesMax else { throw .malformed }
        let parts = text.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 3, let head = Self.object(parts[0]), let signature = Base64URL.decode(parts[2]), head["crit"] == nil,
            let algorithm = head["alg"]?.stringValue
        else { throw .malformed }
        guard let key = keys.key(head["kid"]?.stringValue) else { throw .unknownKey }
        guard key.algorithm == algorithm, key.isValid(signature, for: Array((parts[0] + "." + parts[1]).utf8)) else { throw .signature }
        guard let claims = Self.object(parts[1]) else { throw .malformed }
        try Self.check(claims, expected)
        guard let subject = claims["sub"]?.stringValue, (1...255).contains(subject.utf8.count) else { throw .malformed }
        self.subject = subject
        email = claims["email"]?.stringValue
        isEmailVerified = claims["email_verified"]?.boolValue ?? false
    }

    /// OpenID Connect Core 1.0 section 3.1.3.7.
    private static func check(_ claims: JSONObject, _ expected: Expectation) throws(Refusal) {
        guard claims["iss"]?.stringValue == expected.issuer else { throw .issuer }
        let audiences = claims["aud"]?.arrayValue?.compactMap(\.stringValue) ?? [claims["aud"]?.stringValue].compactMap { $0 }
        guard audiences.contains(expected.client) else { throw .audience }
        let party = claims["azp"]?.stringValue
        guard audiences.count == 1 || party != nil, party == nil || party == expected.client else { throw .audience }
        guard claims["nonce"]?.stringValue == expected.nonce else { throw .nonce }
        guard let expires = claims["exp"]?.intValue, let issued = claims["iat"]?.intValue else { throw .malformed }
        let skew = IdentityLimits.clockSkewMilliseconds
        guard expected.now < Int64(expires) * 1000 + skew else { throw .expired }
        guard Int64(issued) * 1000 <= expected.now + skew else { throw .notYet }
    }

    private static func object(_ part: String) -> JSONObject? {
        guard let bytes = Base64URL.decode(part) else { return nil }
        do {
            return try JSONValue(parsing: bytes).objectValue
        } catch {
            // What is no JSON is no token, and there is nothing more to say about it.
            return nil
        }
    }
}
