import Store
import Testing

@Suite struct StateStoreTests {
    @Test(
        "a plugin's state, reason and approvals are remembered, and the first approval of a version stands (STORE-1)",
        arguments: DatabaseEngine.allCases)
    func plugins(engine: DatabaseEngine) async throws {
        let bed = try StoreBed(engine)
        var database = try await bed.open()
        var store = PluginStateStore(database: database)
        try await store.note(PluginStateEntry(plugin: "p", state: "broken", reason: "why"), by: "u1")
        try await store.note(PluginStateEntry(plugin: "p", state: "ready", reason: nil), by: "u2")
        let digest = String(repeating: "a", count: 64)
        try await store.approve(PluginVersionEntry(plugin: "p", version: "1.0.0", bundleDigest: digest, descriptionDigest: digest), by: "u1")
        let other = String(repeating: "b", count: 64)
        try await store.approve(PluginVersionEntry(plugin: "p", version: "1.0.0", bundleDigest: other, descriptionDigest: other), by: "u2")
        database.close()
        database = try await bed.open()
        defer { database.close() }
        store = PluginStateStore(database: database)
        let states = try await store.states()
        #expect(states.map(\.entry) == [PluginStateEntry(plugin: "p", state: "ready", reason: nil)])
        #expect(states.first?.changedBy == "u2")
        #expect(try await store.approvals() == ["p@1.0.0": digest])
    }

    @Test("usage of many calls adds up by day, plugin and tool, in bounded pages (API-7)", arguments: DatabaseEngine.allCases)
    func usage(engine: DatabaseEngine) async throws {
        try await withDatabase(engine) { database in
            let store = UsageStore(database: database)
            var amount = UsageAmount()
            (amount.calls, amount.failures, amount.wallMicroseconds, amount.inputBytes) = (1, 0, 10, 3)
            for index in 0..<3000 {
                let key = UsageKey(tenant: "t\(index % 2)", actor: "u", plugin: "p", tool: "tool\(index % 3)", atMilliseconds: 86_400_000 * 5)
                try await store.add(amount, to: key)
            }
            try await database.flush()
            let all = try await store.sums()
            #expect(all.items.map(\.tool) == ["tool0", "tool1", "tool2"])
            #expect(all.items.allSatisfy { $0.amount.calls == 1000 && $0.amount.wallMicroseconds == 10_000 && $0.day == 5 })
            #expect(try await store.sums(tenant: "t0").items.map(\.amount.calls).reduce(0, +) == 1500)
            let first = try await store.sums(limit: 2)
            let rest = try await store.sums(cursor: first.nextCursor)
            #expect(first.items.count == 2 && rest.items.map(\.tool) == ["tool2"])
            #expect(try await store.sums(sinceDay: 6).items.isEmpty)
        }
    }
}
