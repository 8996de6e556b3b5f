import Glibc
import HTTP
import JSON
import TestKit
import Testing

/// Two hosts on one database, and nginx before both.
private struct Pair: Sendable {
    let postgres: PostgresServer
    let database: String
    let one: LiveServer
    let two: LiveServer
    let balancer: Balancer

    init() throws {
        postgres = try PostgresServer()
        database = try postgres.database()
        let settings = [
            "LIMEN_STORE_ENGINE": "postgres", "LIMEN_STORE_POSTGRES_HOST": postgres.folder, "LIMEN_STORE_POSTGRES_DATABASE": database,
            "LIMEN_LIMITS_RATES_TOOLS_PER_MINUTE": "60",
        ]
        one = try LiveServer(plugins: ["calc"], environment: settings)
        two = try LiveServer(besides: one, environment: settings)
        balancer = try Balancer([one.port, two.port])
    }

    /// Signs somebody up on a host; the access token.
    func person(_ name: String, on server: LiveServer) async throws -> String {
        let reply = try await server.send(
            .post, "/v1/auth/signup", #"{"email":"\#(name)@example.com","password":"plum lantern veto 9"}"#, key: "none")
        guard reply.status < 300, let token = reply.json["data"]?["access_token"]?.stringValue else {
            throw Command.Failure("sign-up: \(reply.text)")
        }
        return token
    }

    func me(_ token: String, on server: LiveServer) async throws -> Int { try await server.send(.get, "/v1/me", key: token).status }

    func meByNginx(_ token: String) async throws -> Int { try await two.send(.get, "/v1/me", key: token, port: balancer.port).status }

    func leave(_ token: String, on server: LiveServer) async throws -> Int { try await server.send(.post, "/v1/auth/logout", key: token).status }

    /// Puts jobs into the queue, of a kind that hosts do anyway, and wakes both.
    func add(jobs count: Int, _ name: String) throws {
        try postgres.run(
            """
            INSERT INTO job (id, kind, tenant, owner, payload, state, attempts, attempts_max, due_at, created_at)
            SELECT '\(name)-' || i, 'idempotency.forget', '', 'system', '{}', 'queued', 0, 3, 0, 0 FROM generate_series(1, \(count)) i;
            SELECT pg_notify('limen', 'job idempotency.forget')
            """, in: database)
    }

    func count(jobs name: String, _ condition: String) throws -> Int {
        let text = try postgres.run("SELECT count(*) FROM job WHERE id LIKE '\(name)-%' AND \(condition)", in: database)
        return Int(text.prefix { $0.isNumber }) ?? -1
    }

    func wait(_ what: String, until condition: () throws -> Bool) throws {
        for _ in 0..<400 {
            if try condition() { return }
            usleep(50_000)
        }
        throw Command.Failure("20 s passed: \(what)")
    }
}

@Suite("Limen on two hosts", .serialized) struct ScaleOutTests {
    @Test(
        "behind nginx: who signs in on one host is known on the other, who signs out on one is refused by the other at once, limits and jobs are shared, and with one host killed in the middle of everything nothing acknowledged is lost (AUTH-5, AUTH-15, LIM-1, STORE-1, STORE-10)"
    )
    func twoHosts() async throws {
        let pair = try Pair()
        for turn in 0..<6 { try await inAndOut(pair, turn) }
        try await stopped(pair)
        try await limited(pair)
        try shared(pair)
        try await killed(pair)
    }

