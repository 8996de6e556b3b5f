internal import Crypto
internal import JSON
internal import Store

/// A second factor that was begun: shown once.
package struct NewSecondFactor: Sendable {
    /// Base 32, to be typed in.
    package let secret: String
    /// For a QR code.
    package let uri: String
}

/// Where an account stands with its second factor.
package struct SecondFactorStatus: Sendable, Hashable {
    package let isEnabled: Bool
    /// Recovery codes that are left.
    package let recoveryCodes: Int
    /// Until when no code is taken; nil when codes are taken.
    package let lockedUntil: Int64?
}

extension IdentityService {
    /// Whether an account signs in with a code.
    func hasSecondFactor(_ account: String) async throws(IdentityError) -> Bool {
        try await read { try await $0.row("SELECT 1 FROM second_factor WHERE account = $1 AND enabled_at IS NOT NULL", [.text(account)]) != nil }
    }

    /// Where an account stands.
    package func secondFactor(of account: String) async throws(IdentityError) -> SecondFactorStatus {
        let now = now()
        return try await read { connection in
            let row = try await connection.row(
                "SELECT enabled_at, locked_until FROM second_factor WHERE account = $1", [.text(account)])
            let codes = try await connection.row("SELECT count(*) FROM recovery_code WHERE account = $1", [.text(account)])
            let locked = try row?.integer(1) ?? 0
            return SecondFactorStatus(
                isEnabled: row.map { $0.values[0] != .null } ?? false, recoveryCodes: try codes?.int(0) ?? 0, lockedUntil: locked > now ? locked : nil
            )
        }
    }

