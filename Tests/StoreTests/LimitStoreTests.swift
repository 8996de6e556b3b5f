import IO
import Store
import TestKit
import Testing

@Suite("Store: what hosts count together") struct LimitStoreTests {
    @Test(
        "two hosts draw from one bucket: in no time at all do they get more than its size and what came back (LIM-1)",
        arguments: DatabaseEngine.allCases)
    func bucket(engine: DatabaseEngine) async throws {
        let bed = try StoreBed(engine)
        let (one, two) = (try await bed.open(), try await bed.open())
        defer {
            one.close()
            two.close()
        }
        let hosts = [BucketStore(database: one), BucketStore(database: two)]
        var random = SeededRandom()
        for round in 0..<6 {
            let interval = Int64.random(in: 1...2_000_000_000, using: &random)
            let size = interval * Int64.random(in: 1...20, using: &random)
            var (now, taken): (Int64, [(at: Int64, count: Int64)]) = (1_000_000_000_000_000_000, [])
            for _ in 0..<80 {
                now += Int64.random(in: 0...(interval * 3), using: &random)
                let demand = BucketDemand(key: "k\(round)", wanted: Int64.random(in: 1...6, using: &random), interval: interval, size: size)
                let grant = try await hosts[Int.random(in: 0...1, using: &random)].take(demand, nowNanoseconds: now)
                #expect((0...demand.wanted).contains(grant.granted) && grant.untilFull <= size, "seed \(random.seed)")
                taken.append((now, grant.granted))
            }
            for first in taken.indices {
                var sum: Int64 = 0
                for last in first..<taken.count {
                    sum += taken[last].count
                    let most = size / interval + (taken[last].at - taken[first].at) / interval + 1
                    #expect(sum <= most, "seed \(random.seed)")
                }
            }
            #expect(taken.map(\.count).reduce(0, +) >= size / interval, "a bucket that gives nothing is none, seed \(random.seed)")
        }
    }

    @Test("100 requests at once for ten tokens get ten, by the database's own clock", arguments: DatabaseEngine.allCases)
    func races(engine: DatabaseEngine) async throws {
        try await withDatabase(engine) { database in
            let store = BucketStore(database: database)
            let demand = BucketDemand(key: "k", wanted: 1, interval: 3_600_000_000_000, size: 36_000_000_000_000)
            let granted = try await withThrowingTaskGroup(of: Int64.self) { group in
                for _ in 0..<100 { group.addTask { try await store.take(demand).granted } }
                return try await group.reduce(0, +)
            }
            #expect(granted == 10)
            #expect(try await store.forget() == 0)
        }
    }

