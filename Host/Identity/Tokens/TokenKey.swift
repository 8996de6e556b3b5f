package import Crypto
package import JSON

/// A key that signs access tokens (Ed25519), named by its thumbprint (RFC 7638).
package struct TokenKey: Sendable {
    /// The key's name in tokens and in the key set.
    package let id: String
    /// When it was made, in milliseconds.
    package let createdAt: Int64
    let privateKey: Ed25519.PrivateKey
    let publicKey: [UInt8]
    /// The first part of every token that it signs: a token that begins otherwise is not by this key.
    let head: String

    /// Takes a private key.
    package init(_ privateKey: Ed25519.PrivateKey, createdAt: Int64) throws(CryptoError) {
        self.privateKey = privateKey
        self.createdAt = createdAt
        publicKey = try Ed25519.publicKey(of: privateKey)
        // The members that RFC 8037 names, in the order and without the blanks that RFC 7638 wants.
        id = Base64URL.encode(SHA256.hash(#"{"crv":"Ed25519","kty":"OKP","x":"\#(Base64URL.encode(publicKey))"}"#).bytes)
        head = Base64URL.encode(Array(#"{"alg":"EdDSA","kid":"\#(id)","typ":"at+jwt"}"#.utf8))
    }

    /// What the key set says of it.
    package var jwk: JSONValue {
        [
            "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": .string(id), "x": .string(Base64URL.encode(publicKey)),
        ]
    }
}

/// The keys at hand: the newest signs, all of them verify.
package struct TokenKeySet: Sendable {
    /// The newest first; never empty.
    package let keys: [TokenKey]
    /// Who issues, as tokens say.
    package let issuer: String

    /// Takes at least one key.
    package init?(_ keys: [TokenKey], issuer: String) {
        guard !keys.isEmpty else { return nil }
        self.keys = keys.sorted { ($0.createdAt, $0.id) > ($1.createdAt, $1.id) }
        self.issuer = issuer
    }

    /// The public keys, as RFC 7517 shapes them.
    package var jwks: JSONValue { ["keys": .array(keys.map(\.jwk))] }

    /// A token with these claims (RFC 9068), signed by the newest key.
    package func sign(_ claims: AccessClaims) throws(CryptoError) -> String {
        let payload: JSONValue = [
            "iss": .string(issuer), "aud": .string(issuer), "sub": .string(claims.account), "tid": .string(claims.tenant),
            "sid": .string(claims.session), "iat": JSONValue(claims.issuedAt), "exp": JSONValue(claims.expiresAt),
        ]
        let signed = keys[0].head + "." + Base64URL.encode(payload.serialized())
        return signed + "." + Base64URL.encode(try Ed25519.sign(Array(signed.utf8), with: keys[0].privateKey))
    }

    /// What a token says, if one of these keys signed it and it is in force; nil for everything else.
    ///
    /// The first part is not read but compared, so no algorithm can be chosen. Nothing of the second is parsed before the signature has been verified.
    package func claims(of token: String, atMilliseconds now: Int64) -> AccessClaims? {
        guard token.utf8.count <= IdentityLimits.accessTokenBytesMax else { return nil }
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let key = keys.first(where: { $0.head == parts[0] }), let signature = Base64URL.decode(String(parts[2])) else {
            return nil
        }
        let signed = Array(token.utf8.prefix(parts[0].utf8.count + 1 + parts[1].utf8.count))
        guard Ed25519.isValid(signature, for: signed, publicKey: key.publicKey), let payload = Base64URL.decode(String(parts[1])) else { return nil }
        return read(payload, now)
    }

    /// Whether a token names a key that is not here: another host may have made it since.
    package func lacksKey(of token: String) -> Bool {
        guard token.utf8.count <= IdentityLimits.accessTokenBytesMax, let head = token.split(separator: ".").first else { return false }
        return !keys.contains { $0.head == head } && head.utf8.count == keys[0].head.utf8.count
    }

    private func read(_ payload: [UInt8], _ now: Int64) -> AccessClaims? {
        let object: JSONObject
        do {
            guard let found = try JSONValue(parsing: payload).objectValue else { return nil }
            object = found
        } catch {
            // It is signed, and still no JSON: no token of ours.
            return nil
        }
        guard object["iss"]?.stringValue == issuer, object["aud"]?.stringValue == issuer, object.count == 7,
            let account = object["sub"]?.stringValue, let tenant = object["tid"]?.stringValue, let session = object["sid"]?.stringValue,
            let issuedAt = object["iat"]?.intValue, let expiresAt = object["exp"]?.intValue,
            now < Int64(expiresAt) * 1000, Int64(issuedAt) * 1000 <= now + IdentityLimits.clockSkewMilliseconds,
            Int64(expiresAt - issuedAt) * 1000 <= IdentityLimits.accessMilliseconds.upperBound
        else { return nil }
        return AccessClaims(
            account: account, tenant: tenant, session: session, issuedAt: Int64(issuedAt), expiresAt: Int64(expiresAt))
    }
}
