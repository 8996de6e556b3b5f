internal import IO

extension PostgresEngine {
    /// Hears what every host announces, on a connection of its own; who may have missed something is told so.
    func listen() async {
        var failures = 0
        while !Task.isCancelled {
            do {
                let connection = try await pool.open(on: loops[0], until: .after(milliseconds: StoreLimits.connectMillisecondsMax))
                defer { connection.close() }
                _ = try await connection.exchange([.control("LISTEN limen")], until: .after(milliseconds: StoreLimits.connectMillisecondsMax))
                failures = 0
                // What was announced before is not heard any more.
                news.publish(.gap)
                try await hear(connection)
            } catch {
                failures += 1
                news.publish(.gap)
                do throws(IOError) { try await loops[0].sleep(until: .after(milliseconds: Backoff.milliseconds(failures))) } catch { return }
            }
        }
    }

    private func hear(_ connection: PostgresConnection) async throws {
        while true {
            do throws(PostgresFailure) {
                for notice in try await connection.notices(until: .after(milliseconds: StoreLimits.listenCheckMilliseconds)) {
                    let parts = notice.payload.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
                    news.publish(.changed(topic: String(parts.first ?? ""), key: parts.count > 1 ? String(parts[1]) : ""))
                }
            } catch {
                // Silence is no failure, but a connection that is silent may be dead.
                guard error.error.code == .timedOut, !Task.isCancelled else { throw error.error }
                _ = try await connection.exchange([.control("SELECT 1")], until: .after(milliseconds: StoreLimits.connectMillisecondsMax))
            }
        }
    }
}
