import CSQLite
import Crypto
import Glibc
import JSON
import Store
import Testing

/// A data folder of its own with a store of secrets; removed afterwards.
final class SecretPlace: Sendable {
    let bed: StoreBed

    init(_ engine: DatabaseEngine) throws { bed = try StoreBed(engine) }

    var folder: String { bed.path }
    var database: String { bed.database }
    var keys: String { folder + "/keys" }
    var key: String { keys + "/secrets.key" }

    /// Runs with the store open, as one process would have it.
    func opened<Value>(_ body: (SecretStore, Database) async throws -> Value) async throws -> Value {
        let database = try await bed.open()
        defer { database.close() }
        return try await body(SecretStore(database: database, keys: keys), database)
    }

    deinit {
        for name in ["secrets.key", "secrets.key.next", "old", "elsewhere"] { unlink("\(keys)/\(name)") }
        rmdir(keys)
    }
}

/// All bytes of a file; none when there is no such file.
func contents(_ path: String) -> [UInt8] {
    guard let file = fopen(path, "r") else { return [] }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var byte = fgetc(file)
    while byte >= 0 {
        bytes.append(UInt8(truncatingIfNeeded: byte))
        byte = fgetc(file)
    }
    return bytes
}

/// Whether a text stands in bytes.
func holds(_ bytes: [UInt8], _ text: String) -> Bool {
    let wanted = Array(text.utf8)
    return bytes.count >= wanted.count && (0...(bytes.count - wanted.count)).contains { bytes[$0...].starts(with: wanted) }
}

@Suite("Store of secrets")
struct SecretStoreTests {
    private let cli = SecretActor("cli:root")

    private func values(_ store: SecretStore, _ names: [String], tenant: String = "main") async throws -> [String] {
        try await store.open(names, tenant: tenant).map { String(decoding: $0.reveal(), as: UTF8.self) }
    }

    @Test("what is set is there after a restart, for its tenant alone, and the newest value counts", arguments: DatabaseEngine.allCases)
    func setAndOpen(engine: DatabaseEngine) async throws {
        let place = try SecretPlace(engine)
        try await place.opened { store, _ async throws in
            #expect(try await store.open(["a"], tenant: "main").isEmpty)
            try await store.set("a", tenant: "main", to: Array("first-value".utf8), by: cli)
            try await store.set("a", tenant: "other", to: Array("other-value".utf8), by: cli)
            try await store.set("b", tenant: "main", to: Array("second-value".utf8), by: cli)
            try await store.set("a", tenant: "main", to: Array("newest-value".utf8), by: cli)
        }
        try await place.opened { store, _ async throws in
            #expect(try await values(store, ["a", "b", "none"]) == ["newest-value", "second-value"])
            #expect(try await values(store, ["a", "b"], tenant: "other") == ["other-value"])
            #expect(try await values(store, ["a"], tenant: "third").isEmpty)
            #expect(try await store.remove("a", tenant: "main", by: cli))
            #expect(try await !store.remove("a", tenant: "main", by: cli))
            #expect(try await values(store, ["a", "b"]) == ["second-value"])
        }
    }

    @Test(
        "no value is in the database, its log or the key's file; nor is a data key without the master key (AUTH-16)",
        arguments: DatabaseEngine.allCases)
    func atRest(engine: DatabaseEngine) async throws {
        let place = try SecretPlace(engine)
        let value = "planted-value-4711"
        try await place.opened { store, database async throws in
            let stored = try await store.set("a", tenant: "main", to: Array(value.utf8), by: cli)
            try await store.noteUse(store.open(["a"], tenant: "main"), by: SecretUse(actor: "u", plugin: "p"))
            try await database.flush()
            let stores = engine == .sqlite ? [contents(place.database), contents(place.database + "-wal")] : [try place.bed.dump()]
            for bytes in stores + [contents(place.key)] {
                #expect(!bytes.isEmpty && !holds(bytes, value) && !holds(bytes, Base64URL.encode(Array(value.utf8))))
                #expect(!holds(bytes, Hex.encode(Array(value.utf8))))
            }
            #expect(!"\(stored)".contains(value))
        }
        #expect(!holds(contents(place.database), value))
    }

    @Test("versions never come again, not after a removal either", arguments: DatabaseEngine.allCases)
    func versions(engine: DatabaseEngine) async throws {
        let place = try SecretPlace(engine)
        try await place.opened { store, _ async throws in
            var seen: [Int64] = []
            for _ in 0..<3 {
                seen.append(try await store.set("a", tenant: "main", to: Array("some-value".utf8), by: cli).version)
                _ = try await store.remove("a", tenant: "main", by: cli)
            }
            #expect(Set(seen).count == 3 && seen == seen.sorted())
        }
    }

