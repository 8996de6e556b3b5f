import JSON
import Store
import StoreKit
import Testing

@testable import Artifacts

@Suite("Artifacts: who reads, who writes", .serialized)
struct VisibilityTests {
    typealias Bench = ArtifactBench

    private func show(_ id: String, _ visibility: String, _ people: JSONValue = [], _ bench: Bench, by reader: ArtifactReader) async -> ArtifactError?
    {
        await refusal {
            try await bench.patch(
                id,
                [
                    ["op": "replace", "path": "/visibility", "value": .string(visibility)],
                    ["op": "replace", "path": "/shared_with", "value": people],
                ],
                by: reader)
        }
    }

    private func isForbidden(_ error: ArtifactError?) -> Bool { if case .forbidden? = error { true } else { false } }

    @Test(
        "visibility moves as the contract says and in no other way: the owner between private and shared, an admin to global, nothing back (CFG-4)",
        arguments: DatabaseEngine.allCases)
    func transitions(engine: DatabaseEngine) async throws {
        let bench = try await Bench(engine)
        let id = try await bench.make(1).id
        // Hidden from all others, an admin too.
        for reader in [Bench.bob, Bench.boss, Bench.eve] {
            #expect(await show(id, "global", [], bench, by: reader) == .missing("artifact"))
        }
        #expect(isForbidden(await show(id, "global", [], bench, by: Bench.ann)))
        #expect(await show(id, "shared", ["bob", "boss"], bench, by: Bench.ann) == nil)
        #expect(isForbidden(await show(id, "private", [], bench, by: Bench.bob)))
        #expect(isForbidden(await show(id, "shared", ["bob", "boss", "carl"], bench, by: Bench.bob)))
        #expect(isForbidden(await refusal { try await bench.patch(id, [["op": "replace", "path": "/schema/n", "value": 2]], by: Bench.bob) }))
        #expect(await show(id, "private", [], bench, by: Bench.ann) == nil)
        #expect(await refusal { _ = try await bench.store.artifact(id, for: Bench.bob) } == .missing("artifact"))
        #expect(await show(id, "shared", ["boss"], bench, by: Bench.ann) == nil)
        // Visibility alone makes no version.
        #expect(try await bench.store.artifact(id, for: Bench.ann).version == 1)
        #expect(await show(id, "global", [], bench, by: Bench.boss) == nil)
        for visibility in ["private", "shared"] {
            for reader in [Bench.ann, Bench.boss] {
                guard case .conflict(reason: "visibility", _)? = await show(id, visibility, [], bench, by: reader) else {
                    Issue.record("\(visibility) by \(reader.account)")
                    continue
                }
            }
        }
        // What everyone runs is an admin's to write, the one who made it or not.
        #expect(isForbidden(await refusal { try await bench.patch(id, [["op": "replace", "path": "/schema/n", "value": 2]]) }))
        #expect(isForbidden(await refusal { try await bench.store.retire(id, by: Bench.ann, requestID: "r") }))
        #expect(isForbidden(await refusal { _ = try await bench.store.restore(id, version: 1, by: Bench.bob, requestID: "r") }))
        try await bench.patch(id, [["op": "replace", "path": "/schema/n", "value": 3]], by: Bench.boss)
        #expect(isForbidden(await refusal { _ = try await bench.store.restore(id, version: 1, by: Bench.ann, requestID: "r") }))
        try await bench.store.retire(id, by: Bench.boss, requestID: "r")
        #expect(isForbidden(await refusal { _ = try await bench.store.create(.policy, Bench.draft(1, .global), by: Bench.ann, requestID: "r") }))
        #expect(try await bench.make(1, .global, by: Bench.boss).visibility == .global)
    }

