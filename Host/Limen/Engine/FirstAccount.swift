import Crypto
import Glibc
import Identity

/// The account of the first start: an operator with a one-time password, and an API key for scripts of this machine.
enum FirstAccount {
    /// Its address.
    static let email = "admin@localhost"
    /// How long its API key lives: as long as a machine does.
    private static let keyMilliseconds: Int64 = 10 * 365 * 86_400_000

    /// A password that is used once: 100 random bits, in groups.
    static func oneTimePassword() -> String {
        let text = Base32.encode(secureRandom(15)).lowercased()
        return stride(from: 0, to: 20, by: 5).map { String(text.dropFirst($0).prefix(5)) }.joined(separator: "-")
    }

    /// Makes it when there is no account at all; its password, to be shown once.
    ///
    /// The key goes to `DATA/admin.key` (mode 0600). A crash between the steps leaves an account whose password nobody knows: `limen user reset` gives
    /// it another.
    static func makeIfNone(_ identity: IdentityService, data: String) async throws -> String? {
        guard try await identity.isEmpty() else { return nil }
        let (password, system) = (oneTimePassword(), Actor("system"))
        var new = NewAccount(email: email, password: password, role: .operatorOfHost, mustChangePassword: true)
        new.hashMilliseconds = IdentityLimits.firstPasswordMilliseconds
        let account: Identity.Account
        do throws(IdentityError) {
            account = try await identity.create(new, tenant: "main", by: system)
        } catch .conflict {
            // Another host on the same database, which started at the same moment, has made it and shows its password.
            return nil
        }
        let (_, key) = try await identity.makeKey(
            of: account.id, name: "admin.key", scopes: Set(Scope.allCases), lasting: keyMilliseconds, by: system)
        try File.write(Array((key + "\n").utf8), to: "\(data)/admin.key", mode: 0o600)
        return password
    }
}
