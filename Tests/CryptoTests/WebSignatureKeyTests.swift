import Crypto
import Testing

/// Keys and signatures that Python's `cryptography` made, over `header.payload`.
@Suite struct WebSignatureKeyTests {
    private static let message = Array("header.payload".utf8)
    private static let modulus = bytes(
        "qiZuJu4aDRvET6AeHUzqaklfXyCrfjoeTqLTdFr92wunkV0KX0pPnQGcFDkwPO5T_jmvDcGEGDMjCZEFhwt3id_gd7zAcd3C_ngz"
            + "W8rRPtwVkhDc226jSMo8Udt3g1S_oVmlEMPsFg4iwa9UmNLrAYrBgo5aaZOIyGyzl9J0en5yIo00JF5DMUWSDH_PpxnuJxjt1MZd"
            + "k3PUp0WXTbU0Zz6cR1l-HA4-bzmEgs1RjUOF-hY1_LPEs3BZSrUdd5oeNEPUIzAQ0rzA69ZqZx6wUAR621O0j4DIibfvhzO0IGkd"
            + "JYnpv9-0_5kDSc9TWxqqEUsOd7O9VIGWCbJYndh3hw")
    private static let rsaSignature = bytes(
        "jsgLIEnfhP_cBD6ra0r56JFsCi0NHHeuPG2fp0x1nOAwxwNMPAIdFvrzgsptn1P4-97plRXuIAbR-hXmiJHT4s23d8etXLfIw0OO"
            + "xrMdCRnf26OvUANEKEaWqOx4YWST9nBKfJbnvKBGnegRkeAV48ngsH2bh-wYiTzqtgCITEouXz3Gn4Oe_sW3RIdUXPRSeEzG8ET3"
            + "KnAoZu23knVv2hVNC51LtTsbjDA74MGT2qN6aczCjMxROI9u7lZEjUlL9oaq_K367EygE05kw1t3Gpjc4ju9QvicdlHv-ZtO7a8p"
            + "RFI7dz_sTAE8t2daWdAiQXFRHVHTpterrrXHTcWkoQ")
    private static let (x, y) = (
        bytes("3DJvbWmM_mSl0FiAnh3jfhVvV9ly_6KQUKs2xrMQSts"), bytes("VmUp6W7ScPjZm3_SDr3v_7cDR0NqM2PZuygMimfE8F0")
    )
    private static let ecSignature = bytes(
        "Vzd5zOZ38e6pMl0P8MNdb6zvkWP3vSN9s27y9zzOOWQEvJm3vgjxIkrbkc17PhyQl8-2c9vey3FtOucLd6w-lw")

    private static func bytes(_ text: String) -> [UInt8] { Base64URL.decode(text) ?? [] }

    @Test("RS256 and ES256 signatures of another implementation are verified, and none with a changed bit, length or key")
    func verified() throws {
        let rsa = try #require(WebSignatureKey(rsaModulus: Self.modulus, exponent: [1, 0, 1]))
        let ec = try #require(WebSignatureKey(p256X: Self.x, y: Self.y))
        for (key, signature) in [(rsa, Self.rsaSignature), (ec, Self.ecSignature)] {
            #expect(key.isValid(signature, for: Self.message))
            #expect(!key.isValid(signature, for: Self.message + [0]))
            #expect(!key.isValid(signature + [0], for: Self.message) && !key.isValid(Array(signature.dropLast()), for: Self.message))
            #expect(!key.isValid([], for: Self.message) && !key.isValid([UInt8](repeating: 0, count: signature.count), for: Self.message))
            for index in stride(from: 0, to: signature.count, by: 7) {
                var changed = signature
                changed[index] ^= 1
                #expect(!key.isValid(changed, for: Self.message))
            }
        }
        #expect(!rsa.isValid(Self.ecSignature, for: Self.message) && !ec.isValid(Self.rsaSignature, for: Self.message))
        #expect(rsa.algorithm == "RS256" && ec.algorithm == "ES256")
    }

    @Test("weak and malformed keys are none: short RSA, even exponents, points off the curve, other lengths")
    func refused() {
        #expect(WebSignatureKey(rsaModulus: Array(Self.modulus.prefix(128)), exponent: [1, 0, 1]) == nil)
        #expect(WebSignatureKey(rsaModulus: Self.modulus, exponent: [1]) == nil && WebSignatureKey(rsaModulus: Self.modulus, exponent: [2]) == nil)
        #expect(WebSignatureKey(rsaModulus: Self.modulus, exponent: []) == nil)
        #expect(WebSignatureKey(p256X: Self.x, y: Array(Self.y.dropLast())) == nil && WebSignatureKey(ed25519: Self.x + [0]) == nil)
        let off = WebSignatureKey(p256X: Self.x, y: Self.x)
        #expect(off?.isValid(Self.ecSignature, for: Self.message) == false)
    }
}
