internal import Crypto
internal import Store

/// A password that somebody wants to try, before anything is computed.
package struct Guess: Sendable, Hashable {
    /// Of the host name that was asked for.
    package let tenant: String
    /// The address that is signed in with, in the one form by which accounts are told apart; whether there is such an account makes no difference.
    package let email: String
    /// The network that it comes from, if that account was signed in to from there before; nil for all other networks together.
    package let knownNetwork: String?
}

extension IdentityService {
    /// Bounds guesses for one account: all networks that it was never signed in from together, and each that it was by itself. So whoever guesses from many
    /// addresses is slowed down, and keeps the owner out neither at home nor, as a reset by mail makes a network known, for long anywhere.
    func admit(_ email: Email?, known: Bool, _ request: SignInRequest) async throws(IdentityError) {
        guard let ask = options.guesses else { return }
        let guess = Guess(tenant: request.tenant, email: email?.key ?? "", knownNetwork: known ? request.network : nil)
        if let wait = await ask(guess) { throw .guessing(milliseconds: wait) }
    }

    /// What is kept of a network: not the address, but enough to know it again.
    private static func digest(_ network: String, of account: String) -> [UInt8] { SHA256.hash("\(account) \(network)").bytes }

    /// Whether an account was signed in to from a network.
    static func isKnown(_ network: String?, of account: String, _ connection: any DatabaseConnection) async throws(StoreError) -> Bool {
        guard let network else { return false }
        let values: [SQLValue] = [.text(account), .blob(digest(network, of: account))]
        return try await connection.row("SELECT 1 FROM known_address WHERE account = $1 AND hash = $2", values) != nil
    }

    /// Notes that it was, now.
    static func know(_ network: String?, of account: String, _ now: Int64, _ connection: any DatabaseConnection) async throws(StoreError) {
        guard let network else { return }
        try await connection.execute(
            "INSERT INTO known_address (account, hash, at) VALUES ($1, $2, $3) ON CONFLICT (account, hash) DO UPDATE SET at = excluded.at",
            [.text(account), .blob(digest(network, of: account)), .integer(now)])
        try await connection.execute(
            """
            DELETE FROM known_address WHERE account = $1 AND hash IN
                (SELECT hash FROM known_address WHERE account = $1 ORDER BY at DESC, hash LIMIT 1000 OFFSET $2)
            """, [.text(account), SQLValue(IdentityLimits.knownNetworksMax)])
    }
}
