import Glibc
import IO
import Store
import TestKit
import Testing

@Suite("Rotation of the master key")
struct SecretRotationTests {
    private static let cli = SecretActor("cli:root")
    /// Marks the copy of this test process that is going to be killed, and says behind which step.
    private static let variable = "LIMEN_SECRET_CRASH_CHILD"

    private static func fill(_ store: SecretStore, _ count: Int = 25) async throws {
        for index in 0..<count { try await store.set("s\(index)", tenant: "t\(index % 3)", to: Array("value-\(index)-of-many".utf8), by: cli) }
    }

    private static func expectAll(_ store: SecretStore, _ count: Int = 25) async throws {
        for index in 0..<count {
            let found = try await store.open(["s\(index)"], tenant: "t\(index % 3)")
            #expect(found.map { $0.reveal() } == [Array("value-\(index)-of-many".utf8)], "s\(index)")
        }
    }

    @Test("every secret opens afterwards, under the new key alone, and its version stays (AUTH-16)", arguments: DatabaseEngine.allCases)
    func rotates(engine: DatabaseEngine) async throws {
        let place = try SecretPlace(engine)
        let old = try await place.opened { store, _ async throws in
            try await Self.fill(store)
            let (key, before) = (contents(place.key), try await store.list().items)
            #expect(try await store.rotate(by: Self.cli) == 25)
            #expect(contents(place.key) != key && access(place.keys + "/secrets.key.next", F_OK) != 0)
            #expect(try await store.list().items == before)
            try await Self.expectAll(store)
            return key
        }
        try await place.opened { store, _ async throws in try await Self.expectAll(store) }
        // The old key opens nothing any more.
        let file = fopen(place.key, "w")
        fwrite(old, 1, old.count, file)
        fclose(file)
        try await place.opened { store, _ async throws in
            let refused = await code { _ = try await store.open(["s0"], tenant: "t0") }
            #expect(refused == .unavailable)
        }
    }

    @Test("a rotation with no secret yet leaves a key for the first one", arguments: DatabaseEngine.allCases)
    func rotatesNothing(engine: DatabaseEngine) async throws {
        let place = try SecretPlace(engine)
        try await place.opened { store, _ async throws in
            #expect(try await store.rotate(by: Self.cli) == 0)
            try await Self.fill(store, 3)
            try await Self.expectAll(store, 3)
        }
    }

    struct Stop: Error {}

    @Test(
        "two rotations in a row that end between any two steps lose nothing, and the next one finishes what they left",
        arguments: RotationStep.allCases, DatabaseEngine.allCases)
    func interrupted(first: RotationStep, engine: DatabaseEngine) async throws {
        for second in RotationStep.allCases {
            let place = try SecretPlace(engine)
            try await place.opened { store, _ async throws in try await Self.fill(store) }
            // Each on its own, as another process has nothing of the first one in memory.
            for step in [first, second] {
                try await place.opened { store, _ async throws in
                    let stopped = await code { _ = try await store.rotate(by: Self.cli) { if $0 == step { throw Stop() } } }
                    #expect(stopped == .statement)
                }
                try await place.opened { store, _ async throws in try await Self.expectAll(store) }
            }
            try await Self.expectWhole(place)
        }
    }

    @Test(
        "a rotation that is killed between any two steps loses nothing, and the next one finishes what it left", arguments: RotationStep.allCases,
        DatabaseEngine.allCases)
    func killed(step: RotationStep, engine: DatabaseEngine) async throws {
        let place = try SecretPlace(engine)
        try await place.opened { store, _ async throws in try await Self.fill(store) }
        let child = try spawnTest("SecretRotationTests/child", Self.variable, "\(place.folder) \(step) \(place.bed.words)")
        var status: Int32 = 0
        #expect(waitpid(child, &status, 0) == child)
        #expect(status & 0x7f == SIGKILL, "the child ended by itself: \(status)")
        try await Self.expectWhole(place)
    }

