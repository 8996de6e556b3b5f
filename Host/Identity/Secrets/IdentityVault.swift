internal import Crypto
internal import IO
package import Store
internal import JSON

/// The keys of identity, kept in the encrypted store like any secret (so `limen keys rotate` covers them): those that sign tokens, and one that seals the
/// secrets of second factors.
package final class IdentityVault: Sendable {
    /// Whose secrets these are: no tenant can have this id, so no plugin is ever given one.
    static let tenant = "@host"
    private static let sealName = "identity.seal"
    private static let signPrefix = "identity.sign."

    private struct Keys: Sendable {
        var tokens: TokenKeySet
        var seal: [UInt8]
    }

    private let keys: Lock<Keys>
    private let lookedAt = Lock<Int64>(0)
    private let secrets: SecretStore
    private let issuer: String

    /// Opens the keys, and makes those that are missing or due.
    package static func open(_ secrets: SecretStore, issuer: String, now: Int64) async throws -> IdentityVault {
        IdentityVault(secrets, issuer, try await load(secrets, issuer, now))
    }

    private init(_ secrets: SecretStore, _ issuer: String, _ keys: Keys) {
        (self.secrets, self.issuer) = (secrets, issuer)
        self.keys = Lock(keys)
    }

    /// The keys of tokens.
    package var tokenKeys: TokenKeySet { keys.withLock { $0.tokens } }

    /// Reads the keys again, and makes the next signing key when the newest is old: for a token by a key that another host made, and once a day.
    package func refresh(now: Int64) async throws {
        let found = try await Self.load(secrets, issuer, now)
        keys.withLock { $0 = found }
    }

    /// Whether it is time to look for new keys; a yes counts as a look.
    func mayLook(now: Int64) -> Bool {
        lookedAt.withLock { last in
            guard now - last >= 10_000 || now < last else { return false }
            last = now
            return true
        }
    }

    /// Seals bytes to an account.
    func seal(_ bytes: [UInt8], for account: String) throws(CryptoError) -> [UInt8] {
        try AES256GCM.seal(bytes, key: keys.withLock { $0.seal }, additional: Array("second factor \(account)".utf8))
    }

    /// Opens what was sealed to that account.
    func open(_ box: [UInt8], for account: String) throws(CryptoError) -> [UInt8] {
        try AES256GCM.open(box, key: keys.withLock { $0.seal }, additional: Array("second factor \(account)".utf8))
    }

    /// The keys among the host's secrets: passwords of mail servers and the like are there too.
    private static func own(_ secrets: SecretStore) async throws(StoreError) -> [SecretRecord] {
        try await secrets.list(tenant: tenant, limit: StoreLimits.pageMax).items.filter { $0.name.hasPrefix("identity.") }
    }

    private static func load(_ secrets: SecretStore, _ issuer: String, _ now: Int64) async throws -> Keys {
        let by = SecretActor("system")
        var records = try await own(secrets)
        if !records.contains(where: { $0.name == sealName }) {
            try await secrets.set(sealName, tenant: tenant, to: Array(Base64URL.encode(AES256GCM.newKey()).utf8), by: by)
        }
        let newest = records.filter { $0.name.hasPrefix(signPrefix) }.map(\.createdAtMilliseconds).max()
        if newest.map({ now - $0 >= IdentityLimits.signingKeyMilliseconds }) ?? true {
            let seed = Base64URL.encode(try Ed25519.PrivateKey.generate().seed)
            try await secrets.set(signPrefix + UUIDv7.make(), tenant: tenant, to: Array(seed.utf8), by: by)
        }
        // A key that signs no more is needed until the last token it signed has ended; it goes a whole period later.
        for old in records where old.name.hasPrefix(signPrefix) && now - old.createdAtMilliseconds >= 2 * IdentityLimits.signingKeyMilliseconds {
            _ = try await secrets.remove(old.name, tenant: tenant, by: by)
        }
        records = try await own(secrets)
        let opened = try await secrets.open(records.map(\.name), tenant: tenant)
        try await secrets.noteUse(opened, by: SecretUse(actor: "system", plugin: "identity"))
        let created = Dictionary(records.map { ($0.name, $0.createdAtMilliseconds) }, uniquingKeysWith: { first, _ in first })
        var tokens: [TokenKey] = []
        var seal: [UInt8]?
        for secret in opened {
            guard let bytes = Base64URL.decode(String(decoding: secret.reveal(), as: UTF8.self)) else {
                throw IdentityError.failed("the secret \(secret.name) of the host is no key; restore it from a backup")
            }
            if secret.name == sealName { seal = bytes }
            if secret.name.hasPrefix(signPrefix) {
                tokens.append(try TokenKey(Ed25519.PrivateKey(seed: bytes), createdAt: created[secret.name] ?? 0))
            }
        }
        guard let seal, let set = TokenKeySet(tokens, issuer: issuer) else {
            throw IdentityError.failed("the keys of identity are gone from the store")
        }
        return Keys(tokens: set, seal: seal)
    }
}