    @Test(
        "what an artifact said before others were let in is its owner's alone, in every version and list of versions",
        arguments: DatabaseEngine.allCases)
    func earlier(engine: DatabaseEngine) async throws {
        let bench = try await Bench(engine)
        let id = try await bench.make(1).id
        try await bench.patch(id, [["op": "replace", "path": "/schema/n", "value": 2]])
        #expect(await show(id, "shared", ["bob", "boss"], bench, by: Bench.ann) == nil)
        try await bench.patch(id, [["op": "replace", "path": "/schema/n", "value": 3]])
        func versions(_ reader: ArtifactReader) async throws -> [Int] {
            try await bench.store.versions(of: id, for: reader, cursor: nil, limit: 50).items.map(\.version)
        }
        for _ in 0..<2 {
            #expect(await refusal { _ = try await bench.store.artifact(id, version: 1, for: Bench.bob) } == .missing("version"))
            #expect(try await bench.store.artifact(id, version: 2, for: Bench.bob).schema["n"] == 2)
            #expect(try await bench.store.artifact(id, version: 1, for: Bench.ann).schema["n"] == 1)
        }
        #expect(try await versions(Bench.bob) == [3, 2])
        #expect(try await versions(Bench.ann) == [3, 2, 1])
        // Raised, the tenant sees what it says from there on; the admin restores no other.
        #expect(await show(id, "global", [], bench, by: Bench.boss) == nil)
        #expect(try await versions(Bench.carl) == [3])
        #expect(await refusal { _ = try await bench.store.restore(id, version: 1, by: Bench.boss, requestID: "r") } == .missing("version"))
        try await bench.patch(id, [["op": "replace", "path": "/schema/n", "value": 4]], by: Bench.boss)
        #expect(try await bench.store.restore(id, version: 3, by: Bench.boss, requestID: "r").schema["n"] == 3)
        // What runs by an earlier one goes on.
        #expect(try await bench.store.pinned(id, version: 1, tenant: "main").schema["n"] == 1)
    }

    @Test(
        "a list has all that its reader may read and nothing else, what the system gave every tenant included, in pages without a gap (CFG-3)",
        arguments: DatabaseEngine.allCases)
    func lists(engine: DatabaseEngine) async throws {
        let bench = try await Bench(engine)
        let own = try await bench.make(1).id
        let given = try await bench.make(2).id
        #expect(await show(given, "shared", ["bob"], bench, by: Bench.ann) == nil)
        let everyones = try await bench.make(3, .global, by: Bench.boss).id
        let others = try await bench.make(4, .global, by: Bench.eve).id
        let note = try await bench.store.create(.memory, ArtifactDraft(name: "n", schema: ["kind": "memory.note"]), by: Bench.bob, requestID: "r").id
        func ids(_ reader: ArtifactReader, _ type: ArtifactType? = nil, _ visibility: ArtifactVisibility? = nil, limit: Int = 50) async throws
            -> [String]
        {
            var found: [String] = []
            var cursor: String?
            repeat {
                let page = try await bench.store.list(for: reader, type: type, visibility: visibility, cursor: cursor, limit: limit)
                found += page.items.map { $0.isSeeded ? "seed of \($0.tenant)" : $0.id }
                cursor = page.nextCursor
            } while cursor != nil
            return found
        }
        for limit in [1, 2, 50] {
            // The seed was made by the first list, after all the others.
            #expect(try await ids(Bench.ann, limit: limit) == ["seed of main", everyones, given, own])
            #expect(try await ids(Bench.bob, limit: limit) == ["seed of main", note, everyones, given])
            #expect(try await ids(Bench.carl, limit: limit) == ["seed of main", everyones])
            #expect(try await ids(Bench.eve, limit: limit) == ["seed of other", others])
        }
        #expect(try await ids(Bench.bob, .memory) == [note])
        #expect(try await ids(Bench.bob, .policy, .shared) == [given])
        for (id, readers) in [(own, [Bench.ann]), (given, [Bench.ann, Bench.bob]), (everyones, [Bench.ann, Bench.bob, Bench.carl, Bench.boss])] {
            for reader in [Bench.ann, Bench.bob, Bench.carl, Bench.boss, Bench.eve] {
                for _ in 0..<2 {
                    let error = await refusal { _ = try await bench.store.artifact(id, for: reader) }
                    #expect(error == (readers.contains(reader) ? nil : .missing("artifact")), "\(id) by \(reader.account)")
                }
            }
        }
    }

