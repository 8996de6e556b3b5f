internal import Crypto

/// A key that data keys are sealed under; it seals nothing else.
struct MasterKey: Sendable, CustomStringConvertible, CustomReflectable {
    /// Bytes of an id.
    static let idBytes = 16
    /// What a key's file begins with.
    private static let mark = "limen-secrets-key-1 "

    /// Names the key in rows without giving anything of it away.
    let id: [UInt8]
    private let bytes: [UInt8]

    /// A new random key.
    init() { self.init(bytes: AES256GCM.newKey()) }

    private init(bytes: [UInt8]) {
        self.bytes = bytes
        id = Array(HMACSHA256.authenticate(Array("limen secrets key id".utf8), key: bytes).prefix(Self.idBytes))
    }

    /// Reads a key's file; nil when it is none.
    init?(file: [UInt8]) {
        guard file.starts(with: Self.mark.utf8), file.last == UInt8(ascii: "\n"),
            let text = String(validating: file.dropFirst(Self.mark.utf8.count).dropLast(), as: UTF8.self),
            let bytes = Base64URL.decode(text), bytes.count == AES256GCM.keyBytes
        else { return nil }
        self.init(bytes: bytes)
    }

    /// What the key's file holds.
    var file: [UInt8] { Array((Self.mark + Base64URL.encode(bytes) + "\n").utf8) }

    /// Seals a data key to exactly this row.
    func wrap(_ dataKey: [UInt8], _ row: SecretBinding) throws(CryptoError) -> [UInt8] {
        try AES256GCM.seal(dataKey, key: bytes, additional: row.additional("data key", [id]))
    }

    /// Opens what `wrap` sealed.
    func unwrap(_ box: [UInt8], _ row: SecretBinding) throws(CryptoError) -> [UInt8] {
        try AES256GCM.open(box, key: bytes, additional: row.additional("data key", [id]))
    }

    /// The id only.
    var description: String { "key \(Hex.encode(id.prefix(4)))" }
    var customMirror: Mirror { Mirror(self, children: []) }
}

/// What a box belongs to: it opens in no other tenant's row, under no other name, and not as another version.
struct SecretBinding: Sendable {
    let tenant: String
    let name: String
    let version: Int64

    /// Each part with its length, so that no two rows share their bytes.
    func additional(_ purpose: String, _ more: [[UInt8]] = []) -> [UInt8] {
        var bytes: [UInt8] = []
        func append(_ number: UInt64) {
            for shift in stride(from: UInt64(0), to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: number >> shift)) }
        }
        for part in [Array("limen secret 1".utf8), Array(purpose.utf8), Array(tenant.utf8), Array(name.utf8)] + more {
            append(UInt64(part.count))
            bytes += part
        }
        append(UInt64(bitPattern: version))
        return bytes
    }

    /// How errors name the row.
    var shown: String { "the secret \(name) of tenant \(tenant)" }
}

/// A row's two boxes: the value under a key of its own, and that key under the master key.
struct SecretEnvelope: Sendable {
    let key: [UInt8]
    let value: [UInt8]

    init(key: [UInt8], value: [UInt8]) { (self.key, self.value) = (key, value) }

    /// Seals a value under a new data key.
    init(sealing value: [UInt8], under master: MasterKey, _ row: SecretBinding) throws(CryptoError) {
        let dataKey = AES256GCM.newKey()
        self.value = try AES256GCM.seal(value, key: dataKey, additional: row.additional("value"))
        key = try master.wrap(dataKey, row)
    }

    func open(under master: MasterKey, _ row: SecretBinding) throws(CryptoError) -> [UInt8] {
        try AES256GCM.open(value, key: master.unwrap(key, row), additional: row.additional("value"))
    }

    /// The data key under another master key; the value stays as it is.
    func rewrapped(from old: MasterKey, to new: MasterKey, _ row: SecretBinding) throws(CryptoError) -> [UInt8] {
        try new.wrap(old.unwrap(key, row), row)
    }
}
