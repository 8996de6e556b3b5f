import TestKit
import Testing

@testable import WorkerProtocol

@Suite("Payloads")
struct PayloadTests {
    private let attachment = Attachment(name: "a.png", contentType: "image/png", data: [1, 2, 3])

    @Test("a payload has one spelling: reserved bytes are zero and flags are 0 or 1 (found by fuzzing)")
    func oneSpelling() throws {
        var result = ResultPayload(output: Array("1".utf8)).encoded()
        result[6] = 1
        #expect(throws: MalformedPayload("reserved")) { try ResultPayload(decoding: result) }
        var jailed = JailedPayload(rung: "root", landlockABI: 7, memoryDenyWriteExecute: true).encoded()
        jailed[jailed.count - 1] = 2
        #expect(throws: MalformedPayload("mdwe")) { try JailedPayload(decoding: jailed) }
        var reply = KeyValueReplyPayload(id: 1, found: true).encoded()
        reply[4] = 3
        #expect(throws: MalformedPayload("found")) { try KeyValueReplyPayload(decoding: reply) }
    }

    @Test("every payload survives the wire")
    func roundTrips() throws {
        let call = CallPayload(
            deadlineNanoseconds: 7, tool: "t", requestID: "é", traceparent: "00-t", input: Array("{}".utf8), attachments: [attachment])
        #expect(try CallPayload(decoding: call.encoded()) == call)
        let result = ResultPayload(output: Array("1".utf8), attachments: [attachment, attachment])
        #expect(try ResultPayload(decoding: result.encoded()) == result)
        let failure = FailurePayload(code: "c", message: "m", details: [])
        #expect(try FailurePayload(decoding: failure.encoded()) == failure)
        let fetch = FetchPayload(id: 9, request: [1], body: [2, 3])
        #expect(try FetchPayload(decoding: fetch.encoded()) == fetch)
        let reply = FetchReplyPayload(id: 9, status: 200, errorCode: "", errorMessage: "", body: [1])
        #expect(try FetchReplyPayload(decoding: reply.encoded()) == reply)
        let value = KeyValuePayload(id: 1, operation: .set, key: "k", value: [])
        #expect(try KeyValuePayload(decoding: value.encoded()) == value)
        let answer = KeyValueReplyPayload(id: 1, found: true, value: [])
        #expect(try KeyValueReplyPayload(decoding: answer.encoded()) == answer)
        for wants in [true, false] {
            let hello = HelloPayload(wantsDescription: wants, config: Array(#"{"a":1}"#.utf8))
            #expect(try HelloPayload(decoding: hello.encoded()) == hello)
        }
        #expect(throws: MalformedPayload("description wanted")) { try HelloPayload(decoding: [2]) }
        let ready = ReadyPayload(abi: 1, description: [123, 125])
        #expect(try ReadyPayload(decoding: ready.encoded()) == ready)
    }

    @Test("the conditions of a recorded call survive the wire, only towards a worker and only whole")
    func conditions() throws {
        let conditions = Conditions(seed: 1, realtimeNanoseconds: 2, monotonicNanoseconds: 3, tickNanoseconds: 4, timeoutNanoseconds: 5)
        let payload = conditions.encoded()
        #expect(try Conditions(decoding: payload) == conditions)
        for count in 0..<payload.count { #expect(throws: MalformedPayload.self) { try Conditions(decoding: Array(payload[..<count])) } }
        #expect(throws: MalformedPayload.self) { try Conditions(decoding: payload + [0]) }
        let frame = Frame(type: .conditions, callID: 0, payload: payload).encoded()
        for sender in [FrameDecoder.Peer.host, .worker] {
            var decoder = FrameDecoder(from: sender, limits: FrameLimits(inputBytesMax: 1 << 10))
            frame.withUnsafeBytes { decoder.append($0) }
            if sender == .host {
                #expect(try decoder.next()?.payload == payload)
            } else {
                #expect(throws: (any Error).self) { try decoder.next() }
            }
        }
    }

    @Test("a payload cut anywhere is malformed, never a trap (API-13)")
    func truncation() {
        let whole = CallPayload(deadlineNanoseconds: 7, tool: "tool", requestID: "r", traceparent: "00", input: [1, 2], attachments: [attachment])
            .encoded()
        for length in 0..<whole.count {
            #expect(throws: MalformedPayload.self) { try CallPayload(decoding: Array(whole[..<length])) }
        }
        #expect(throws: MalformedPayload.self) { try CallPayload(decoding: whole + [0]) }
    }

    @Test("random bytes are decoded or refused, never a trap (API-13)")
    func randomBytes() {
        var random = SeededRandom(seed: 11)
        for _ in 0..<20_000 {
            let bytes = (0..<Int.random(in: 0...80, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
            _ = try? ResultPayload(decoding: bytes)
            _ = try? FailurePayload(decoding: bytes)
            _ = try? FetchPayload(decoding: bytes)
            _ = try? KeyValuePayload(decoding: bytes)
            _ = try? SpawnerRequest(decoding: bytes)
            _ = try? SpawnerEvent(decoding: bytes)
            _ = try? SetupMessage(decoding: bytes)
        }
    }
}

@Suite("Spawner messages")
struct SpawnerMessageTests {
    private func request(library: String = "lib/a.so", path: String = "lib/a.so", hasSocket: Bool = false) -> SpawnerRequest {
        let file = VerifiedFile(path: path, device: 1, inode: 2, size: 3, changeSeconds: 4, changeNanoseconds: 5)
        return .spawn(SpawnRequest(workerID: 9, limits: WorkerLimits(), bundlePath: "/b", files: [file], library: library, hasSocket: hasSocket))
    }

    @Test("requests and events survive the wire")
    func roundTrips() throws {
        for message in [request(), request(hasSocket: true), .kill(workerID: 3), .stop] {
            #expect(try SpawnerRequest(decoding: message.encoded()) == message)
        }
        let violation = SyscallViolation(number: 101, name: "ptrace", arguments: [0, 1, 2, 3, 4, 5])
        let exit = WorkerExit(
            status: nil, signal: 9, userMicroseconds: 1, systemMicroseconds: 2, memoryPeakBytes: 3, outOfMemoryKills: 1, violation: violation)
        let events: [SpawnerEvent] = [
            .posture(json: [123, 125]), .spawned(workerID: 1, pid: 2, hasMemoryPeak: true), .failed(workerID: 1, step: "mount /proc", errno: 1),
            .exited(workerID: 1, exit), .listening(workerID: 7),
        ]
        for event in events { #expect(try SpawnerEvent(decoding: event.encoded()) == event) }
    }

    @Test(
        "paths that leave the bundle are refused by the codec itself",
        arguments: ["", "/etc/passwd", "../a", "lib/../../a", "lib//a", "./a", "lib/."])
    func paths(path: String) {
        #expect(throws: MalformedPayload.self) { try SpawnerRequest(decoding: request(library: path, path: path).encoded()) }
    }

    @Test("a library that is not among the verified files is refused")
    func unverifiedLibrary() {
        #expect(throws: MalformedPayload.self) { try SpawnerRequest(decoding: request(library: "lib/other.so").encoded()) }
    }
}