    @Test("several buckets give all or nothing, whichever is empty (LIM-7)", arguments: DatabaseEngine.allCases)
    func all(engine: DatabaseEngine) async throws {
        try await withDatabase(engine) { database in
            let store = BucketStore(database: database)
            let now: Int64 = 1_000_000_000_000_000_000
            func demand(_ key: String, _ tokens: Int64) -> BucketDemand {
                BucketDemand(key: key, wanted: 1, interval: 1_000_000_000, size: tokens * 1_000_000_000)
            }
            func take(_ owner: String) async throws -> Int? {
                try await store.takeAll([demand("z", 9), demand("link", 2), demand(owner, 5)], nowNanoseconds: now).refused
            }
            for refused in [nil, nil, 1, 1, 1] { #expect(try await take("a") == refused) }
            // The refused ones took nothing of the others.
            for _ in 0..<7 { #expect(try await store.take(demand("z", 9), nowNanoseconds: now).granted == 1) }
            #expect(try await store.take(demand("z", 9), nowNanoseconds: now).granted == 0)
            for _ in 0..<3 { #expect(try await store.take(demand("a", 5), nowNanoseconds: now).granted == 1) }
            let outcome = try await store.takeAll([demand("z", 9), demand("b", 5)], nowNanoseconds: now)
            #expect(outcome.refused == 0 && outcome.grants.first?.untilFull == 9_000_000_000)
        }
    }

    @Test(
        "of 50 who want one of three places three get one; what is given back or not renewed is free again (LIM-2)",
        arguments: DatabaseEngine.allCases)
    func leases(engine: DatabaseEngine) async throws {
        try await withDatabase(engine) { database in
            let store = LeaseStore(database: database, leaseMilliseconds: 1_500)
            func acquire(_ id: String, ended: [String] = []) async throws -> Bool {
                try await store.acquire(id, kind: "workflows", tenant: "main", owner: "ann", max: 3, ended: ended)
            }
            let taken = try await withThrowingTaskGroup(of: String?.self) { group in
                for index in 0..<50 { group.addTask { try await acquire("l\(index)") ? "l\(index)" : nil } }
                return try await group.reduce(into: [String]()) { if let id = $1 { $0.append(id) } }
            }
            #expect(taken.count == 3)
            #expect(try await store.acquire("other", kind: "decodes", tenant: "main", owner: "ann", max: 1))
            #expect(try await store.acquire("bob", kind: "workflows", tenant: "main", owner: "bob", max: 3))
            #expect(try await acquire("x", ended: [taken[0]]))
            #expect(try await !acquire("y"))
            // The host that held all but one dies.
            for _ in 0..<4 {
                try await Task.sleep(nanoseconds: 500_000_000)
                try await store.renew(["x"])
            }
            for id in ["a", "b"] { #expect(try await acquire(id)) }
            #expect(try await !acquire("c"))
            try await store.release(["a", "b", "x"])
            #expect(try await store.count() == 0)
        }
    }

    @Test(
        "100 acts at once spend what is there and no more, of the user's and the tenant's budget, and hear from 80 % on",
        arguments: DatabaseEngine.allCases)
    func budgets(engine: DatabaseEngine) async throws {
        try await withDatabase(engine) { database in
            let store = BudgetStore(database: database)
            let bounds = BudgetStore.Bounds(user: 1_000, tenant: 1_500)
            let now: Int64 = 1_800_000_000_000
            func reserve(_ micros: Int64, _ user: String, _ now: Int64) async throws -> BudgetStore.Outcome {
                try await store.reserve(micros, tenant: "main", user: user, within: bounds, holdMilliseconds: 60_000, nowMilliseconds: now)
            }
            let outcomes = try await withThrowingTaskGroup(of: BudgetStore.Outcome.self) { group in
                for _ in 0..<100 { group.addTask { try await reserve(100, "ann", now) } }
                return try await group.reduce(into: [BudgetStore.Outcome]()) { $0.append($1) }
            }
            let reserved = outcomes.compactMap { if case .reserved(let one) = $0 { one } else { nil } }
            #expect(reserved.count == 10 && reserved.filter(\.isNearEnd).count == 3)
            #expect(outcomes.filter { $0 == .exhausted(.user) }.count == 90)
            #expect(try await reserve(501, "bob", now) == .exhausted(.tenant))
            #expect(
                try await store.spent(tenant: "main", user: "bob", nowMilliseconds: now).user == 0,
                "what the tenant does not have the user did not spend")
            try await store.settle(reserved[0], cost: 40)
            #expect(try await store.spent(tenant: "main", user: "ann", nowMilliseconds: now) == (940, 940))
            #expect(try await reserve(61, "ann", now) == .exhausted(.user))
            guard case .reserved = try await reserve(1_000, "ann", now + 32 * 86_400_000) else { return #expect(Bool(false), "a new month") }
            #expect((1...31 * 86_400_000).contains(BudgetStore.untilMonthEnds(now)))
        }
    }

    @Test(
        "what a host that died had reserved comes back when its time is over, once, and what its act did cost is taken all the same if it comes late (CHAT-8)",
        arguments: DatabaseEngine.allCases)
    func reservations(engine: DatabaseEngine) async throws {
        try await withDatabase(engine) { database in
            let store = BudgetStore(database: database)
            let bounds = BudgetStore.Bounds(user: 1_000, tenant: 5_000)
            let now: Int64 = 1_800_000_000_000
            func reserve(_ micros: Int64, _ user: String, at moment: Int64 = 0) async throws -> BudgetStore.Outcome {
                try await store.reserve(micros, tenant: "main", user: user, within: bounds, holdMilliseconds: 1_000, nowMilliseconds: now + moment)
            }
            func spent(_ user: String) async throws -> BudgetStore.Spent { try await store.spent(tenant: "main", user: user, nowMilliseconds: now) }
            guard case .reserved(let late) = try await reserve(900, "ann"), case .reserved = try await reserve(400, "bob") else {
                return #expect(Bool(false))
            }
            #expect(try await reserve(200, "ann", at: 1_000) == .exhausted(.user), "until its end it is kept")
            #expect(try await store.sweep(nowMilliseconds: now + 1_000) == 0)
            // Who needs it looks for what is over.
            guard case .reserved(let fresh) = try await reserve(200, "ann", at: 1_001) else { return #expect(Bool(false), "it did not come back") }
            #expect(try await spent("ann") == (200, 200))
            #expect(try await spent("bob") == (0, 200))
            #expect(try await store.settle(late, cost: 850) == (1_050, 1_050))
            #expect(try await store.settle(fresh, cost: 150) == (1_000, 1_000))
            #expect(try await store.sweep(nowMilliseconds: now + 10_000) == 0)
            #expect(try await spent("ann") == (1_000, 1_000))
        }
    }
}
