import Crypto
import JSON
import Testing

@testable import Identity

@Suite("Identity: access tokens")
struct TokenTests {
    private static let now: Int64 = 1_800_000_000_000
    private static let key = Result { try TokenKey(Ed25519.PrivateKey(seed: Array(0..<32)), createdAt: 1) }
    private static let claims = AccessClaims(
        account: "u", tenant: "main", session: "s", issuedAt: now / 1000, expiresAt: now / 1000 + 1800)

    private func keys(_ more: [TokenKey] = []) throws -> TokenKeySet { try #require(TokenKeySet([Self.key.get()] + more, issuer: "limen")) }

    /// A token with any two parts, signed by the key.
    private func signed(_ head: String, _ payload: String) throws -> String {
        let text = Base64URL.encode(Array(head.utf8)) + "." + Base64URL.encode(Array(payload.utf8))
        return text + "." + Base64URL.encode(try Ed25519.sign(Array(text.utf8), with: Self.key.get().privateKey))
    }

    @Test("a token says what was signed, until it ends")
    func roundTrip() throws {
        let token = try keys().sign(Self.claims)
        #expect(try keys().claims(of: token, atMilliseconds: Self.now) == Self.claims)
        #expect(try keys().claims(of: token, atMilliseconds: Self.now + 1_800_000 - 1) == Self.claims)
        #expect(try keys().claims(of: token, atMilliseconds: Self.now + 1_800_000) == nil)
        #expect(try keys().claims(of: token, atMilliseconds: Self.now - 30_000) == Self.claims)
        #expect(try keys().claims(of: token, atMilliseconds: Self.now - 30_001) == nil)
    }

    @Test("the key's name is its thumbprint, as RFC 8037 appendix A.3 has it")
    func thumbprint() throws {
        let seed = try #require(Base64URL.decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"))
        let key = try TokenKey(Ed25519.PrivateKey(seed: seed), createdAt: 1)
        #expect(key.id == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k")
        #expect(key.jwk["x"] == "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
    }

    @Test("no bit of a token can be changed")
    func bits() throws {
        let token = Array(try keys().sign(Self.claims).utf8)
        for index in token.indices {
            var changed = token
            changed[index] = changed[index] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
            #expect(try keys().claims(of: String(decoding: changed, as: UTF8.self), atMilliseconds: Self.now) == nil, "byte \(index)")
        }
    }

    @Test("no algorithm can be chosen: none, HMAC with the public key, another order of the header's members, another type")
    func heads() throws {
        let id = try Self.key.get().id
        let payload = #"{"iss":"limen","aud":"limen","sub":"u","tid":"main","sid":"s","iat":1800000000,"exp":1800001800}"#
        #expect(try keys().claims(of: signed(#"{"alg":"EdDSA","kid":"\#(id)","typ":"at+jwt"}"#, payload), atMilliseconds: Self.now) == Self.claims)
        for head in [
            #"{"alg":"none","kid":"\#(id)","typ":"at+jwt"}"#, #"{"alg":"HS256","kid":"\#(id)","typ":"at+jwt"}"#,
            #"{"kid":"\#(id)","alg":"EdDSA","typ":"at+jwt"}"#, #"{"alg":"EdDSA","kid":"\#(id)","typ":"JWT"}"#,
            #"{"alg":"EdDSA","kid":"\#(id)","typ":"at+jwt","crit":["x"]}"#, #"{"alg":"EdDSA"}"#, "",
        ] {
            #expect(try keys().claims(of: signed(head, payload), atMilliseconds: Self.now) == nil, "\(head)")
        }
        let unsigned = Base64URL.encode(Array(#"{"alg":"EdDSA","kid":"\#(id)","typ":"at+jwt"}"#.utf8)) + "." + Base64URL.encode(Array(payload.utf8))
        for tail in ["", ".", "..", ".AAAA", ".\(String(repeating: "A", count: 86))", ".\(String(repeating: "A", count: 2000))"] {
            #expect(try keys().claims(of: unsigned + tail, atMilliseconds: Self.now) == nil)
        }
    }

    @Test("claims that are missing, more, of another type, of another issuer, or too long are none, signed or not")
    func payloads() throws {
        let head = #"{"alg":"EdDSA","kid":"\#(try Self.key.get().id)","typ":"at+jwt"}"#
        for payload in [
            "", "[]", "{}", "nonsense", #"{"iss":"other","aud":"limen","sub":"u","tid":"main","sid":"s","iat":1800000000,"exp":1800001800}"#,
            #"{"iss":"limen","aud":"other","sub":"u","tid":"main","sid":"s","iat":1800000000,"exp":1800001800}"#,
            #"{"iss":"limen","aud":"limen","sub":"u","tid":"main","sid":"s","iat":1800000000,"exp":1800003601}"#,
            #"{"iss":"limen","aud":"limen","sub":"u","tid":"main","sid":"s","iat":"1800000000","exp":1800001800}"#,
            #"{"iss":"limen","aud":"limen","sub":"u","tid":"main","sid":"s","iat":1800000000,"exp":1800001800,"role":"admin"}"#,
            #"{"iss":"limen","aud":"limen","sub":"u","tid":"main","iat":1800000000,"exp":1800001800}"#,
        ] {
            #expect(try keys().claims(of: signed(head, payload), atMilliseconds: Self.now) == nil, "\(payload)")
        }
    }

    @Test("the newest key signs, the ones before it still verify, and a key that went verifies nothing")
    func rotation() throws {
        let newer = try TokenKey(.generate(), createdAt: 2)
        let old = try keys().sign(Self.claims)
        let both = try keys([newer])
        let new = try both.sign(Self.claims)
        #expect(both.claims(of: old, atMilliseconds: Self.now) == Self.claims && both.claims(of: new, atMilliseconds: Self.now) == Self.claims)
        #expect(new.hasPrefix(newer.head + "."))
        #expect(try keys().claims(of: new, atMilliseconds: Self.now) == nil && keys().lacksKey(of: new) && !both.lacksKey(of: new))
        #expect(both.jwks["keys"]?.arrayValue?.count == 2 && !both.jwks.text.contains(#""d""#))
    }
}