    @Test(
        "a value that could not be told from other text, or cannot stand in a header, is refused and not quoted",
        arguments: [
            "", "short12", "line\nbreak-within", "umlaut-ä-within", " blank-first", "blank-last ", "aaaaaaaaaaaa",
            String(repeating: "abcdef", count: 800),
        ], DatabaseEngine.allCases)
    func refusedValues(value: String, engine: DatabaseEngine) async throws {
        let place = try SecretPlace(engine)
        try await place.opened { store, _ async throws in
            do {
                try await store.set("a", tenant: "main", to: Array(value.utf8), by: cli)
                Issue.record("it was taken")
            } catch let error as StoreError {
                #expect(error.code == .invalid)
                #expect(value.isEmpty || !error.message.contains(value))
            }
        }
    }

    @Test(
        "a name that no manifest could give is refused", arguments: ["", "1a", "a b", "a/b", "ä", String(repeating: "a", count: 129)],
        DatabaseEngine.allCases)
    func refusedNames(name: String, engine: DatabaseEngine) async throws {
        let place = try SecretPlace(engine)
        let refused = try await place.opened { store, _ async throws in
            await code { try await store.set(name, tenant: "main", to: Array("some-value".utf8), by: cli) }
        }
        #expect(refused == .invalid)
    }

    @Test("a list shows names, times and uses, pages by name, and never a value", arguments: DatabaseEngine.allCases)
    func lists(engine: DatabaseEngine) async throws {
        let place = try SecretPlace(engine)
        try await place.opened { store, database async throws in
            for name in ["c", "a", "b"] { try await store.set(name, tenant: "main", to: Array("value-of-\(name)".utf8), by: cli) }
            try await store.set("a", tenant: "other", to: Array("value-of-a".utf8), by: cli)
            let opened = try await store.open(["b"], tenant: "main")
            for _ in 0..<3 { try await store.noteUse(opened, by: SecretUse(actor: "u", plugin: "p")) }
            try await database.flush()
            let first = try await store.list(tenant: "main", limit: 2)
            #expect(first.items.map(\.name) == ["a", "b"] && first.hasNext)
            #expect(first.items.map(\.uses) == [0, 3])
            #expect(first.items[0].lastUsedAtMilliseconds == nil && first.items[1].lastUsedAtMilliseconds != nil)
            #expect(try await store.list(tenant: "main", cursor: first.nextCursor, limit: 2).items.map(\.name) == ["c"])
            #expect(try await store.list().items.map { "\($0.tenant)/\($0.name)" } == ["main/a", "main/b", "main/c", "other/a"])
            // A new value starts its count anew.
            try await store.set("b", tenant: "main", to: Array("new-value-of-b".utf8), by: cli)
            #expect(try await store.find("b", tenant: "main")?.uses == 0)
        }
    }

    @Test("set, use, removal and rotation are in the audit log, each use for itself (AUTH-16)", arguments: DatabaseEngine.allCases)
    func audited(engine: DatabaseEngine) async throws {
        let place = try SecretPlace(engine)
        try await place.opened { store, database async throws in
            try await store.set("a", tenant: "main", to: Array("first-value".utf8), by: SecretActor("cli:root", requestID: "r1"))
            let opened = try await store.open(["a"], tenant: "main")
            for index in 0..<50 {
                try await store.noteUse(
                    opened, by: SecretUse(actor: "user", plugin: "weather", version: "1.0.0", tool: "now", callID: "call-\(index)"))
            }
            try await database.flush()
            _ = try await store.rotate(by: cli)
            _ = try await store.remove("a", tenant: "main", by: cli)
            try await database.flush()
            let log = AuditLog(database: database)
            #expect(try await log.verify().isIntact)
            let entries = try await log.list(limit: 100).items.map(\.entry).reversed()
            #expect(entries.map(\.action) == ["secret.set"] + [String](repeating: "secret.use", count: 50) + ["secret.rotate", "secret.remove"])
            #expect(entries.filter { $0.action == "secret.use" }.map(\.callID) == (0..<50).map { "call-\($0)" })
            let use = try #require(entries.first { $0.action == "secret.use" })
            #expect(use.plugin == "weather" && use.tool == "now" && use.actor == "user" && use.details?["name"]?.stringValue == "a")
            #expect(!entries.contains { "\($0)".contains("first-value") })
        }
    }

