import IO
import JSON
import Store
import StoreKit
import Testing

@testable import Artifacts

@Suite("Artifacts", .serialized)
struct ArtifactTests {
    typealias Bench = ArtifactBench

    @Test(
        "fifty that change one artifact at once make fifty versions, numbered without a gap, and none is lost (STORE-5)",
        arguments: DatabaseEngine.allCases)
    func racers(engine: DatabaseEngine) async throws {
        let bench = try await Bench(engine)
        let id = try await bench.make(0).id
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 1...50 {
                group.addTask { try await bench.patch(id, [["op": "add", "path": .string("/schema/by\(number)"), "value": true]]) }
            }
            try await group.waitForAll()
        }
        let now = try await bench.store.artifact(id, for: Bench.ann)
        #expect(now.version == 51)
        #expect(now.schema.objectValue?.count == 52)
        let history = try await bench.store.versions(of: id, for: Bench.ann, cursor: nil, limit: 100).items
        #expect(history.map(\.version) == Array((1...51).reversed()))
        // Each version has one member more than the one before.
        for version in 1...51 {
            let then = try await bench.store.artifact(id, version: version, for: Bench.ann)
            #expect(then.schema.objectValue?.count == version + 1)
        }
    }

    @Test(
        "a patch with a failing test, or one that leaves no valid definition, changes nothing and makes no version (API-6)",
        arguments: DatabaseEngine.allCases)
    func patches(engine: DatabaseEngine) async throws {
        let bench = try await Bench(engine)
        let id = try await bench.make(1).id
        let refused: [(JSONValue, (ArtifactError?) -> Bool)] = [
            (
                [["op": "test", "path": "/version", "value": 2], ["op": "replace", "path": "/schema/n", "value": 3]],
                { if case .patch(let error)? = $0 { error.code == .testFailed } else { false } }
            ),
            (
                [["op": "replace", "path": "/schema/n", "value": "three"]],
                { $0 == .definition([ArtifactProblem("/n", "has to be a whole number")]) }
            ),
            ([["op": "replace", "path": "/schema/kind", "value": "policy.other"]], { if case .definition? = $0 { true } else { false } }),
            ([["op": "replace", "path": "/schema", "value": 5]], { if case .definition? = $0 { true } else { false } }),
            ([["op": "replace", "path": "/version", "value": 9]], { $0 == .invalid(field: "version", reason: "cannot be changed") }),
            ([["op": "remove", "path": "/name"]], { if case .invalid(field: "", _)? = $0 { true } else { false } }),
            ([["op": "add", "path": "/owner", "value": "bob"]], { if case .invalid(field: "", _)? = $0 { true } else { false } }),
            ([["op": "replace", "path": "/name", "value": " "]], { if case .invalid(field: "name", _)? = $0 { true } else { false } }),
            (
                [["op": "replace", "path": "/description", "value": "a\u{0}b"]],
                { if case .invalid(field: "description", _)? = $0 { true } else { false } }
            ),
            (
                [["op": "replace", "path": "/visibility", "value": "public"]],
                { if case .invalid(field: "visibility", _)? = $0 { true } else { false } }
            ),
            ([["op": "add", "path": "/schema/text", "value": "a\u{0}b"]], { if case .invalid(field: "schema", _)? = $0 { true } else { false } }),
            (
                [["op": "add", "path": "/shared_with/0", "value": "nobody"], ["op": "replace", "path": "/visibility", "value": "shared"]],
                { if case .invalid(field: "shared_with/0", _)? = $0 { true } else { false } }
            ),
            (
                [["op": "add", "path": "/schema/long", "value": .string(String(repeating: "x", count: ArtifactLimits.schemaBytesMax))]],
                { if case .invalid(field: "schema", _)? = $0 { true } else { false } }
            ),
        ]
        for (patch, isRight) in refused {
            let error = await refusal { try await bench.patch(id, patch) }
            #expect(isRight(error), "\(patch): \(String(describing: error))")
        }
        #expect(try await bench.store.artifact(id, for: Bench.ann).version == 1)
        #expect(try await bench.count("SELECT count(*) FROM artifact_version") == 1)
        // One that says what is there already is no change.
        #expect(try await bench.patch(id, [["op": "replace", "path": "/schema/n", "value": 1]]).version == 1)
        let renamed = try await bench.patch(
            id, [["op": "test", "path": "/version", "value": 1], ["op": "replace", "path": "/name", "value": "another"]])
        #expect(renamed.version == 2 && renamed.name == "another")
        #expect(try await bench.store.artifact(id, version: 1, for: Bench.ann).name == "a number")
    }

    @Test("going back is a new version with the old content, and the history stays whole", arguments: DatabaseEngine.allCases)
    func restore(engine: DatabaseEngine) async throws {
        let bench = try await Bench(engine)
        let id = try await bench.make(1).id
        for n in 2...4 { try await bench.patch(id, [["op": "replace", "path": "/schema/n", "value": JSONValue(n)]]) }
        let back = try await bench.store.restore(id, version: 2, by: Bench.ann, requestID: "r")
        #expect(back.version == 5 && back.schema["n"] == 2)
        let history = try await bench.store.versions(of: id, for: Bench.ann, cursor: nil, limit: 2)
        #expect(history.items.map(\.version) == [5, 4] && history.items[0].restoredFrom == 2 && history.hasNext)
        let rest = try await bench.store.versions(of: id, for: Bench.ann, cursor: history.nextCursor, limit: 10)
        #expect(rest.items.map(\.version) == [3, 2, 1] && !rest.hasNext)
        #expect(await refusal { _ = try await bench.store.restore(id, version: 9, by: Bench.ann, requestID: "r") } == .missing("version"))
        // To restore what is there already is no change.
        #expect(try await bench.store.restore(id, version: 2, by: Bench.ann, requestID: "r").version == 5)
    }

    @Test("a version that stands is changed by nobody, not by the host's own statements either", arguments: DatabaseEngine.allCases)
    func immutable(engine: DatabaseEngine) async throws {
        let bench = try await Bench(engine)
        _ = try await bench.make(1)
        await #expect(throws: StoreError.self) {
            try await bench.database.write { _ = try await $0.execute("UPDATE artifact_version SET definition = '{}'") }
        }
    }

    @Test("a failure at any statement of a change leaves the artifact as it was (STORE-4)", arguments: DatabaseEngine.allCases)
    func faults(engine: DatabaseEngine) async throws {
        let fuse = StoreFuse()
        let bench = try await Bench(engine, probe: fuse.probe)
        let artifact = try await bench.make(1)
        var failures = 0
        for step in 1...40 {
            fuse.arm(step)
            let error = await refusal {
                try await bench.patch(
                    artifact.id,
                    [
                        ["op": "replace", "path": "/schema/n", "value": JSONValue(step + 1)],
                        ["op": "replace", "path": "/visibility", "value": "shared"],
                        ["op": "replace", "path": "/shared_with", "value": ["bob"]],
                    ])
            }
            fuse.arm(nil)
            // Read by one that remembers nothing.
            let fresh = ArtifactStore(database: bench.database, kinds: ArtifactKinds(Bench.kinds))
            let now = try await fresh.artifact(artifact.id, for: Bench.ann)
            guard error != nil else {
                #expect(now.version == 2 && now.sharedWith == ["bob"] && now.visibility == .shared)
                #expect(failures >= 5, "\(failures) statements failed")
                return
            }
            failures += 1
            #expect(now == artifact)
            #expect(try await bench.count("SELECT count(*) FROM artifact_version") == 1)
            #expect(try await bench.count("SELECT count(*) FROM artifact_share") == 0)
        }
        Issue.record("the change never went through")
    }

    @Test(
        "what the system gives is there once however many begin at once, keeps what a tenant changed, and follows a release else",
        arguments: DatabaseEngine.allCases)
    func seeds(engine: DatabaseEngine) async throws {
        let bench = try await Bench(engine)
        let found = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<20 {
                group.addTask { [database = bench.database] in
                    // Each as a host of its own, which knows of no other.
                    let store = ArtifactStore(database: database, kinds: ArtifactKinds(Bench.kinds))
                    return try await store.seeded(kind: "policy.number", name: "default", tenant: "main").id
                }
            }
            return try await group.reduce(into: Set<String>()) { $0.insert($1) }
        }
        #expect(found.count == 1)
        #expect(try await bench.count("SELECT count(*) FROM artifact") == 1)
        let theirs = try await bench.store.seeded(kind: "policy.number", name: "default", tenant: "other")
        #expect(!found.contains(theirs.id) && theirs.owner == nil && theirs.visibility == .global && theirs.isSeeded)
        // A tenant of its own mind.
        try await bench.patch(theirs.id, [["op": "replace", "path": "/schema/n", "value": 8]], by: Bench.eve)
        let newer = ArtifactStore(
            database: bench.database,
            kinds: ArtifactKinds([
                Bench.kind(seeds: [ArtifactSeed(name: "default", description: "Given anew", schema: ["kind": "policy.number", "n": 9])])
            ]))
        let ours = try await newer.seeded(kind: "policy.number", name: "default", tenant: "main")
        #expect(ours.schema["n"] == 9 && ours.version == 2)
        #expect(try await newer.seeded(kind: "policy.number", name: "default", tenant: "other").schema["n"] == 8)
        // It stays, and can be had back as it was given.
        #expect(
            await refusal { try await newer.retire(theirs.id, by: Bench.eve, requestID: "r") }.map {
                if case .conflict(reason: "seeded", _) = $0 { true } else { false }
            } == true)
        #expect(try await newer.restore(theirs.id, version: 1, by: Bench.eve, requestID: "r").schema["n"] == 7)
        // Nobody's tenant has none.
        #expect(await refusal { _ = try await newer.seeded(kind: "policy.number", name: "default", tenant: "@host") } == .missing("artifact"))
    }

    @Test(
        "what is retired is in no list and begins nothing, while what runs by it finds its version for thirty days (WF-5)",
        arguments: DatabaseEngine.allCases)
    func retired(engine: DatabaseEngine) async throws {
        let bench = try await Bench(engine)
        let id = try await bench.make(1).id
        try await bench.patch(id, [["op": "replace", "path": "/schema/n", "value": 2]])
        try await bench.store.retire(id, by: Bench.ann, requestID: "r")
        #expect(await refusal { _ = try await bench.store.artifact(id, for: Bench.ann) } == .missing("artifact"))
        #expect(await refusal { _ = try await bench.store.artifact(id, version: 1, for: Bench.ann) } == .missing("artifact"))
        #expect(await refusal { try await bench.patch(id, []) } == .missing("artifact"))
        #expect(try await bench.store.list(for: Bench.ann, type: nil, cursor: nil, limit: 50).items.map(\.isSeeded) == [true])
        for _ in 0..<2 { #expect(try await bench.store.pinned(id, version: 1, tenant: "main").schema["n"] == 1) }
        // What a run knows opens nothing to a reader.
        #expect(await refusal { _ = try await bench.store.artifact(id, version: 1, for: Bench.ann) } == .missing("artifact"))
        #expect(await refusal { _ = try await bench.store.pinned(id, version: 1, tenant: "other") } == .missing("version"))
        #expect(try await bench.store.sweep() == 0)
        bench.clock.advance(milliseconds: ArtifactLimits.retiredMilliseconds + 60_000)
        #expect(try await bench.store.sweep() == 1)
        #expect(try await bench.count("SELECT count(*) FROM artifact_version WHERE author IS NOT NULL") == 0)
    }

    @Test("a definition that was read is remembered until it changes (STORE-16)", arguments: DatabaseEngine.allCases)
    func remembered(engine: DatabaseEngine) async throws {
        let count = StatementCount()
        let bench = try await Bench(engine, probe: count.probe)
        bench.database.keepsCopies()
        while bench.database.copyStamp == nil { try await Task.sleep(for: .milliseconds(5)) }
        let id = try await bench.make(1).id
        // The word of its own making may come behind the first read, and drops what that kept.
        let end = Deadline.after(milliseconds: 5_000)
        var before = -1
        while before != count.value, !end.hasPassed {
            before = count.value
            _ = try await bench.store.artifact(id, for: Bench.ann)
            try await Task.sleep(for: .milliseconds(20))
        }
        for _ in 0..<100 { _ = try await bench.store.artifact(id, for: Bench.ann) }
        #expect(count.value == before)
        for n in 2...20 {
            try await bench.patch(id, [["op": "replace", "path": "/schema/n", "value": JSONValue(n)]])
            #expect(try await bench.store.artifact(id, for: Bench.ann).schema["n"] == JSONValue(n))
        }
    }

    @Test("a patch of copies is refused before it is written out, in a moment", arguments: DatabaseEngine.allCases)
    func copies(engine: DatabaseEngine) async throws {
        let bench = try await Bench(engine)
        let id = try await bench.make(1).id
        var patch: [JSONValue] = [["op": "add", "path": "/schema/a", "value": [.string(String(repeating: "x", count: 200_000))]]]
        for _ in 0..<15 { patch.append(["op": "copy", "from": "/schema/a", "path": "/schema/a/-"]) }
        let began = Deadline.now()
        guard case .patch(let error)? = await refusal({ try await bench.patch(id, .array(patch)) }) else {
            Issue.record("it was taken")
            return
        }
        #expect(error.code == .tooLarge && began.adding(milliseconds: 2_000) > .now())
        // What cannot be patched later cannot be made either.
        let many = ArtifactDraft(name: "n", schema: ["kind": "memory.note", "v": .array(.init(repeating: 0, count: 100_000))])
        guard case .invalid(field: "schema", _)? = await refusal({ _ = try await bench.store.create(.memory, many, by: Bench.ann, requestID: "r") })
        else {
            Issue.record("it was taken")
            return
        }
    }

    @Test("a page ends where definitions are long, and the next goes on there: none is left out", arguments: DatabaseEngine.allCases)
    func longPages(engine: DatabaseEngine) async throws {
        let bench = try await Bench(engine)
        var made: [String] = []
        for number in 0..<12 {
            let text = String(repeating: "x", count: number.isMultiple(of: 2) ? 250_000 : 10)
            let draft = ArtifactDraft(name: "n\(number)", schema: ["kind": "memory.note", "text": .string(text)])
            made.insert(try await bench.store.create(.memory, draft, by: Bench.ann, requestID: "r").id, at: 0)
        }
        var (seen, cursor, pages) = ([String](), String?.none, 0)
        repeat {
            let page = try await bench.store.list(for: Bench.ann, type: .memory, cursor: cursor, limit: 500)
            #expect(page.items.reduce(0) { $0 + $1.schema.serialized().count } <= ArtifactLimits.pageCharactersMax + 1_000)
            (seen, cursor, pages) = (seen + page.items.map(\.id), page.nextCursor, pages + 1)
        } while cursor != nil && pages < 20
        #expect(seen == made && pages == 1)
        for number in 0..<8 {
            let draft = ArtifactDraft(name: "m\(number)", schema: ["kind": "memory.note", "text": .string(String(repeating: "y", count: 250_000))])
            made.insert(try await bench.store.create(.memory, draft, by: Bench.ann, requestID: "r").id, at: 0)
        }
        (seen, cursor, pages) = ([], nil, 0)
        repeat {
            let page = try await bench.store.list(for: Bench.ann, type: .memory, cursor: cursor, limit: 500)
            (seen, cursor, pages) = (seen + page.items.map(\.id), page.nextCursor, pages + 1)
        } while cursor != nil && pages < 20
        #expect(seen == made && pages == 2)
    }

    @Test(
        "a person keeps so many and so much, however many are made at once; what is retired counts until it is gone",
        arguments: DatabaseEngine.allCases)
    func quota(engine: DatabaseEngine) async throws {
        let bench = try await Bench(engine)
        try await bench.database.write { connection in
            try await connection.execute(
                """
                WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4990)
                INSERT INTO artifact (id, tenant, type, kind, owner, visibility, version, retired_at, created_at, updated_at)
                SELECT 'a' || i, 'main', 'memory', 'memory.note', 'ann', 'private', 1, 1, 1, 1 FROM n
                """)
        }
        let made = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<50 { group.addTask { await refusal { _ = try await bench.make(1) } == nil } }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(made == 10)
        #expect(await refusal { _ = try await bench.make(1) } == .full("artifacts", max: ArtifactLimits.ownedMax))
        #expect(await refusal { _ = try await bench.make(1, by: Bench.bob) } == nil)
        // Bytes of all versions count.
        let id = try await bench.make(1, by: Bench.bob).id
        try await bench.database.write { connection in
            _ = try await connection.execute(
                "UPDATE artifact SET bytes = $1 WHERE id = $2", [.integer(ArtifactLimits.ownedBytesMax - 10), .text(id)])
        }
        guard case .full? = await refusal({ try await bench.patch(id, [["op": "replace", "path": "/schema/n", "value": 2]], by: Bench.bob) }) else {
            Issue.record("there was room")
            return
        }
        #expect(try await bench.store.artifact(id, for: Bench.bob).version == 1)
    }

    @Test("a host of an older release leaves what a newer one planted, however often they take turns", arguments: DatabaseEngine.allCases)
    func rollingUpgrade(engine: DatabaseEngine) async throws {
        let bench = try await Bench(engine)
        func host(_ n: JSONValue) -> ArtifactStore {
            let seed = ArtifactSeed(name: "default", description: "d", schema: ["kind": "policy.number", "n": n])
            return ArtifactStore(database: bench.database, kinds: ArtifactKinds([Bench.kind(seeds: [seed])]))
        }
        for n: JSONValue in [1, 2, 1, 2, 1] {
            let found = try await host(n).seeded(kind: "policy.number", name: "default", tenant: "main")
            #expect(found.version == (found.schema["n"] == 1 ? 1 : 2))
        }
        let last = try await host(1).seeded(kind: "policy.number", name: "default", tenant: "main")
        #expect(last.version == 2 && last.schema["n"] == 2)
        // A tenant that comes later has its own.
        #expect(await refusal { _ = try await bench.store.seeded(kind: "policy.number", name: "default", tenant: "late") } == .missing("artifact"))
        try await bench.database.write { _ = try await $0.execute("INSERT INTO tenant (id, name, created_at) VALUES ('late', 'late', 0)") }
        #expect(try await bench.store.seeded(kind: "policy.number", name: "default", tenant: "late").version == 1)
    }
}
