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
                lease.listens()
                try await attend(connection)
            } catch {
                lease.lost(isListening: false)
                failures += 1
                news.publish(.gap)
                do throws(IOError) { try await loops[0].sleep(until: .after(milliseconds: Backoff.milliseconds(failures))) } catch { return }
            }
        }
    }
}