    /// Signed in on one, used on the other, out on the first; and the other way round.
    private func inAndOut(_ pair: Pair, _ turn: Int) async throws {
        let (here, there) = turn % 2 == 0 ? (pair.one, pair.two) : (pair.two, pair.one)
        let person = try await pair.person("turn\(turn)", on: here)
        for _ in 0..<3 { #expect(try await pair.me(person, on: there) == 200) }
        #expect(try await pair.meByNginx(person) == 200)
        #expect(try await pair.leave(person, on: here) == 200)
        #expect(try await pair.me(person, on: there) == 401)
        #expect(try await pair.me(person, on: here) == 401)
        #expect(try await pair.meByNginx(person) == 401)
    }

    /// A host that is stopped holds a sign-out up for its lease, and believes nothing of before when it goes on.
    private func stopped(_ pair: Pair) async throws {
        let person = try await pair.person("stopped", on: pair.one)
        #expect(try await pair.me(person, on: pair.two) == 200)
        let host = try #require(pair.two.host)
        kill(host, SIGSTOP)
        let start = ContinuousClock.now
        let status = try await pair.leave(person, on: pair.one)
        let took = ContinuousClock.now - start
        kill(host, SIGCONT)
        #expect(status == 200 && took > .milliseconds(2_000) && took < .milliseconds(8_000), "\(took)")
        #expect(try await pair.me(person, on: pair.two) == 401)
    }

    /// The policy is the sum's, whichever host is asked.
    private func limited(_ pair: Pair) async throws {
        let key = pair.one.key
        let begin = ContinuousClock.now
        let statuses = try await withThrowingTaskGroup(of: [Int].self) { group in
            for worker in 0..<4 {
                group.addTask {
                    var found: [Int] = []
                    for _ in 0..<40 {
                        let reply = try await pair.one.send(
                            .post, "/v1/tools/calc.evaluate/invoke", #"{"input":{"expression":"1+1"}}"#, key: key,
                            port: worker % 2 == 0 ? pair.balancer.port : pair.two.port)
                        found.append(reply.status)
                    }
                    return found
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        let seconds = Int((ContinuousClock.now - begin) / .seconds(1)) + 1
        let passed = statuses.filter { $0 == 200 }.count
        #expect(passed >= 40 && passed <= 60 + seconds, "\(passed) in \(seconds) s")
        #expect(Set(statuses) == [200, 429], "\(statuses)")
    }

    /// Both work on one queue, and no job is begun twice.
    private func shared(_ pair: Pair) throws {
        try pair.add(jobs: 300, "both")
        try pair.wait("300 jobs of two hosts") { try pair.count(jobs: "both", "state = 'done'") == 300 }
        #expect(try pair.count(jobs: "both", "attempts = 1") == 300)
        let hosts = try pair.postgres.run("SELECT count(DISTINCT worker) FROM job WHERE id LIKE 'both-%'", in: pair.database)
        #expect(hosts == "2\n", "\(hosts)")
    }

    /// Keys are made through nginx, jobs are done, and one host is gone.
    private func killed(_ pair: Pair) async throws {
        let owner = try await pair.person("owner", on: pair.two)
        let leaver = try await pair.person("leaver", on: pair.one)
        #expect(try await pair.me(leaver, on: pair.two) == 200)
        let (tally, victim) = (Tally(), try #require(pair.one.host))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for worker in 0..<4 {
                group.addTask {
                    for index in 0..<15 {
                        let name = "k\(worker)-\(index)"
                        do {
                            let reply = try await pair.two.send(
                                .post, "/v1/api_keys", #"{"name":"\#(name)","scopes":["read"]}"#, key: owner, port: pair.balancer.port)
                            if reply.status < 300 { tally.acknowledge(name) } else { tally.refuse(reply.text) }
                        } catch {
                            tally.refuse("\(error)")
                        }
                    }
                }
            }
            group.addTask {
                while tally.acknowledged.count < 20 { try await Task.sleep(for: .milliseconds(1)) }
                try pair.add(jobs: 300, "left")
                kill(victim, SIGKILL)
            }
            try await group.waitForAll()
        }
        let named = tally.acknowledged
        #expect(named.count >= 50, "\(named.count) acknowledged, \(tally.refused.count) failed")
        let listed = try await pair.two.send(.get, "/v1/api_keys?limit=100", key: owner).text
        let lost = named.filter { !listed.contains("\"\($0)\"") }
        #expect(lost.isEmpty, "\(lost)")
        try survived(pair)
        // The dead host's lease has run out; then it is as if it had never been.
        #expect(try await pair.leave(leaver, on: pair.two) == 200)
        #expect(try await pair.me(leaver, on: pair.two) == 401)
        let whole = try await pair.two.send(.get, "/v1/admin/audit/verification", key: pair.one.key)
        #expect(whole.json["data"]?["intact"] == true, "\(whole.text)")
        for _ in 0..<4 { #expect(try await pair.meByNginx(owner) == 200) }
    }

    /// The other host ends what waits, and, when the leases of the dead one are over, what that one had begun.
    private func survived(_ pair: Pair) throws {
        try pair.wait("the queue of one host") { try pair.count(jobs: "left", "state = 'queued'") == 0 }
        try pair.postgres.run("UPDATE job SET lease_until = 0 WHERE state = 'running' AND id LIKE 'left-%'", in: pair.database)
        try pair.wait("what the dead host had begun") { try pair.count(jobs: "left", "state = 'done'") == 300 }
        #expect(try pair.count(jobs: "left", "attempts > 2") == 0)
    }
}
