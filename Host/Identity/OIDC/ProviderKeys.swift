internal import Crypto
internal import JSON

/// The keys of an identity provider, by name (RFC 7517): those that are for signatures and of a kind that we verify. Others are passed over.
struct ProviderKeys: Sendable {
    private let keys: [(id: String?, key: WebSignatureKey)]

    /// Reads a key set; nil for what is none.
    init?(_ document: JSONValue) {
        guard let list = document["keys"]?.arrayValue, list.count <= IdentityLimits.providerKeysMax else { return nil }
        keys = list.compactMap { jwk in
            if let use = jwk["use"]?.stringValue, use != "sig" { return nil }
            guard let key = Self.key(jwk) else { return nil }
            if let algorithm = jwk["alg"]?.stringValue, algorithm != key.algorithm { return nil }
            return (jwk["kid"]?.stringValue, key)
        }
    }

    private static func key(_ jwk: JSONValue) -> WebSignatureKey? {
        func bytes(_ name: String) -> [UInt8]? { jwk[name]?.stringValue.flatMap { Base64URL.decode($0) } }
        switch (jwk["kty"]?.stringValue, jwk["crv"]?.stringValue) {
        case ("RSA", _):
            guard let modulus = bytes("n"), let exponent = bytes("e") else { return nil }
            return WebSignatureKey(rsaModulus: modulus, exponent: exponent)
        case ("EC", "P-256"):
            guard let x = bytes("x"), let y = bytes("y") else { return nil }
            return WebSignatureKey(p256X: x, y: y)
        case ("OKP", "Ed25519"): return bytes("x").flatMap { WebSignatureKey(ed25519: $0) }
        default: return nil
        }
    }

    /// The key of that name; of a set of one, that one when a token names none.
    func key(_ id: String?) -> WebSignatureKey? {
        guard let id else { return keys.count == 1 ? keys[0].key : nil }
        return keys.first { $0.id == id }?.key
    }
}
