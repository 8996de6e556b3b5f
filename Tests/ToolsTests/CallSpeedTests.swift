import Glibc
import IO
import JSON
import Supervisor
import TestSupport
import Testing
import Tools
import WorkerProtocol
import Workers

/// Numbers for people; nothing here fails for being slow (DESIGN 7: no timed tests).
@Suite(.serialized) struct CallSpeedTests {
    private static func percentile(_ times: [UInt64], _ part: Double) -> Double {
        let sorted = times.sorted()
        return Double(sorted[min(sorted.count - 1, Int(Double(sorted.count) * part))]) / 1_000
    }

    @Test("prints a call through frames beside a raw ping-pong of 256 bytes")
    func compare() async throws {
        var times: [UInt64] = []
        var fds: [Int32] = [-1, -1]
        #expect(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &fds) == 0)
        let peer = fds[1]
        let thread = try Thread(name: "ping") {
            var buffer = [UInt8](repeating: 0, count: 256)
            while read(peer, &buffer, 256) == 256 { write(peer, buffer, 256) }
        }
        var buffer = [UInt8](repeating: 1, count: 256)
        for _ in 0..<20_000 {
            let begun = Deadline.now().nanoseconds
            write(fds[0], buffer, 256)
            read(fds[0], &buffer, 256)
            times.append(Deadline.now().nanoseconds - begun)
        }
        close(fds[0])
        thread.join()
        close(peer)
        let ping = Self.percentile(times, 0.5)
        let input = "{\"text\":\"" + String(repeating: "x", count: 240) + "\"}"
        let calls = try await WorkerHarness.run(.init(mode: .shared, workersMax: 1, spares: 1), script: { $0.echo() }) { harness in
            var times: [UInt64] = []
            let host = RecordingHost()
            for _ in 0..<20_000 {
                let begun = Deadline.now().nanoseconds
                _ = await harness.call(input, host: host)
                times.append(Deadline.now().nanoseconds - begun)
            }
            return times
        }
        let schema: JSONValue = [
            "type": "object", "properties": ["text": ["type": "string", "maxLength": 1000]], "required": ["text"], "additionalProperties": false,
        ]
        let whole = try await ToolHarness.run([.init(input: schema, output: schema)], mode: .shared, workersMax: 1, script: { $0.echo() }) {
            harness in
            var times: [UInt64] = []
            let call = ToolCall(
                tool: "fake.echo", input: Array(input.utf8), caller: harness.caller(), requestID: "01890a5d-ac96-774b-bcce-b302099a8057")
            for _ in 0..<20_000 {
                let begun = Deadline.now().nanoseconds
                _ = await harness.tools.call(call)
                times.append(Deadline.now().nanoseconds - begun)
            }
            return times
        }
        let wholeP50 = Self.percentile(whole, 0.5)
        print("validated and audited call p50 \(wholeP50) us, p99 \(Self.percentile(whole, 0.99)) us; ratio \(wholeP50 / ping)")
        let p50 = Self.percentile(calls, 0.5)
        print("ping-pong p50 \(ping) us; call p50 \(p50) us, p99 \(Self.percentile(calls, 0.99)) us; ratio \(p50 / ping)")
        #expect(calls.count == 20_000)
    }
}