    @Test(
        "a page costs as many statements however many it shows and however many people each is shared with (STORE-13)",
        arguments: DatabaseEngine.allCases)
    func statements(engine: DatabaseEngine) async throws {
        let count = StatementCount()
        let bench = try await Bench(engine, probe: count.probe)
        func make() async throws {
            let draft = ArtifactDraft(name: "n", visibility: .shared, sharedWith: ["bob", "carl"], schema: ["kind": "memory.note"])
            _ = try await bench.store.create(.memory, draft, by: Bench.ann, requestID: "r")
        }
        func cost() async throws -> (Int, [Artifact]) {
            let before = count.value
            let items = try await bench.store.list(for: Bench.ann, type: .memory, cursor: nil, limit: 100).items
            return (count.value - before, items)
        }
        try await make()
        _ = try await cost()
        let (few, _) = try await cost()
        for _ in 0..<40 { try await make() }
        let (many, items) = try await cost()
        #expect(few == many && many <= 2 && items.count == 41)
        #expect(items.allSatisfy { $0.sharedWith == ["bob", "carl"] })
    }

    @Test("with a person goes what was that person's; what is the tenant's stays without an owner (STORE-14)", arguments: DatabaseEngine.allCases)
    func cascade(engine: DatabaseEngine) async throws {
        let bench = try await Bench(engine)
        let own = try await bench.make(1).id
        let given = try await bench.make(2).id
        #expect(await show(given, "shared", ["bob", "boss"], bench, by: Bench.ann) == nil)
        let raised = try await bench.make(3).id
        #expect(await show(raised, "shared", ["boss"], bench, by: Bench.ann) == nil)
        #expect(await show(raised, "global", [], bench, by: Bench.boss) == nil)
        _ = try await bench.store.artifact(given, for: Bench.bob)
        try await bench.database.write { connection in
            _ = try await connection.execute("DELETE FROM account WHERE id = 'ann'")
            try await connection.announce("account", "ann")
        }
        #expect(await refusal { _ = try await bench.store.artifact(given, for: Bench.bob) } == .missing("artifact"))
        #expect(await refusal { _ = try await bench.store.artifact(own, for: Bench.ann) } == .missing("artifact"))
        let left = try await bench.store.artifact(raised, for: Bench.bob)
        #expect(left.owner == nil && left.schema["n"] == 3)
        #expect(try await bench.count("SELECT count(*) FROM artifact_version WHERE author = 'ann'") == 1)
    }

    @Test(
        "a definition of a kind that acts has to be one that this host knows, and right; a document is what its writer says",
        arguments: [DatabaseEngine.sqlite])
    func kinds(engine: DatabaseEngine) async throws {
        let bench = try await Bench(engine)
        func make(_ type: ArtifactType, _ schema: JSONValue) async -> ArtifactError? {
            await refusal { _ = try await bench.store.create(type, ArtifactDraft(name: "x", schema: schema), by: Bench.ann, requestID: "r") }
        }
        func pointers(_ error: ArtifactError?) -> [String]? {
            guard case .definition(let problems)? = error else { return nil }
            return problems.map(\.pointer)
        }
        #expect(pointers(await make(.policy, ["kind": "policy.number"])) == ["/n"])
        for schema: JSONValue in [
            [:], ["kind": 1], ["kind": "number"], ["kind": "policy."], ["kind": "policy.a.b"], ["kind": "policy.Number"], [], "x",
        ] {
            #expect(pointers(await make(.policy, schema)) == ["/kind"], "\(schema)")
        }
        #expect(pointers(await make(.policy, ["kind": "policy.unknown"])) == ["/kind"])
        #expect(pointers(await make(.memory, ["kind": "policy.number", "n": 1])) == ["/kind"])
        #expect(await make(.memory, ["kind": "memory.note", "text": "hello"]) == nil)
    }
}
