internal import CLinux
package import Crypto
internal import Glibc
internal import JSON

/// A publisher's private key with the name it signs under. Never printable.
package struct PublisherKey: Sendable, CustomStringConvertible {
    /// The publisher.
    package let publisher: String
    /// Its public half.
    package let publicKey: PublicKey
    let secret: Ed25519.PrivateKey

    /// A new random key; throws `.malformed` for a name that no plugin.json could carry.
    package static func generate(publisher: String) throws(CryptoError) -> PublisherKey {
        try PublisherKey(publisher: publisher, secret: .generate())
    }

    private init(publisher: String, secret: Ed25519.PrivateKey) throws(CryptoError) {
        guard Self.isName(publisher) else { throw CryptoError(.malformed, "a publisher's name is letters, digits and ` ._@+-`, at most 128") }
        self.publisher = publisher
        self.secret = secret
        publicKey = try PublicKey(bytes: Ed25519.publicKey(of: secret))
    }

    /// Whether plugin.json and a trust file may carry the name.
    package static func isName(_ name: String) -> Bool {
        func isAlphanumeric(_ byte: UInt8) -> Bool { (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) }
        guard let first = name.utf8.first, isAlphanumeric(first), name.utf8.count <= 128 else { return false }
        return name.utf8.allSatisfy { isAlphanumeric($0) || " ._@+-".utf8.contains($0) }
    }

    /// As a signature names it.
    package var signer: BundleSigner { BundleSigner(publisher: publisher, key: publicKey) }

    /// What others put into `manifests/trust/NAME.json` to take this publisher's bundles.
    package var trusted: TrustedPublisher { TrustedPublisher(name: publisher, keys: [TrustedKey(publicKey)]) }

    /// The publisher and the fingerprint, never the secret.
    package var description: String { "\(publisher) (\(publicKey))" }

    // MARK: The key file

    /// Reads a key file: a regular file of the caller's, closed to everybody else.
    package init(reading path: String) throws(ManifestError) {
        let label = String(path.split(separator: "/").last ?? "key")
        do {
            let file = try OpenFile(trusted: path, flags: O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
            try self.init(file, label: label)
        } catch {
            throw ManifestError(error, file: label)
        }
    }

    init(_ file: borrowing OpenFile, label: String) throws {
        let status = try file.status()
        guard status.st_mode & S_IFMT == S_IFREG else { throw ManifestError(file: label, reason: "is not a regular file") }
        guard status.st_mode & 0o077 == 0 else { throw ManifestError(file: label, reason: "can be read by others: chmod 600 it, or make a new key") }
        guard status.st_uid == geteuid() else {
            throw ManifestError(file: label, reason: "belongs to user \(status.st_uid); a key is used by its owner only")
        }
        var bytes: [UInt8] = []
        _ = try SHA256.hash(descriptor: file.descriptor, bytesMax: Limits.keyFileBytesMax) { bytes.append(contentsOf: $0) }
        try self.init(parsing: bytes, label: label)
    }

    private init(parsing bytes: [UInt8], label: String) throws {
        let value: JSONValue
        do {
            value = try JSONValue(parsing: bytes, limits: JSONLimits(bytesMax: Limits.keyFileBytesMax))
        } catch {
            // The parser's message may quote the text: a secret has no place in an error.
            throw ManifestError(file: label, reason: "is not a key file of Limen")
        }
        guard value["limen_key"]?.intValue == 1, let publisher = value["publisher"]?.stringValue,
            let seed = value["private_key"]?.stringValue.flatMap({ Base64URL.decode($0) })
        else { throw ManifestError(file: label, reason: "is not a key file of Limen") }
        do {
            try self.init(publisher: publisher, secret: Ed25519.PrivateKey(seed: seed))
        } catch {
            throw ManifestError(file: label, reason: "is not a usable key: \(error.operation)")
        }
        guard value["public_key"]?.stringValue == publicKey.text else {
            throw ManifestError(file: label, pointer: "/public_key", reason: "does not belong to private_key")
        }
    }

    /// Writes a key file that must not exist; only its owner may read it.
    package func write(to path: String) throws(ManifestError) {
        do {
            try write(path, in: AT_FDCWD)
        } catch {
            let reason =
                error.code == EEXIST ? "exists already; a key is never overwritten" : "cannot be written: " + String(cString: strerror(error.code))
            throw ManifestError(file: String(path.split(separator: "/").last ?? "key"), reason: reason)
        }
    }

    /// Written beside and then linked: the name holds a whole key or none, and never replaces another.
    func write(_ path: String, in folder: Int32) throws(FileError) {
        let object: JSONObject = [
            "limen_key": 1, "publisher": .string(publisher), "public_key": .string(publicKey.text),
            "private_key": .string(Base64URL.encode(secret.seed)),
        ]
        let temporary = "\(path).\(UUIDv7.make())"
        let file = try OpenFile(creating: temporary, in: folder)
        defer { unlinkat(folder, temporary, 0) }
        try file.write(JSONValue.object(object).serialized([.pretty]) + [UInt8(ascii: "\n")])
        try file.seal(mode: 0o600)
        guard linkat(folder, temporary, folder, path, 0) == 0 else { throw FileError(code: errno) }
    }
}
