/// A stored password: algorithm, cost, salt and derived key as one text, in the form of PHC strings
/// (`$scrypt$ln=17,r=8,p=1$SALT$KEY`, base64 without padding).
///
/// Everything that is needed to check it stands in it, so that the cost of new ones can change at any time.
package struct PasswordHash: Sendable, Hashable, CustomStringConvertible, CustomReflectable {
    private let cost: Scrypt.Cost
    private let salt: [UInt8]
    private let key: [UInt8]

    /// Hashes a password under a new salt. Blocks: 0.4 s and 128 MiB at the standard cost.
    package init(of password: [UInt8], cost: Scrypt.Cost = .owasp) throws(CryptoError) {
        self.cost = cost
        salt = secureRandom(Limits.passwordSaltBytes)
        key = try Scrypt.derive(password, salt: salt, cost: cost, byteCount: Limits.passwordKeyBytes)
    }

    /// One that no password has, which takes as long to check as any other of that cost.
    package static func decoy(cost: Scrypt.Cost) -> PasswordHash {
        PasswordHash(
            cost: cost, salt: [UInt8](repeating: 0, count: Limits.passwordSaltBytes), key: [UInt8](repeating: 0, count: Limits.passwordKeyBytes))
    }

    private init(cost: Scrypt.Cost, salt: [UInt8], key: [UInt8]) { (self.cost, self.salt, self.key) = (cost, salt, key) }

    /// Reads what `text` wrote; nil for another algorithm, another order of parts, leading zeros, or a cost beyond our means.
    package init?(text: String) {
        let parts = text.split(separator: "$", omittingEmptySubsequences: false)
        guard text.utf8.count <= Limits.passwordTextBytesMax, parts.count == 5, parts[0].isEmpty, parts[1] == "scrypt",
            let cost = Self.cost(parts[2]), let salt = Self.bytes(parts[3]), let key = Self.bytes(parts[4]),
            (8...64).contains(salt.count), (16...64).contains(key.count)
        else { return nil }
        (self.cost, self.salt, self.key) = (cost, salt, key)
    }

    /// What is stored.
    package var text: String { "$scrypt$ln=\(cost.log2N),r=\(cost.r),p=\(cost.p)$\(Self.text(salt))$\(Self.text(key))" }

    /// Whether a password is the one; compares in constant time. Blocks as long as the stored cost says.
    package func isOf(_ password: [UInt8]) throws(CryptoError) -> Bool {
        constantTimeEquals(key, try Scrypt.derive(password, salt: salt, cost: cost, byteCount: key.count))
    }

    /// Whether it should be made anew at the next sign-in, since new ones cost something else.
    package func needsRehash(for cost: Scrypt.Cost = .owasp) -> Bool {
        self.cost != cost || key.count != Limits.passwordKeyBytes || salt.count != Limits.passwordSaltBytes
    }

    private static func cost(_ text: Substring) -> Scrypt.Cost? {
        let fields = text.split(separator: ",", omittingEmptySubsequences: false)
        guard fields.count == 3, let log2N = number(fields[0], "ln="), let r = number(fields[1], "r="), let p = number(fields[2], "p=") else {
            return nil
        }
        return Scrypt.Cost(log2N: log2N, r: r, p: p)
    }

    private static func number(_ field: Substring, _ name: String) -> Int? {
        guard field.hasPrefix(name) else { return nil }
        let digits = field.dropFirst(name.utf8.count)
        guard let value = Int(digits), String(value) == digits else { return nil }
        return value
    }

    /// PHC strings have the standard alphabet.
    private static func text(_ bytes: [UInt8]) -> String {
        String(Base64URL.encode(bytes).map { $0 == "-" ? "+" : $0 == "_" ? "/" : $0 })
    }

    private static func bytes(_ text: Substring) -> [UInt8]? {
        guard !text.contains("-"), !text.contains("_") else { return nil }
        return Base64URL.decode(String(text.map { $0 == "+" ? "-" : $0 == "/" ? "_" : $0 }))
    }

    /// The algorithm and its cost, nothing else.
    package var description: String { "scrypt(ln=\(cost.log2N),r=\(cost.r),p=\(cost.p))" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