    /// Begins a second factor: it counts once a first code was right. One that is enabled must be disabled first.
    package func enableSecondFactor(of account: Account, requestID: String?) async throws(IdentityError) -> NewSecondFactor {
        let (secret, now) = (OneTimeCode.newSecret(), now())
        let box: [UInt8]
        do {
            box = try vault.seal(secret, for: account.id)
        } catch {
            throw .failed("sealing a second factor: \(error)")
        }
        let isDone = try await write { connection in
            let row = try await connection.row(
                """
                INSERT INTO second_factor (account, secret, failures, locked_until, last_step) VALUES ($1, $2, 0, 0, 0)
                ON CONFLICT (account) DO UPDATE SET secret = excluded.secret WHERE second_factor.enabled_at IS NULL RETURNING account
                """, [.text(account.id), .blob(box)])
            guard row != nil else { return false }
            try await Self.note("auth.mfa_begin", account.id, tenant: account.tenant, requestID: requestID, at: now, connection)
            return true
        }
        guard isDone else { throw .conflict(field: "mfa", "is enabled already: disable it first") }
        let text = Base32.encode(secret)
        let label = account.email.utf8.map { Self.isPlain($0) ? String(UnicodeScalar($0)) : "%" + Hex.encode([$0]).uppercased() }.joined()
        return NewSecondFactor(secret: text, uri: "otpauth://totp/Limen:\(label)?secret=\(text)&issuer=Limen")
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        default: "-._~".utf8.contains(byte)
        }
    }

    /// Enables what was begun with a first code; the recovery codes are shown once.
    package func verifySecondFactor(of account: Account, code: String, requestID: String?) async throws(IdentityError) -> [String] {
        try await check(code: code, of: account.id, tenant: account.tenant, requestID: requestID, mayBeBegun: true)
        return try await makeRecoveryCodes(account, action: "auth.mfa_enable", requestID)
    }

    /// Makes new recovery codes, for a code; the old ones are void.
    package func renewRecoveryCodes(of account: Account, code: String, requestID: String?) async throws(IdentityError) -> [String] {
        try await check(code: code, of: account.id, tenant: account.tenant, requestID: requestID)
        return try await makeRecoveryCodes(account, action: "auth.mfa_recovery", requestID)
    }

    private func makeRecoveryCodes(_ account: Account, action: String, _ requestID: String?) async throws(IdentityError) -> [String] {
        // 80 bits each: a fast digest is enough, as nobody can try that many.
        let codes = (0..<IdentityLimits.recoveryCodes).map { _ in Base32.encode(secureRandom(10)) }
        let now = now()
        try await write { connection in
            try await connection.execute(
                "UPDATE second_factor SET enabled_at = coalesce(enabled_at, $2) WHERE account = $1", [.text(account.id), .integer(now)])
            try await connection.execute("DELETE FROM recovery_code WHERE account = $1", [.text(account.id)])
            for code in codes {
                try await connection.execute(
                    "INSERT INTO recovery_code (account, hash) VALUES ($1, $2)", [.text(account.id), .blob(IssuedSecret.hash(code))])
            }
            try await Self.note(action, account.id, tenant: account.tenant, requestID: requestID, at: now, connection)
        }
        return codes.map { $0.prefix(8) + "-" + $0.suffix(8) }
    }

    /// Takes the second factor away, for a code.
    package func disableSecondFactor(of account: Account, code: String, requestID: String?) async throws(IdentityError) {
        try await check(code: code, of: account.id, tenant: account.tenant, requestID: requestID)
        let now = now()
        try await write { connection in
            try await connection.execute("DELETE FROM second_factor WHERE account = $1", [.text(account.id)])
            try await Self.note("auth.mfa_disable", account.id, tenant: account.tenant, requestID: requestID, at: now, connection)
        }
    }

    /// Takes the second factor away without a code (`limen user reset --mfa`).
    package func removeSecondFactor(of account: Account, by actor: Actor) async throws(IdentityError) {
        let now = now()
        try await write(changing: account.id) { connection in
            try await connection.execute("DELETE FROM second_factor WHERE account = $1", [.text(account.id)])
            try await Self.note(
                "auth.mfa_remove", actor.id, tenant: account.tenant, requestID: actor.requestID, details: ["account": .string(account.id)], at: now,
                connection)
        }
    }

    /// Checks a code, and counts it: the row is held from the first statement on, so that of any number at once five wrong ones are looked at (AUTH-7).
    func check(code: String, of account: String, tenant: String, requestID: String?, mayBeBegun: Bool = false) async throws(IdentityError) {
        let (vault, now) = (vault, now())
        let outcome = try await write { connection -> CodeLock.Outcome? in
            let row = try await connection.row(
                """
                UPDATE second_factor SET failures = failures WHERE account = $1 RETURNING secret, failures, locked_until, last_step, enabled_at
                """, [.text(account)])
            guard let row, mayBeBegun || row.values[4] != .null else { return nil }
            let isRecovery = try await Self.takeRecoveryCode(code, account, isLocked: try row.integer(2) > now, connection)
            let secret = try vault.open(try row.blob(0), for: account)
            var lock = CodeLock(failures: try row.integer(1), lockedUntil: try row.integer(2), lastStep: try row.integer(3))
            let outcome = lock.attempt(now: now) { last in
                isRecovery ? last : OneTimeCode.step(of: code, secret: secret, atMilliseconds: now, after: last)
            }
            try await connection.execute(
                "UPDATE second_factor SET failures = $2, locked_until = $3, last_step = $4 WHERE account = $1",
                [.text(account), .integer(lock.failures), .integer(lock.lockedUntil), .integer(lock.lastStep)])
            try await Self.noteCode(outcome, account, tenant, requestID, now, connection)
            return outcome
        }
        switch outcome {
        case .right: return
        case .wrong(let left): throw .wrongCode(left: left)
        case .locked(let milliseconds): throw .locked(milliseconds: milliseconds)
        case nil: throw .conflict(field: "mfa", "is not enabled")
        }
    }

    /// Whether the code was one of the recovery codes, which it then is no more.
    private static func takeRecoveryCode(
        _ code: String, _ account: String, isLocked: Bool, _ connection: any DatabaseConnection
    ) async throws(StoreError) -> Bool {
        let plain = code.uppercased().filter { $0 != "-" }
        guard !isLocked, plain.utf8.count == 16 else { return false }
        return try await connection.row(
            "DELETE FROM recovery_code WHERE account = $1 AND hash = $2 RETURNING account", [.text(account), .blob(IssuedSecret.hash(plain))]) != nil
    }

    private static func noteCode(
        _ outcome: CodeLock.Outcome, _ account: String, _ tenant: String, _ requestID: String?, _ now: Int64, _ connection: any DatabaseConnection
    ) async throws(StoreError) {
        switch outcome {
        case .right: return
        case .wrong(let left):
            try await note(
                left == 0 ? "auth.mfa_lock" : "auth.mfa_wrong", account, tenant: tenant, outcome: "unauthorized", requestID: requestID, at: now,
                connection)
        case .locked: return
        }
    }
}