    private static func expectWhole(_ place: SecretPlace) async throws {
        try await place.opened { store, database async throws in
            try await expectAll(store)
            try await store.set("late", tenant: "t0", to: Array("late-value".utf8), by: cli)
            #expect(try await store.rotate(by: cli) == 26)
            try await expectAll(store)
            #expect(try await store.open(["late"], tenant: "t0").count == 1)
            #expect(try await AuditLog(database: database).verify().isIntact)
        }
        #expect(access(place.keys + "/secrets.key.next", F_OK) != 0)
        try await place.opened { store, _ async throws in try await expectAll(store) }
    }

    /// The child's part: does nothing unless this process was started by `killed`.
    @Test("the rotation that is killed", .enabled(if: getenv(variable) != nil))
    func child() async throws {
        guard let words = getenv(Self.variable).map({ String(cString: $0).split(separator: " ").map(String.init) }), words.count > 2 else { return }
        let database = try await Database.open(StoreBed.place(Array(words[2...])), on: StoreBed.loops.get())
        let store = SecretStore(database: database, keys: words[0] + "/keys")
        let last = words[1]
        _ = try await store.rotate(by: Self.cli) { if "\($0)" == last { kill(getpid(), SIGKILL) } }
    }

    @Test(
        "secrets are read and set without a pause while another process rotates, and what is set meanwhile is kept",
        arguments: DatabaseEngine.allCases)
    func online(engine: DatabaseEngine) async throws {
        let place = try SecretPlace(engine)
        try await place.opened { store, _ async throws in try await Self.fill(store) }
        let (bed, keys) = (place.bed, place.keys)
        try await place.opened { store, _ async throws in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    // A connection and a ring of its own, as another process has them.
                    let other = try await bed.open()
                    defer { other.close() }
                    let rotating = SecretStore(database: other, keys: keys)
                    for _ in 0..<10 { _ = try await rotating.rotate(by: Self.cli) }
                }
                group.addTask {
                    for turn in 0..<40 {
                        try await store.set("new\(turn)", tenant: "t0", to: Array("new-value-\(turn)".utf8), by: Self.cli)
                        try await Self.expectAll(store)
                    }
                }
                try await group.waitForAll()
            }
            for turn in 0..<40 { #expect(try await store.open(["new\(turn)"], tenant: "t0").count == 1) }
        }
        try await place.opened { store, _ async throws in try await Self.expectAll(store) }
    }

    @Test("of two rotations at once one is refused or waits; none spoils the other", arguments: DatabaseEngine.allCases)
    func together(engine: DatabaseEngine) async throws {
        let place = try SecretPlace(engine)
        try await place.opened { store, _ async throws in
            try await Self.fill(store)
            await withTaskGroup(of: StoreError.Code?.self) { group in
                for _ in 0..<4 { group.addTask { await code { _ = try await store.rotate(by: Self.cli) } } }
                for await found in group { #expect(found == nil || found == .unavailable) }
            }
            try await Self.expectAll(store)
        }
    }

    @Test("a row that does not open stops the rotation, which names it and changes nothing", arguments: DatabaseEngine.allCases)
    func spoiled(engine: DatabaseEngine) async throws {
        let place = try SecretPlace(engine)
        try await place.opened { store, _ async throws in try await Self.fill(store) }
        try place.bed.tamper([
            SQL(
                sqlite: "UPDATE secret SET key = zeroblob(60) WHERE name = 's7'",
                postgres: "UPDATE secret SET key = decode(repeat('00', 60), 'hex') WHERE name = 's7'")
        ])
        try await place.opened { store, _ async throws in
            let key = contents(place.key)
            do throws(StoreError) {
                _ = try await store.rotate(by: Self.cli)
                Issue.record("it went through")
            } catch {
                #expect(error.code == .corrupt && error.message.contains("secret s7 of tenant t1"), "\(error)")
            }
            #expect(contents(place.key) == key)
            #expect(try await store.open(["s6"], tenant: "t0").count == 1)
            _ = try await store.remove("s7", tenant: "t1", by: Self.cli)
            #expect(try await store.rotate(by: Self.cli) == 24)
        }
    }
}
