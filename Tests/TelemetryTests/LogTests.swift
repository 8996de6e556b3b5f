import Glibc
import IO
import JSON
import Telemetry
import Testing

/// Runs `body` with a log that writes here, and gives the lines.
private func lines(level: LogLevel = .debug, _ body: (Log) -> Void) throws -> [JSONValue] {
    let out = Collected()
    let log = try Log(level: level, destination: .callback { more in out.bytes.withLock { $0 += more } })
    body(log)
    log.close()
    let bytes = out.bytes.withLock { $0 }
    return try bytes.split(separator: 0x0a).map { try JSONValue(parsing: Array($0)) }
}

private final class Collected: Sendable { let bytes = Lock<[UInt8]>([]) }

@Suite struct LogTests {
    @Test("a line is one JSON object with time, level, message and fields, in order")
    func shape() throws {
        let found = try lines { $0.info("hello\nworld", [("request_id", "r1"), ("count", .number(JSONNumber(3)))]) }
        #expect(found.count == 1)
        let line = try #require(found.first)
        #expect(line["level"]?.stringValue == "info")
        #expect(line["msg"]?.stringValue == "hello\nworld")
        #expect(line["request_id"]?.stringValue == "r1")
        #expect(line["count"]?.intValue == 3)
        let time = try #require(line["time"]?.stringValue)
        #expect(time.utf8.count == 24 && time.hasSuffix("Z"))
    }

    @Test("times are RFC 3339 in UTC", arguments: [(0, 0, "1970-01-01T00:00:00.000Z"), (951_782_400, 7_000_000, "2000-02-29T00:00:00.007Z")])
    func timestamps(seconds: Int, nanoseconds: Int, expected: String) {
        #expect(LogLine.timestamp(timespec(tv_sec: seconds, tv_nsec: nanoseconds)) == expected)
    }

    @Test("a secret never reaches the log: not by type, not by its name, not deep inside")
    func secrets() throws {
        let secret = Redacted("hunter2")
        let found = try lines {
            $0.error(
                "signed in as \(secret) \(String(reflecting: secret))",
                [
                    ("password", "hunter2"), ("x", .string("\(secret)")), ("db_password", "hunter2"),
                    ("headers", ["Authorization": "hunter2", "list": [["token": "hunter2"]]]),
                ])
        }
        let text = try #require(found.first).text
        #expect(!text.contains("hunter2"))
        #expect(text.contains("[redacted]"))
        var dumped = ""
        dump(secret, to: &dumped)
        #expect(!dumped.contains("hunter2"))
        #expect(secret.reveal() == "hunter2")
    }

    @Test("lines and fields are bounded")
    func bounds() throws {
        let long = String(repeating: "ä", count: 10_000)
        let one = try #require(try lines { $0.info(long, [("field", .string(long)), ("list", .array([.string(long)]))]) }.first)
        #expect(one.text.utf8.count < TelemetryLimits.lineBytesMax)
        #expect(one["list"]?.stringValue == "[too long]")
        let many = (0..<40).map { ("f\($0)", JSONValue.string(String(repeating: "x", count: 4000))) }
        let two = try #require(try lines { $0.info("many", many + [("request_id", "r")]) }.first)
        #expect(two["truncated"] == true && two["request_id"] == "r" && two["msg"] == "many")
    }

    @Test("a field cannot take the place of time, level or message")
    func ownNames() throws {
        let line = try #require(try lines { $0.info("real", [("msg", "forged"), ("level", "forged")]) }.first)
        #expect(line["msg"] == "real" && line["level"] == "info" && line["field_msg"] == "forged")
    }

    @Test("lines below the level are not written")
    func levels() throws {
        let found = try lines(level: .warning) {
            $0.debug("a")
            $0.info("b")
            $0.warning("c")
            $0.error("d")
        }
        #expect(found.map { $0["msg"]?.stringValue } == ["c", "d"])
    }

    @Test("a log whose reader is stuck drops lines, says how many, and blocks nobody")
    func stuckReader() throws {
        let out = Collected()
        let gate = Condition()
        let log = try gated(out, gate)
        let start = Deadline.now()
        for index in 0..<(TelemetryLimits.queuedLinesMax + 5000) { log.log.info("line \(index)") }
        #expect(Deadline.now().nanoseconds - start.nanoseconds < 5_000_000_000)
        #expect(log.log.droppedLines >= 4000)
        log.open()
        log.log.close()
        #expect(String(decoding: out.bytes.withLock { $0 }, as: UTF8.self).contains("log lines were dropped"))
    }

    private struct Gated {
        let log: Log
        let open: () -> Void
    }

    private func gated(_ out: Collected, _ gate: Condition) throws -> Gated {
        let state = Opened()
        let log = try Log(
            destination: .callback { bytes in
                gate.withLock { while !state.isOpen.withLock({ $0 }) { gate.wait() } }
                out.bytes.withLock { $0 += bytes }
            })
        return Gated(log: log) {
            gate.withLock {
                state.isOpen.withLock { $0 = true }
                gate.broadcast()
            }
        }
    }

    private final class Opened: Sendable { let isOpen = Lock(false) }
}
