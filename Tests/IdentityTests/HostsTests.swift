import Glibc
import IO
import Store
import Testing

@testable import Identity

/// Two hosts on one PostgreSQL, each with a memory of its own.
@Suite("Identity: several hosts", .serialized)
struct HostsTests {
    private func isGood(_ host: Neighbour, _ token: String) async throws -> Bool {
        do throws(IdentityError) {
            _ = try await host.service.check(.bearer(token))
            return true
        } catch {
            guard error == .invalidToken else { throw error }
            return false
        }
    }

    @Test(
        "what one host ends is refused by the other on its next request, a thousand times, and neither asks the database while nothing changes (AUTH-5, AUTH-15, STORE-10)"
    )
    func thousand() async throws {
        let bench = try await Bench(.postgres)
        let other = try await bench.neighbour()
        defer { other.database.close() }
        let account = try await bench.account()
        var (warm, slowest) = (0, Duration.zero)
        for turn in 0..<1000 {
            let credentials = try await bench.signIn()
            #expect(try await isGood(other, credentials.accessToken))
            if other.service.remembered(.bearer(credentials.accessToken)) != nil { warm += 1 }
            let start = ContinuousClock.now
            if turn % 2 == 0 {
                try await bench.service.end(session: credentials.session, of: account.id, tenant: "main", by: Actor(account.id))
            } else {
                try await bench.service.endSessions(of: account.id, except: nil, tenant: "main", by: Actor(account.id))
            }
            slowest = max(slowest, ContinuousClock.now - start)
            #expect(other.service.remembered(.bearer(credentials.accessToken)) == nil, "turn \(turn)")
            #expect(try await !isGood(other, credentials.accessToken), "turn \(turn)")
        }
        print("revocation on two hosts: slowest of 1,000 \(slowest); remembered \(warm)")
        // A lease that ran out for a moment costs a read and nothing else.
        #expect(warm > 900)
    }

    @Test("a role that changes on one host holds on the other's next request (AUTH-10)")
    func role() async throws {
        let bench = try await Bench(.postgres)
        let other = try await bench.neighbour()
        defer { other.database.close() }
        _ = try await bench.account("op@example.com", role: .operatorOfHost)
        let account = try await bench.account(role: .admin)
        for role in [Role.user, .admin, .user] {
            let token = try await bench.signIn().accessToken
            #expect(try await isGood(other, token))
            var wish = AccountChange()
            wish.role = role
            _ = try await bench.service.change(account.id, tenant: "main", wish, as: .operatorOfHost, by: Actor("op"))
            #expect(try await !isGood(other, token))
            let next = try await bench.signIn().accessToken
            #expect(try await other.service.check(.bearer(next)).owner.role == role)
        }
    }

    @Test("a host whose announcements are cut off asks the database, and what was ended meanwhile is refused (AUTH-15, STORE-10)")
    func cut() async throws {
        let bench = try await Bench(.postgres)
        let other = try await bench.neighbour()
        defer { other.database.close() }
        let account = try await bench.account()
        for turn in 0..<8 {
            let credentials = try await bench.signIn()
            #expect(try await isGood(other, credentials.accessToken))
            // Every listener, at a moment of its own choosing: before, during and after the change.
            async let cut: Void = {
                try await Task.sleep(for: .milliseconds(turn % 5))
                try bench.tamper(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query NOT LIKE '%terminate%' AND state = 'idle'"
                )
            }()
            if turn % 2 == 1 { try await cut }
            _ = await failure { try await bench.service.end(session: credentials.session, of: account.id, tenant: "main", by: Actor(account.id)) }
            try await cut
            let isGone = try await bench.count("SELECT count(*) FROM auth_session") == 0
            #expect(try await isGood(other, credentials.accessToken) == !isGone, "turn \(turn)")
            #expect(isGone, "turn \(turn)")
        }
    }

    @Test("a host that is silent holds a change up for no longer than its lease, once (AUTH-15)")
    func silent() async throws {
        let bench = try await Bench(.postgres)
        let account = try await bench.account()
        let sessions = [try await bench.signIn(), try await bench.signIn()]
        // As one that was stopped: its row is there, and nobody answers.
        try bench.tamper("INSERT INTO host (id, beat) VALUES ('stopped', 7)")
        let clock = ContinuousClock()
        let first = try await clock.measure {
            try await bench.service.end(session: sessions[0].session, of: account.id, tenant: "main", by: Actor(account.id))
        }
        #expect(first > .milliseconds(2_200) && first < .milliseconds(6_000), "\(first)")
        let second = try await clock.measure {
            try await bench.service.end(session: sessions[1].session, of: account.id, tenant: "main", by: Actor(account.id))
        }
        #expect(second < .milliseconds(1_000), "\(second)")
        // One that nobody waits for is found gone all the same.
        try bench.tamper("INSERT INTO host (id, beat) VALUES ('gone', 7)")
        var rows = ""
        for _ in 0..<100 {
            rows = try bench.tamper("SELECT count(*) FROM host WHERE id = 'gone'")
            if rows == "0\n" { break }
            try await Task.sleep(for: .milliseconds(100))
        }
        #expect(rows == "0\n")
    }

    @Test("a host whose row was taken believes nothing of before, and is back a moment later")
    func taken() async throws {
        let bench = try await Bench(.postgres)
        _ = try await bench.account()
        let token = try await bench.signIn().accessToken
        #expect(try await bench.isGood(.bearer(token)))
        #expect(bench.service.remembered(.bearer(token)) != nil)
        let before = bench.database.copyStamp
        try bench.tamper("DELETE FROM host")
        for _ in 0..<300 where bench.database.copyStamp == before { try await Task.sleep(for: .milliseconds(10)) }
        #expect(bench.database.copyStamp != before)
        #expect(bench.service.remembered(.bearer(token)) == nil)
        for _ in 0..<300 where bench.database.copyStamp == nil { try await Task.sleep(for: .milliseconds(10)) }
        #expect(try await bench.isGood(.bearer(token)))
        #expect(bench.service.remembered(.bearer(token)) != nil)
    }

    @Test("a command on the same database ends a session on every host before it returns (AUTH-5)")
    func command() async throws {
        let bench = try await Bench(.postgres)
        let account = try await bench.account()
        let credentials = try await bench.signIn()
        #expect(try await bench.isGood(.bearer(credentials.accessToken)))
        // Keeps no copies, and has only just connected.
        let database = try await Database.open(bench.place, on: Bench.loops.get())
        defer { database.close() }
        let command = IdentityService(
            database: database, desk: bench.desk,
            vault: try await .open(SecretStore(database: database, keys: "\(bench.folder)/keys"), issuer: "limen", now: bench.clock.now),
            post: bench.post, memory: OwnerMemory { nil })
        let took = try await ContinuousClock().measure {
            try await command.endSessions(of: account.id, except: nil, tenant: "main", by: Actor("cli"))
        }
        #expect(took < .milliseconds(1_000), "\(took)")
        #expect(bench.service.remembered(.bearer(credentials.accessToken)) == nil)
        #expect(try await !bench.isGood(.bearer(credentials.accessToken)))
    }
}
