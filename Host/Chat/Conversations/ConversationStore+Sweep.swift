package import Store

extension ConversationStore {
    /// Removes links that are over and approvals that were decided or ran out a week ago, a bounded number at a time; returns how many. For a periodic job.
    @discardableResult
    package func sweep() async throws(StoreError) -> Int {
        let now = now()
        return try await database.write(isolation: .statements) { connection in
            let shares = try await connection.execute(
                "DELETE FROM share WHERE id IN (SELECT id FROM share WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)",
                [.integer(now), SQLValue(StoreLimits.jobsForgottenMax)])
            let approvals = try await connection.execute(
                "DELETE FROM approval WHERE id IN (SELECT id FROM approval WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)",
                [.integer(now - ChatLimits.approvalsKeptMilliseconds), SQLValue(StoreLimits.jobsForgottenMax)])
            return shares + approvals
        }
    }
}
