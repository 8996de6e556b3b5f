package import Crypto
internal import JSON

/// Who signed a bundle.
package struct BundleSigner: Sendable, Hashable {
    /// The publisher's name, as in plugin.json and in the trust file.
    package let publisher: String
    /// The key that the signature is valid under.
    package let key: PublicKey

    /// Names a publisher and a key.
    package init(publisher: String, key: PublicKey) {
        self.publisher = publisher
        self.key = key
    }
}

/// The file `SIGNATURE`: an Ed25519 signature over the bundle's plugin.json, which is stored as its own canonical text (RFC 8785).
///
/// It is one JSON object in canonical form too, so that no byte of it can change without being noticed.
package struct BundleSignature: Sendable, Hashable {
    /// The one format there is; another number is a signature of a newer or an older Limen, and no older one is ever accepted.
    static let format = 1
    static let algorithm = "ed25519"

    /// Who says to have signed; believed only after `isValid`.
    package let signer: BundleSigner
    let signature: [UInt8]

    /// Signs the canonical bytes of a plugin.json.
    package init(signing manifest: [UInt8], with key: PublisherKey) throws(CryptoError) {
        signer = key.signer
        signature = try Ed25519.sign(manifest, with: key.secret)
    }

    /// Reads the file's bytes; `file` names it in problems.
    package init(parsing bytes: [UInt8], file: String) throws(ManifestError) {
        let object = try Self.object(bytes, file)
        guard object["limen_signature"]?.intValue == Self.format else {
            throw ManifestError(file: file, pointer: "/limen_signature", reason: "is not \(Self.format), the only format that is accepted")
        }
        guard object["algorithm"]?.stringValue == Self.algorithm else {
            throw ManifestError(file: file, pointer: "/algorithm", reason: "is not \"\(Self.algorithm)\", the only one that is accepted")
        }
        guard let publisher = object["publisher"]?.stringValue, PublisherKey.isName(publisher) else {
            throw ManifestError(file: file, pointer: "/publisher", reason: "is not a publisher's name")
        }
        do {
            signer = BundleSigner(publisher: publisher, key: try PublicKey(text: object["public_key"]?.stringValue ?? ""))
        } catch {
            throw ManifestError(file: file, pointer: "/public_key", reason: "is \(error.operation)")
        }
        guard let signature = Base64URL.decode(object["signature"]?.stringValue ?? ""), signature.count == Ed25519.signatureByteCount else {
            throw ManifestError(file: file, pointer: "/signature", reason: "is not \(Ed25519.signatureByteCount) bytes in base64url")
        }
        self.signature = signature
        guard bytes == self.bytes else { throw ManifestError(file: file, reason: "is not exactly as `limen plugin sign` writes it") }
    }

    private static func object(_ bytes: [UInt8], _ file: String) throws(ManifestError) -> JSONObject {
        let value: JSONValue
        do {
            value = try JSONValue(parsing: bytes, limits: JSONLimits(bytesMax: Limits.signatureBytesMax, depthMax: 2))
        } catch {
            throw ManifestError(file: file, reason: "is not a signature of Limen: \(error.message)")
        }
        guard let object = value.objectValue else { throw ManifestError(file: file, reason: "is not a signature of Limen") }
        return object
    }

    /// The file's bytes.
    package var bytes: [UInt8] {
        let object: JSONObject = [
            "limen_signature": JSONValue(Self.format), "algorithm": .string(Self.algorithm), "publisher": .string(signer.publisher),
            "public_key": .string(signer.key.text), "signature": .string(Base64URL.encode(signature)),
        ]
        // Sorted keys, short strings and one small integer: what RFC 8785 writes for these is this very text.
        return JSONValue.object(object).serialized([.sortedKeys])
    }

    /// Whether the holder of the signer's key signed exactly these bytes.
    package func isValid(for manifest: [UInt8]) -> Bool { Ed25519.isValid(signature, for: manifest, publicKey: signer.key.bytes) }
}
