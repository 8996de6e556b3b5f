import Glibc
import HTTP
import IO
import JSON
import Testing

@Suite("Limen: reload, upgrade, rollback under load", .serialized)
struct ReloadTests {
    /// The two versions, packed once.
    private static let packed: Result<(one: String, two: String), any Error> = Result {
        let folder = Command.temporary()
        return (try StampPlugin().pack(into: folder), try StampPlugin(version: "2.0.0").pack(into: folder))
    }

    private func server(_ bundle: String) async throws -> LiveServer {
        let server = try LiveServer(plugins: [])
        try server.trustTests()
        try install(bundle, server, "--enable")
        try await wait { try await self.stamp(server) != nil }
        return server
    }

    private func install(_ bundle: String, _ server: LiveServer, _ options: String...) throws {
        let outcome = try Command.limen(["plugin", "install", bundle, "--data", server.data] + options)
        guard outcome.code == 0 else { throw Command.Failure("install: \(outcome.complaints)") }
    }

    private func wait(seconds: Int = 20, _ condition: () async throws -> Bool) async throws {
        for _ in 0..<(seconds * 20) {
            if try await condition() { return }
            pause(50)
        }
        throw Command.Failure("it did not come to pass in \(seconds) s")
    }

    /// The clients have loops of their own, so the test's thread may stand still.
    private func pause(_ milliseconds: Int) { usleep(UInt32(milliseconds) * 1_000) }

