import IO
import JSON
import Store
import Testing

@Suite("Store: settings") struct SettingStoreTests {
    @Test(
        "a setting is kept, changed and taken back, each with its record, and the chain of the audit log holds them (LIM-5)",
        arguments: DatabaseEngine.allCases)
    func life(engine: DatabaseEngine) async throws {
        try await withDatabase(engine) { database in
            let store = SettingStore(database: database)
            #expect(try await store.read() == StoredSettings())
            try await store.change([.init(.host, [("a", 1), ("b", "x")])], by: "op", requestID: "r1")
            try await store.change([.init(.host, [("a", 2)]), .init(.plan("team"), [("a", 3)])], by: "op", requestID: nil)
            try await store.change([.init(.tenant("main"), [("c", true)])], by: "boss", requestID: nil)
            var found = try await store.read()
            #expect(found.revision == 4 && found.host == ["a": 2, "b": "x"] && found.plans == ["team": ["a": 3]])
            #expect(try await store.read(tenant: "main") == ["c": true])
            #expect(try await store.read(tenant: "other") == [:])
            try await store.change([.init(.host, [("a", nil)])], by: "op", requestID: nil)
            found = try await store.read()
            #expect(found.host == ["b": "x"])
            let page = try await store.history(tenant: nil, cursor: nil, limit: 2)
            #expect(page.items.map(\.name) == ["a", "a"] && page.items[0].before == 2 && page.items[0].after == nil)
            let rest = try await store.history(tenant: nil, cursor: page.nextCursor, limit: 50)
            #expect(rest.items.count == 3 && !rest.hasNext)
            #expect(try await store.history(tenant: "main", cursor: nil, limit: nil).items.map(\.actor) == ["boss"])
            #expect(try await store.remove(plan: "team", by: "op", requestID: nil))
            #expect(try await !store.remove(plan: "team", by: "op", requestID: nil))
            #expect(try await store.read().plans == [:])
            #expect(try await AuditLog(database: database).verify().entriesChecked == 6)
        }
    }

    @Test("50 changes at once are all kept, and the number of changes is theirs (STORE-5)", arguments: DatabaseEngine.allCases)
    func races(engine: DatabaseEngine) async throws {
        try await withDatabase(engine) { database in
            let store = SettingStore(database: database)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for index in 0..<50 { group.addTask { try await store.change([.init(.host, [("n", JSONValue(index))])], by: "op", requestID: nil) } }
                try await group.waitForAll()
            }
            #expect(try await store.revision() == 50)
            let records = try await store.history(tenant: nil, cursor: nil, limit: 100).items
            // One chain: each began where another ended.
            #expect(Set(records.compactMap(\.after)).count == 50 && Set(records.compactMap(\.before)).count == 49)
        }
    }

    @Test("who follows the settings hears of a change by another connection, and of having missed one (LIM-5)", arguments: DatabaseEngine.allCases)
    func heard(engine: DatabaseEngine) async throws {
        let bed = try StoreBed(engine)
        let (here, there) = (try await bed.open(), try await bed.open())
        defer {
            here.close()
            there.close()
        }
        let count = Lock(0)
        SettingStore(database: here).observe { count.withLock { $0 += 1 } }
        // Another process on SQLite is not heard of: whoever follows asks for the revision now and then.
        try await SettingStore(database: engine == .sqlite ? here : there).change([.init(.host, [("a", 1)])], by: "op", requestID: nil)
        for _ in 0..<200 where count.withLock({ $0 }) == 0 { try await Task.sleep(nanoseconds: 20_000_000) }
        #expect(count.withLock { $0 } > 0)
        #expect(try await SettingStore(database: there).revision() == 1)
    }

    @Test("no more plans than can be are made", arguments: DatabaseEngine.allCases)
    func plans(engine: DatabaseEngine) async throws {
        try await withDatabase(engine) { database in
            let store = SettingStore(database: database)
            for index in 0..<StoreLimits.plansMax { try await store.change([.init(.plan("p\(index)"), [])], by: "op", requestID: nil) }
            #expect(await code { try await store.change([.init(.plan("one-more"), [])], by: "op", requestID: nil) } == .limit("plans"))
            try await store.change([.init(.plan("p0"), [("a", 1)])], by: "op", requestID: nil)
            #expect(try await store.read().plans.count == StoreLimits.plansMax)
        }
    }
}
