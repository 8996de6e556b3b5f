package import Crypto
internal import Glibc
package import IO

/// Why a password could not be looked at.
package enum PasswordDeskError: Error, Sendable, Hashable {
    /// So many are waiting that this one was not taken in; nothing was computed.
    case busy
    /// It cannot be done at all.
    case failed(String)
}

/// Hashes and checks passwords, a few at once: each takes 0.4 s and 128 MiB, so that a flood of sign-ins must not become a flood of memory.
///
/// Threads of their own with a short queue before them, which yield to the loops (nice); what finds the queue full is refused at once.
package final class PasswordDesk: Sendable {
    private let pool: BlockingPool
    /// What new hashes cost.
    package let cost: Scrypt.Cost
    /// Stands in for accounts that do not exist, so that they take as long as those that do.
    private let decoy: PasswordHash

    /// Starts the threads.
    package init(
        cost: Scrypt.Cost = .owasp, threads: Int = IdentityLimits.passwordThreads, queueMax: Int = IdentityLimits.passwordQueueMax
    ) throws {
        self.cost = cost
        pool = try BlockingPool(name: "password", threads: threads, queueMax: queueMax)
        decoy = .decoy(cost: cost)
    }

    /// What waits and runs.
    package var metrics: BlockingPool.Metrics { pool.metrics }

    /// Hashes a new password; `milliseconds` is how long that may wait and take.
    package func hash(
        _ password: String, milliseconds: Int = IdentityLimits.passwordMilliseconds
    ) async throws(PasswordDeskError) -> PasswordHash {
        let cost = self.cost
        return try await run(milliseconds) { try PasswordHash(of: Array(password.utf8), cost: cost) }
    }

    /// Whether a password is the stored one; without one, false after the same time.
    package func isRight(_ password: String, for hash: PasswordHash?) async throws(PasswordDeskError) -> Bool {
        let decoy = self.decoy
        return try await run(IdentityLimits.passwordMilliseconds) {
            let isEqual = try (hash ?? decoy).isOf(Array(password.utf8))
            return isEqual && hash != nil
        }
    }

    private func run<Value: Sendable>(
        _ milliseconds: Int, _ body: @escaping @Sendable () throws -> Value
    ) async throws(PasswordDeskError) -> Value {
        do {
            return try await pool.run(deadline: .after(milliseconds: milliseconds)) {
                // Of this thread alone; without the right to it they count like all others, which is no reason to refuse anybody.
                _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, IdentityLimits.passwordNiceness)
                return try body()
            }
        } catch let error as IOError where error.code == .overloaded || error.code == .timedOut {
            throw .busy
        } catch {
            throw .failed("\(error)")
        }
    }

    /// Ends the threads; blocks.
    package func close() { pool.shutdown() }
}
