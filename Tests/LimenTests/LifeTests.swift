import CLinux
import Glibc
import HTTP
import JSON
import Testing

@Suite("Limen: start, stop, crash", .serialized)
struct LifeTests {
    @Test("the host never runs as root, and nobody else may read the key")
    func ordinaryUser() async throws {
        let server = try LiveServer(plugins: [])
        var information = stat()
        #expect(stat("\(server.data)/admin.key", &information) == 0)
        #expect(information.st_mode & 0o777 == 0o600)
        #expect(information.st_uid != 0 || getuid() != 0)
        let hosts = server.processes().filter {
            Command.text("/proc/\($0)/cmdline").hasSuffix("\(server.data)\0") && !Command.text("/proc/\($0)/comm").contains("spawner")
        }
        #expect(!hosts.isEmpty)
        for pid in hosts { #expect(stat("/proc/\(pid)", &information) == 0 && information.st_uid != 0) }
        #expect(!Command.text("\(server.data)/limen.db").contains(server.key), "the key is stored hashed")
    }

    @Test("a stopped service ends with 0 and leaves no process, mount or socket behind (OPS-3)")
    func stop() async throws {
        let server = try LiveServer(plugins: ["calc"])
        _ = try await server.send(.post, "/v1/tools/calc.evaluate/invoke", #"{"input":{"expression":"1"}}"#)
        #expect(server.stop() == 0)
        #expect(server.processes() == [])
        #expect(!Command.text("/proc/self/mountinfo").contains(server.folder))
        #expect(!Command.text("/proc/net/unix").contains(server.folder))
    }

    @Test(
        "whatever of it is killed, all of it ends, and it starts again with its key, its tools and its audit chain (STORE-1, OPS-3)",
        arguments: ["spawner", "host"])
    func kill9(victim: String) async throws {
        let server = try LiveServer(plugins: ["calc"])
        let key = server.key
        _ = try await server.send(.post, "/v1/tools/calc.evaluate/invoke", #"{"input":{"expression":"1"}}"#)
        // Looking makes the call's record durable; what is lost at a crash is at most the last batch (ARCHITECTURE.md).
        #expect(try await server.send(.get, "/v1/admin/audit").status == 200)
        let processes = server.processes()
        let found = processes.first { Command.text("/proc/\($0)/comm").hasPrefix("limen-spawner") == (victim == "spawner") }
        kill(try #require(found), SIGKILL)
        for _ in 0..<100 where !server.processes().isEmpty { usleep(50_000) }
        #expect(server.processes() == [])
        server.stop()
        try server.start()
        #expect(server.key == key)
        #expect(try await server.send(.post, "/v1/tools/calc.evaluate/invoke", #"{"input":{"expression":"2"}}"#).status == 200)
        let chain = try await server.send(.get, "/v1/admin/audit/verification").json["data"]
        #expect(chain?["intact"] == true && (chain?["entries"]?.intValue ?? 0) >= 2)
    }

    @Test("aborted requests leave nothing in flight and no descriptor (LIM-6)")
    func aborted() async throws {
        let server = try LiveServer(plugins: ["calc"])
        _ = try await server.send(.post, "/v1/tools/calc.evaluate/invoke", #"{"input":{"expression":"1"}}"#)
        func gauge(_ name: String) async throws -> Double {
            let text = try await server.send(.get, "/metrics").text
            return text.split(separator: "\n").first { $0.hasPrefix(name + " ") }.flatMap { Double($0.split(separator: " ")[1]) } ?? -1
        }
        let before = try await gauge("process_open_fds")
        let body = #"{"input":{"expression":"1+1"}}"#
        let head =
            "POST /v1/tools/calc.evaluate/invoke HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \(server.key)\r\nContent-Type: application/json\r\n"
        for index in 0..<300 {
            let whole = "\(head)Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
            _ = server.raw(index % 2 == 0 ? whole : String(whole.dropLast(5)), milliseconds: 0)
        }
        var inFlight = -1.0
        for _ in 0..<50 {
            inFlight = try await gauge("limen_tool_calls_in_flight")
            if inFlight == 0 { break }
            usleep(100_000)
        }
        #expect(inFlight == 0)
        // Four workers with two descriptors each may have joined; 300 requests may have left nothing.
        #expect(try await gauge("process_open_fds") <= before + 16)
    }

    @Test(
        "a variable that would weaken the host is refused at start: there is no such setting (AUTH-11)",
        arguments: [
            "LIMEN_DEV_MODE", "LIMEN_NO_AUTH", "LIMEN_AUTH_DISABLED", "LIMEN_INSECURE", "LIMEN_SANDBOX",
        ])
    func noWeakening(name: String) throws {
        let outcome = try Command.limen(["serve", "--listen", "127.0.0.1:0", "--data", Command.temporary()], environment: [name: "1"])
        #expect(outcome.code == 1)
        #expect(outcome.complaints.contains(name) && outcome.complaints.contains("no such setting"))
    }
}