    private func stamp(_ server: LiveServer, _ input: String = #"{"nonce":0}"#) async throws -> Stamp? {
        let reply = try await server.send(.post, "/v1/tools/stamp.stamp/invoke", #"{"input":\#(input)}"#)
        return Stamp(reply.json["data"]?["output"])
    }

    private func plugin(_ server: LiveServer) async throws -> JSONValue? { try await server.send(.get, "/v1/admin/plugins/stamp").json["data"] }

    /// What N clients saw.
    private struct Seen: Sendable {
        var stamps: [Stamp] = []
        var failures: [String] = []
    }

    /// Calls without pause from so many clients until `act` is done; every call has a nonce of its own.
    private func load(_ server: LiveServer, clients: Int, milliseconds: Int = 0, _ act: () async throws -> Void) async throws -> Seen {
        let isDone = Lock(false)
        let seen = Lock(Seen())
        let group = try EventLoopGroup(count: 2)
        defer { group.stop() }
        let tasks = (0..<clients).map { client in
            OwnedTask(on: group.next()) {
                var nonce = client * 1_000_000
                while !isDone.withLock({ $0 }) {
                    nonce += 1
                    let reply = try await server.send(
                        .post, "/v1/tools/stamp.stamp/invoke", #"{"input":{"nonce":\#(nonce),"ms":\#(milliseconds)}}"#)
                    let stamp = Stamp(reply.json["data"]?["output"])
                    let sent = nonce
                    seen.withLock { seen in
                        if let stamp, stamp.nonce == sent { seen.stamps.append(stamp) } else { seen.failures.append("\(reply.status) \(reply.text)") }
                    }
                }
            }
        }
        let outcome: Result<Void, any Error>
        do { outcome = .success(try await act()) } catch { outcome = .failure(error) }
        isDone.withLock { $0 = true }
        for task in tasks { try await task.value }
        try outcome.get()
        return seen.withLock { $0 }
    }

    @Test(
        "fifty upgrades at ten a second under load: each call is answered once, by one version, none is lost or run twice (OPS-3)",
        .timeLimit(.minutes(3)))
    func fifty() async throws {
        let (one, two) = try Self.packed.get()
        let server = try await server(one)
        try install(two, server, "--yes")
        try await wait { try await self.stamp(server)?.version == "2.0.0" }
        let file = "\(server.data)/manifests/stamp.json"
        let second = Command.text(file)
        _ = try Command.limen("plugin", "rollback", "stamp", "--data", server.data)
        let first = Command.text(file)
        let reloads = Lock(0)
        let seen = try await load(server, clients: 8) {
            for round in 0..<50 {
                try Command.replace(round % 2 == 0 ? second : first, at: file)
                let reply = try await server.send(.post, "/v1/admin/plugins/reload")
                if reply.json["data"]?["outcomes"]?[0]?["outcome"] == "updated" { reloads.withLock { $0 += 1 } }
                pause(60)
            }
        }
        #expect(seen.failures.isEmpty, "\(seen.failures.prefix(5))")
        #expect(Set(seen.stamps.map(\.nonce)).count == seen.stamps.count, "each call is answered once")
        #expect(Stamp.gaps(seen.stamps).isEmpty, "a call ran that nobody heard of, or ran twice: \(Stamp.gaps(seen.stamps))")
        #expect(Set(seen.stamps.map(\.version)) == ["1.0.0", "2.0.0"])
        // The watcher of the folder takes some of the changes before the route does.
        #expect(reloads.withLock { $0 } >= 10)
        let entries = try await audited("tool.call", server)
        #expect(
            Set(entries.map { $0["call_id"]?.stringValue }).count == entries.count && entries.count >= seen.stamps.count, "each call has one record")
        print("measured: \(seen.stamps.count) calls of 8 clients during 50 upgrades, \(Set(seen.stamps.map(\.instance)).count) processes")
    }

    /// The audit log's entries of one kind, from the whole of it: every call of a load has an entry, and thousands may be newer.
    private func audited(_ action: JSONValue, _ server: LiveServer) async throws -> [JSONValue] {
        var found: [JSONValue] = []
        var cursor: String?
        repeat {
            let page = try await server.send(.get, "/v1/admin/audit?limit=500" + (cursor.map { "&cursor=\($0)" } ?? "")).json["data"]
            found += (page?["items"]?.arrayValue ?? []).filter { $0["action"] == action }
            cursor = page?["next_cursor"]?.stringValue
        } while cursor != nil
        return found
    }

    @Test("a call that began on the old version finishes there, while new calls go to the new one; draining shows, and the old workers end (OPS-8)")
    func draining() async throws {
        let (one, two) = try Self.packed.get()
        let server = try await server(one)
        let slow = OwnedTask(on: try EventLoopGroup(count: 1).loops[0]) { try await self.stamp(server, #"{"nonce":7,"ms":3000}"#) }
        pause(300)
        try install(two, server, "--yes")
        try await wait { try await self.stamp(server)?.version == "2.0.0" }
        let versions = try await plugin(server)?["versions"]?.arrayValue ?? []
        #expect(versions.map { "\($0["version"]?.stringValue ?? "") \($0["state"]?.stringValue ?? "")" } == ["2.0.0 ready", "1.0.0 draining"])
        let old = try await slow.value
        #expect(old?.version == "1.0.0" && old?.nonce == 7)
        try await wait { try await self.plugin(server)?["versions"]?.arrayValue?.count == 1 }
        let workers = try await server.send(.get, "/v1/admin/sandbox").json["data"]?["workers"]?.arrayValue ?? []
        #expect(!workers.isEmpty && workers.allSatisfy { $0["version"] == "2.0.0" })
    }

    @Test(
        "changes are taken over from the folder, at SIGHUP and by the admin API, and a broken edit leaves the old running with file, pointer, reason (CFG-5)",
        arguments: ["inotify", "SIGHUP", "API"])
    func doors(door: String) async throws {
        let (one, two) = try Self.packed.get()
        let server = try await server(one)
        try install(two, server, "--yes")
        try await wait { try await self.stamp(server)?.version == "2.0.0" }
        let file = "\(server.data)/manifests/stamp.json"
        func knock() async throws {
            switch door {
            case "SIGHUP": kill(server.pid, SIGHUP)
            case "API": _ = try await server.send(.post, "/v1/admin/plugins/reload")
            default: break
            }
        }
        let good = Command.text(file)
        var held: Int32 = -1
        defer { if held >= 0 { close(held) } }
        if door == "inotify" {
            try Command.replace(good.replacing("\"isolation\": \"shared\"", with: "\"isolation\": \"nobody\""), at: file)
        } else {
            // Written in place by somebody who keeps the file open: no event of the folder tells of it.
            let bytes = Array(good.replacing("\"isolation\": \"shared\"", with: "\"isolation\": \"nobody\"").utf8)
            let descriptor = open(file, O_WRONLY | O_TRUNC)
            defer { held = descriptor }
            #expect(write(descriptor, bytes, bytes.count) == bytes.count)
        }
        if door == "API" {
            let outcome = try await server.send(.post, "/v1/admin/plugins/reload").json["data"]?["outcomes"]?[0]
            #expect(outcome?["outcome"] == "kept_old" && outcome?["file"] == "stamp.json" && outcome?["pointer"] == "/isolation")
            #expect(outcome?["reason"]?.stringValue?.isEmpty == false)
        } else {
            try await knock()
            try await wait { server.log.contains("/isolation") }
            let line = server.log.split(separator: "\n").last { $0.contains("manifest refused") } ?? ""
            #expect(line.contains("stamp.json") && line.contains("/isolation") && line.contains("reason"), "\(line)")
        }
        #expect(try await stamp(server)?.version == "2.0.0", "the old one goes on")
        let back = try Command.limen("plugin", "rollback", "stamp", "--data", server.data)
        #expect(back.code == 0, "\(back)")
        try await knock()
        try await wait { try await self.stamp(server)?.version == "1.0.0" }
        #expect(server.stop() == 0)
    }

    @Test("a version that does not load never takes over: it is broken with its reason, the old one serves, and one command puts all right")
    func brokenUpgrade() async throws {
        let (one, two) = try Self.packed.get()
        let server = try await server(one)
        try install(two, server, "--yes")
        try await wait { try await self.stamp(server)?.version == "2.0.0" }
        let file = "\(server.data)/manifests/stamp.json"
        for (word, reason) in [("crash", "died of signal"), ("lie", "description of stamp")] {
            let good = Command.text(file)
            let seen = try await load(server, clients: 4) {
                try Command.replace(good.replacing("\"config\": {}", with: "\"config\": {\"\(word)\": 1}"), at: file)
                try await wait { try await self.plugin(server)?["state"] == "broken" }
                pause(300)
            }
            #expect(seen.failures.isEmpty && Stamp.gaps(seen.stamps).isEmpty, "\(seen.failures.prefix(3))")
            let shown = try await plugin(server)
            #expect(shown?["reason"]?.stringValue?.contains(reason) == true, "\(String(describing: shown))")
            let list = try Command.limen("plugin", "list", "--data", server.data)
            #expect(list.output.contains("broken") && list.output.contains(reason), "\(list.output)")
            let tool = try await server.send(.get, "/v1/tools/stamp.stamp").json["data"]
            #expect(tool?["state"] == "ready")
            #expect(try await server.send(.get, "/readyz", key: nil).json["error"]?["details"]?["checks"] != nil, "an operator is told")
            try Command.replace(good, at: file)
            try await wait { try await self.plugin(server)?["state"] == "ready" }
        }
        #expect(try await !audited("plugin.broken", server).isEmpty)
    }

    @Test(
        "two hosts with one manifest folder both follow it, ten changes a second, a change in the middle of a load, and no descriptor is left (OPS-8)"
    )
    func twoHosts() async throws {
        let (one, two) = try Self.packed.get()
        let server = try await server(one)
        try install(two, server, "--yes")
        try await wait { try await self.stamp(server)?.version == "2.0.0" }
        // Beside the manifests, where both hosts look.
        try Command.copy(two, to: "\(server.data)/manifests/stamp-2.0.0")
        let other = try LiveServer(sharing: server)
        try await wait { try await self.stamp(other)?.version == "2.0.0" }
        let file = "\(server.data)/manifests/stamp.json"
        let text = Command.text(file)
        func descriptors(_ server: LiveServer) async throws -> Double {
            let text = try await server.send(.get, "/metrics").text
            return text.split(separator: "\n").first { $0.hasPrefix("process_open_fds ") }.flatMap { Double($0.split(separator: " ")[1]) } ?? -1
        }
        let before = try await descriptors(server)
        for round in 0..<50 {
            try Command.replace(text.replacing("\"idle_ms\": 60000", with: "\"idle_ms\": \(50_000 + round)"), at: file)
            if round % 10 == 0 { _ = try await server.send(.post, "/v1/admin/plugins/reload") }
            pause(100)
        }
        for host in [server, other] {
            try await wait {
                let json = try await self.plugin(host)
                return json?["limits"]?["idle_ms"]?.intValue == 50_049 && json?["versions"]?.arrayValue?.count == 1
            }
            #expect(try await stamp(host)?.version == "2.0.0")
        }
        #expect(try await descriptors(server) <= before + 8)
    }

    @Test("a canary gets its share; a bad one is rolled back by itself, which is logged, audited and in the history; a good one is promoted (TOOL-1)")
    func canary() async throws {
        let (one, two) = try Self.packed.get()
        let server = try await server(one)
        let bad = try StampPlugin(version: "1.5.0", failsPercent: 30).pack(into: Command.temporary())
        try install(bad, server, "--canary", "20", "--yes")
        let file = "\(server.data)/manifests/stamp.canary.json"
        let seen = try await load(server, clients: 4) {
            try await wait(seconds: 60) { access(file, F_OK) != 0 }
            try await wait { try await self.plugin(server)?["versions"]?.arrayValue?.count == 1 }
        }
        #expect(seen.failures.allSatisfy { $0.contains("It fails now and then.") }, "\(seen.failures.prefix(3))")
        #expect(seen.stamps.contains { $0.version == "1.0.0" })
        #expect(server.log.contains("canary rolled back"))
        let history = try await server.send(.get, "/v1/admin/plugins/stamp/history").json["data"]?["items"]?.arrayValue ?? []
        #expect(history.first?["action"] == "withdraw" && history.first?["reason"]?.isNull == false, "\(history)")
        #expect(try await audited("plugin.withdraw", server).contains { $0["actor"] == "system" })

        try install(two, server, "--canary", "50", "--yes")
        try await wait { try await self.plugin(server)?["versions"]?.arrayValue?.contains { $0["canary"] == true && $0["share"] == 50 } == true }
        let shared = try await load(server, clients: 4) { pause(1_500) }
        let share = Double(shared.stamps.count { $0.version == "2.0.0" }) / Double(shared.stamps.count)
        #expect(shared.failures.isEmpty && (0.4...0.6).contains(share), "\(share) of \(shared.stamps.count)")
        let list = try Command.limen("plugin", "list", "--data", server.data)
        #expect(list.output.contains("canary 50 %"))
        let promoted = try await server.send(.post, "/v1/admin/plugins/stamp/promote")
        #expect(promoted.status == 200 && promoted.json["data"]?["version"] == "2.0.0")
        try await wait { try await self.plugin(server)?["versions"]?.arrayValue?.count == 1 }
        let all = try await load(server, clients: 2) { pause(300) }
        #expect(all.failures.isEmpty && all.stamps.allSatisfy { $0.version == "2.0.0" })
        let back = try await server.send(.post, "/v1/admin/plugins/stamp/rollback")
        #expect(back.status == 200 && back.json["data"]?["version"] == "1.0.0")
        try await wait { try await self.stamp(server)?.version == "1.0.0" }
    }
}
