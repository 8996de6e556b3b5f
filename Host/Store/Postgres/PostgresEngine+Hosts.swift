internal import Crypto
internal import IO

/// Hosts that keep copies of rows, and those who change them (`HostLease`).
extension PostgresEngine {
    /// What hosts tell each other beside changes: who asks to be told, and who tells.
    private static let (asks, tells) = ("?", "!")

    /// A change that every host is to have heard of before its writer goes on.
    func expect() async -> AwaitedChange {
        let change = AwaitedChange(UUIDv7.make())
        lease.expect(change.id)
        // A command that has only just started hears nothing yet, and would have to wait for leases to run out.
        let patience = Deadline.after(milliseconds: StoreLimits.hostAnswerMilliseconds)
        while !lease.hasListened, !patience.hasPassed, !Task.isCancelled {
            do throws(IOError) { try await (EventLoop.current ?? loops[0]).sleep(until: .after(milliseconds: 5)) } catch { break }
        }
        return change
    }

    /// The question that goes out with a change, behind its announcements: hosts hear them in this order.
    static func question(_ change: AwaitedChange) throws(StoreError) -> PostgresConnection.Step {
        let text = "\(asks) \(change.id)"
        return .statement("SELECT pg_notify('limen', $1)", try PostgresParameters([.text(text)]))
    }

    /// Returns when no other host believes anything that it kept from before the change.
    func settle(_ change: AwaitedChange) async throws(StoreError) {
        defer { lease.settled(change.id) }
        guard change.isAnnounced else { return }
        // Read behind the commit: a host that is not there yet reads the change when it begins.
        let deadline = Deadline.after(milliseconds: StoreLimits.writeMillisecondsDefault)
        let rows = try await write(deadline: deadline, .committed) { try await $0.rows("SELECT id FROM host") }
        var hosts = Set<String>()
        for row in rows { hosts.insert(try row.text(0)) }
        if let own = lease.id { hosts.remove(own) }
        if let former = lease.former { hosts.remove(former) }
        let patience = Deadline.after(milliseconds: StoreLimits.hostAnswerMilliseconds)
        while lease.isListening, !lease.missing(change.id, of: hosts).isEmpty, !patience.hasPassed { try await pause(milliseconds: 1) }
        let silent = lease.missing(change.id, of: hosts)
        guard !silent.isEmpty else { return }
        // Without its row none of them can renew; what they have left runs out.
        try await write(deadline: deadline, .committed) { connection in
            for host in silent.sorted() { try await connection.execute("DELETE FROM host WHERE id = $1", [.text(host)]) }
        }
        try await pause(milliseconds: StoreLimits.hostLeaseMilliseconds + StoreLimits.hostLeaseMarginMilliseconds)
    }

    private func pause(milliseconds: Int) async throws(StoreError) {
        do throws(IOError) {
            try await (EventLoop.current ?? loops[0]).sleep(until: .after(milliseconds: milliseconds))
        } catch {
            throw StoreError(.timedOut, "the change is written; whether every host has heard of it is not known")
        }
    }

    /// Hears what is announced, and renews the lease, on one connection: who hears nothing renews nothing.
    func attend(_ connection: PostgresConnection) async throws {
        var others = OtherHosts()
        var beatAt = Deadline.after(milliseconds: StoreLimits.listenCheckMilliseconds)
        while true {
            if beatAt.hasPassed || (lease.isWanted && lease.id == nil) {
                beatAt = .after(milliseconds: lease.isWanted ? StoreLimits.hostBeatMilliseconds : StoreLimits.listenCheckMilliseconds)
                if lease.isWanted { try await beat(connection, &others) } else { try await check(connection) }
            }
            do throws(PostgresFailure) {
                try await take(connection.notices(until: lease.isWanted ? beatAt : min(beatAt, .after(milliseconds: 50))), connection)
            } catch {
                // Silence is no failure.
                guard error.error.code == .timedOut, !Task.isCancelled else { throw error.error }
            }
        }
    }