    @Test("rows that change places do not open, and the error names the secret", arguments: DatabaseEngine.allCases)
    func swapped(engine: DatabaseEngine) async throws {
        for statement: SQL in [
            // Another name's, another tenant's, and an earlier version's boxes.
            "UPDATE secret SET key = (SELECT key FROM secret WHERE name = 'b'), value = (SELECT value FROM secret WHERE name = 'b') WHERE name = 'a'",
            "UPDATE secret SET key = (SELECT key FROM secret WHERE name = 'b') WHERE name = 'a'",
            "UPDATE secret SET value = (SELECT value FROM secret WHERE name = 'b') WHERE name = 'a'",
            "UPDATE secret SET version = 99 WHERE name = 'a'",
            "UPDATE secret SET tenant = 'other' WHERE name = 'a'",
            "UPDATE secret SET name = 'c' WHERE name = 'a'",
            "UPDATE secret SET value = substr(value, 1, 30) WHERE name = 'a'",
            SQL(
                sqlite: "UPDATE secret SET key = zeroblob(60) WHERE name = 'a'",
                postgres: "UPDATE secret SET key = decode(repeat('00', 60), 'hex') WHERE name = 'a'"),
        ] {
            let place = try SecretPlace(engine)
            try await place.opened { store, _ async throws in
                try await store.set("a", tenant: "main", to: Array("value-of-a".utf8), by: cli)
                try await store.set("b", tenant: "main", to: Array("value-of-b".utf8), by: cli)
            }
            try place.bed.tamper([statement])
            try await place.opened { store, _ async throws in
                var messages: [String] = []
                for (tenant, name) in [("main", "a"), ("other", "a"), ("main", "c")] {
                    do {
                        #expect(try await values(store, [name], tenant: tenant).isEmpty, "\(statement.sqlite)")
                    } catch let error as StoreError {
                        #expect(error.code == .corrupt)
                        messages.append(error.message)
                    }
                }
                let message = try #require(messages.first, "it opened: \(statement.sqlite)")
                #expect(messages.count == 1 && message.contains("limen secret set"), "\(statement.sqlite): \(messages)")
                #expect(try await values(store, ["b"]) == ["value-of-b"])
                // The way out that the error names.
                let name = message.contains("secret c ") ? "c" : "a"
                let tenant = message.contains("tenant other") ? "other" : "main"
                try await store.set(name, tenant: tenant, to: Array("new-value".utf8), by: cli)
                #expect(try await values(store, [name], tenant: tenant) == ["new-value"])
            }
        }
    }

    @Test(
        "the key's file is made 0600 in a folder 0700, and one that others can read, a link, or no key is refused with what to do",
        arguments: DatabaseEngine.allCases)
    func keyFile(engine: DatabaseEngine) async throws {
        let place = try SecretPlace(engine)
        _ = try await place.opened { store, _ async throws in try await store.set("a", tenant: "main", to: Array("some-value".utf8), by: cli) }
        var information = stat()
        #expect(stat(place.key, &information) == 0 && information.st_mode & 0o777 == 0o600)
        #expect(stat(place.keys, &information) == 0 && information.st_mode & 0o777 == 0o700)
        func refusal() async throws -> String {
            try await place.opened { store, _ async throws in
                do throws(StoreError) {
                    _ = try await store.open(["a"], tenant: "main")
                    return "it was read"
                } catch { return error.message }
            }
        }
        chmod(place.key, 0o640)
        #expect(try await refusal().contains("chmod 600"))
        chmod(place.key, 0o600)
        rename(place.key, place.keys + "/elsewhere")
        symlink("elsewhere", place.key)
        #expect(try await refusal().contains("symbolic link"))
        unlink(place.key)
        #expect(try await refusal().contains("restore it from a backup"))
        // Without its key nothing new is begun over the secrets that are there.
        let set = try await place.opened { store, _ async throws in
            await code { try await store.set("b", tenant: "main", to: Array("some-value".utf8), by: cli) }
        }
        #expect(set == .unavailable && access(place.key, F_OK) != 0)
        rename(place.keys + "/elsewhere", place.key)
        chmod(place.keys, 0o777)
        #expect(try await refusal().contains("chmod 700"))
        chmod(place.keys, 0o700)
        #expect(try await refusal() == "it was read")
    }

    @Test("when the key is lost for good, removing every secret is a way to begin again", arguments: DatabaseEngine.allCases)
    func beginAgain(engine: DatabaseEngine) async throws {
        let place = try SecretPlace(engine)
        _ = try await place.opened { store, _ async throws in try await store.set("a", tenant: "main", to: Array("some-value".utf8), by: cli) }
        unlink(place.key)
        try await place.opened { store, _ async throws in
            #expect(try await store.remove("a", tenant: "main", by: cli))
            try await store.set("a", tenant: "main", to: Array("new-value".utf8), by: cli)
            #expect(try await values(store, ["a"]) == ["new-value"])
        }
    }
}
