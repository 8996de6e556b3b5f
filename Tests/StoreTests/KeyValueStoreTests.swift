import Store
import Testing

@Suite struct KeyValueStoreTests {
    private let scope = KeyValueScope.tenant("t1", plugin: "notes")

    @Test("absent, null and empty are three different answers (STORE-15)", arguments: DatabaseEngine.allCases)
    func empties(engine: DatabaseEngine) async throws {
        try await withDatabase(engine) { database in
            let store = KeyValueStore(database: database)
            #expect(try await store.get("k", in: scope) == nil)
            try await store.set("k", to: .null, in: scope)
            #expect(try await store.get("k", in: scope) == .null)
            try await store.set("k", to: .bytes([]), in: scope)
            #expect(try await store.get("k", in: scope) == .bytes([]))
            try await store.set("k", to: .bytes([0, 255]), in: scope)
            #expect(try await store.get("k", in: scope) == .bytes([0, 255]))
            #expect(try await store.delete("k", in: scope))
            #expect(try await !store.delete("k", in: scope))
            #expect(try await store.get("k", in: scope) == nil)
        }
    }

    @Test("no plugin, tenant or user reaches another's keys, however the ids are spelled", arguments: DatabaseEngine.allCases)
    func scopes(engine: DatabaseEngine) async throws {
        let scopes: [KeyValueScope] = [
            .tenant("a", plugin: "p"), .tenant("a", plugin: "q"), .tenant("ab", plugin: "p"), .user("b", tenant: "a", plugin: "p"),
            .user("", tenant: "ab", plugin: "p"), .user("a1:b", tenant: "", plugin: "p"), .user("1:b", tenant: "a", plugin: "p"),
            .tenant("a1:b", plugin: "p"), .tenant("", plugin: "p"), .user("a", tenant: "b", plugin: "p"),
        ]
        try await withDatabase(engine) { database in
            let store = KeyValueStore(database: database)
            for (index, scope) in scopes.enumerated() { try await store.set("k", to: .bytes([UInt8(index)]), in: scope) }
            for (index, scope) in scopes.enumerated() { #expect(try await store.get("k", in: scope) == .bytes([UInt8(index)])) }
            try await store.removeAll(plugin: "p")
            #expect(try await store.get("k", in: scopes[1]) == .bytes([1]))
            #expect(try await store.get("k", in: scopes[0]) == nil)
        }
    }

    @Test("each cap refuses what passes it, names itself, and changes nothing", arguments: DatabaseEngine.allCases)
    func caps(engine: DatabaseEngine) async throws {
        var caps = KeyValueCaps()
        (caps.keysMax, caps.bytesMax, caps.valueBytesMax) = (3, 100, 60)
        try await withDatabase(engine) { [caps] database in
            let store = KeyValueStore(database: database, caps: caps)
            func code(_ key: String, _ count: Int) async -> StoreError.Code? {
                do {
                    try await store.set(key, to: .bytes(Array(repeating: 1, count: count)), in: scope)
                    return nil
                } catch {
                    return error.code
                }
            }
            #expect(await code("a", 61) == .limit("value_bytes"))
            #expect(await code("", 1) == .limit("key_bytes"))
            #expect(await code(String(repeating: "k", count: 513), 1) == .limit("key_bytes"))
            #expect(await code("a", 60) == nil)
            #expect(await code("b", 60) == .limit("bytes"))
            #expect(await code("b", 30) == nil)
            #expect(await code("b", 38) == nil)
            #expect(await code("b", 39) == .limit("bytes"))
            #expect(await code("b", 1) == nil)
            #expect(await code("c", 1) == nil)
            #expect(await code("d", 1) == .limit("keys"))
            let deleted = try await store.delete("a", in: scope)
            #expect(deleted)
            #expect(await code("d", 60) == nil)
        }
    }

    @Test(
        "keys are listed by prefix in byte order, in bounded pages, other scripts and wildcards included (API-7)", arguments: DatabaseEngine.allCases)
    func lists(engine: DatabaseEngine) async throws {
        try await withDatabase(engine) { database in
            let store = KeyValueStore(database: database)
            let keys = ["a", "a%", "a_", "aä", "a\u{10ffff}", "b", "ab"] + (0..<60).map { "x\(100 + $0)" }
            for key in keys { try await store.set(key, to: .null, in: scope) }
            #expect(try await store.list(prefix: "a", in: scope).items == ["a", "a%", "a_", "ab", "aä", "a\u{10ffff}"])
            #expect(try await store.list(prefix: "a%", in: scope).items == ["a%"])
            #expect(try await store.list(prefix: "z", in: scope).items.isEmpty)
            let first = try await store.list(prefix: "x", in: scope)
            #expect(first.items.count == 50)
            let second = try await store.list(prefix: "x", in: scope, cursor: first.nextCursor)
            #expect(second.items.count == 10 && !second.hasNext)
            #expect(try await store.list(prefix: "", in: scope, limit: 500).items.count == keys.count)
        }
    }
}