    private func check(_ connection: PostgresConnection) async throws {
        _ = try await connection.exchange([.control("SELECT 1")], until: .after(milliseconds: StoreLimits.connectMillisecondsMax))
    }

    /// Publishes what was heard; then answers who asked.
    private func take(_ notices: [(channel: String, payload: String)], _ connection: PostgresConnection) async throws(PostgresFailure) {
        var answers: [PostgresConnection.Step] = []
        for notice in notices {
            let parts = notice.payload.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            let (topic, key) = (parts.first ?? "", parts.count > 1 ? parts[1] : "")
            switch topic {
            case Self.asks:
                guard let id = lease.id else { continue }
                do throws(StoreError) {
                    let text = "\(Self.tells) \(key) \(id)"
                    answers.append(.statement("SELECT pg_notify('limen', $1)", try PostgresParameters([.text(text)])))
                } catch {
                    throw PostgresFailure(kind: .lasting, error: error)
                }
            case Self.tells:
                let words = key.split(separator: " ").map(String.init)
                if words.count == 2 { lease.acknowledged(words[0], by: words[1]) }
            default: news.publish(.changed(topic: topic, key: key))
            }
        }
        guard !answers.isEmpty else { return }
        _ = try await connection.exchange(answers, until: .after(milliseconds: StoreLimits.hostLeaseMilliseconds))
    }

    /// Renews this host's row, or makes one; removes rows of hosts that are gone.
    private func beat(_ connection: PostgresConnection, _ others: inout OtherHosts) async throws {
        let asked = HostLease.now()
        if let id = lease.id {
            let answers = try await commit(
                connection, [("UPDATE host SET beat = beat + 1 WHERE id = $1", [.text(id)]), ("SELECT id, beat FROM host", [])])
            if answers[0].changed == 1 {
                lease.renewed(asked: asked)
                return try await sweep(connection, answers[1].rows, own: id, &others)
            }
            // Somebody waited for this host in vain.
            lease.lost(isListening: true)
        }
        news.publish(.gap)
        let id = UUIDv7.make()
        _ = try await commit(
            connection,
            [
                ("DELETE FROM host WHERE id = $1", [.text(lease.former ?? "")]),
                ("INSERT INTO host (id, beat) VALUES ($1, 0)", [.text(id)]),
            ])
        lease.begin(id, asked: asked)
    }

    private func sweep(_ connection: PostgresConnection, _ rows: [Row], own: String, _ others: inout OtherHosts) async throws {
        var found: [(id: String, beat: Int64)] = []
        for row in rows where try row.text(0) != own { found.append((try row.text(0), try row.integer(1))) }
        let gone = others.take(found, now: HostLease.now())
        guard !gone.isEmpty else { return }
        _ = try await commit(connection, gone.map { ("DELETE FROM host WHERE id = $1 AND beat = $2", [.text($0.id), .integer($0.beat)]) })
    }

    /// Statements in a transaction of their own, whose commit is answered.
    private func commit(_ connection: PostgresConnection, _ statements: [(SQL, [SQLValue])]) async throws -> [PostgresConnection.Answer] {
        var steps: [PostgresConnection.Step] = [.control(Mode.committed.begin)]
        for (sql, parameters) in statements { steps.append(.statement(sql, try PostgresParameters(parameters))) }
        let deadline = Deadline.after(milliseconds: StoreLimits.hostLeaseMilliseconds)
        let answers = try await connection.exchange(steps + [.control("COMMIT")], rowsMax: StoreLimits.rowsMax, until: deadline)
        return Array(answers[1...statements.count])
    }

    /// Gives this host's row back: nobody needs to wait for it.
    func leave() async {
        guard let id = lease.id else { return }
        lease.lost(isListening: false)
        do throws(StoreError) {
            try await write(deadline: .after(milliseconds: StoreLimits.connectMillisecondsMax), .committed) { connection in
                try await connection.execute("DELETE FROM host WHERE id = $1", [.text(id)])
            }
        } catch {
            // Others find it gone in a few seconds.
            assert(error.code != .statement, "\(error)")
        }
    }
}
