import JSON
import Testing
import Tools
import WorkerProtocol

@Suite struct RecordingFileTests {
    private static let conditions = Conditions(seed: 1, realtimeNanoseconds: 2, monotonicNanoseconds: 3, timeoutNanoseconds: 4)

    private func recording(_ exchanges: [Exchange] = [], end: Recording.End = .result(["n": 1])) -> Recording {
        Recording(
            plugin: "p", version: "1.0.0", tool: "t", requestID: "r", input: Array("{}".utf8), config: Array("{}".utf8), conditions: Self.conditions,
            exchanges: exchanges, end: end)
    }

    private func lines(_ recording: Recording) -> [String] {
        String(decoding: recording.lines, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    /// A tape that has seen one fetch and one key-value request.
    private func exchanges() async -> [Exchange] {
        let tape = CallTape()
        _ = await tape.fetch(FetchPayload(id: 7, request: Array(#"{"url":"https://a.example/"}"#.utf8), body: [0xff, 0x00])) {
            FetchReplyPayload(id: 7, status: 200, headers: Array("{}".utf8), body: [1, 2, 0xfe])
        }
        _ = await tape.keyValue(KeyValuePayload(id: 8, operation: .get, key: "k")) { KeyValueReplyPayload(id: 8, found: true, value: [9]) }
        return tape.exchanges
    }

    @Test("what is written is what is read, bytes that are no text included")
    func roundTrip() async throws {
        let whole = [
            recording(await exchanges()), recording(end: .failure(code: "conflict", message: "no")), recording(end: .result(1, attachments: ["a"])),
        ]
        #expect(try Recording.parse(Recording.file(whole)) == whole)
    }

    @Test(
        "a damaged line is refused with its number and what is wrong with it",
        arguments: [
            (0, #"{"limen_recording":2}"#, "line 1: limen_recording is not 1"), (0, "x", "line 1: "),
            (0, #"{"end":"result"}"#, "line 1: no recording begins here"),
            (1, #"{"exchange":"dream"}"#, "line 2: exchange is none of"), (1, #"{"exchange":"kv"}"#, "line 2: request is missing"),
            (
                1, #"{"exchange":"fetch","request":{},"reply":{"status":200,"headers":"","body":"*","error_code":"","error_message":""}}"#,
                "line 2: reply is not one"
            ),
            (1, #"{}"#, "line 2: is neither an exchange nor the end"), (3, #"{"end":"result"}"#, "line 4: output is missing"),
            (3, #"{"end":"maybe"}"#, "line 4: end is neither"), (3, "", "has no end"),
        ] as [(Int, String, String)])
    func damaged(line: Int, text: String, reason: String) async throws {
        var all = lines(recording(await exchanges()))
        all[line] = text
        let error = #expect(throws: RecordingError.self) { try Recording.parse(Array(all.joined(separator: "\n").utf8)) }
        #expect(error?.description.contains(reason) == true, "\(String(describing: error))")
    }

    @Test(
        "a head that asks for what cannot be is refused by the member's name",
        arguments: [
            (#""tick_ns":1000"#, #""tick_ns":-1"#, "tick_ns"), (#""seed":1"#, #""seed":1.5"#, "seed"),
            (#""realtime_ns":2"#, #""realtime_ns":9e18"#, "realtime_ns"),
            (#""config":"{}""#, #""config":"[]""#, "config"), (#""request_id":"r""#, #""request_id":"a\nb""#, "request_id"),
            (#""tool":"t""#, #""tool":"""#, "tool"),
        ] as [(String, String, String)])
    func head(before: String, after: String, member: String) throws {
        let text = String(decoding: recording().lines, as: UTF8.self)
        #expect(text.contains(before), "\(text)")
        let error = #expect(throws: RecordingError.self) { try Recording.parse(Array(text.replacing(before, with: after).utf8)) }
        #expect(error?.description.contains(member) == true, "\(String(describing: error))")
    }

    @Test("files are bounded when they are written and when they are read")
    func bounds() throws {
        #expect(throws: RecordingError.self) { try Recording.file(Array(repeating: recording(), count: ToolLimits.recordingsMax + 1)) }
        let many = Array(repeating: recording().lines, count: ToolLimits.recordingsMax + 1).flatMap { $0 }
        #expect(throws: RecordingError.self) { try Recording.parse(many) }
        let large = recording(end: .failure(code: "x", message: String(repeating: "a", count: ToolLimits.recordingBytesMax)))
        #expect(throws: RecordingError.self) { try Recording.file([large]) }
        #expect(throws: RecordingError.self) { try Recording.parse([UInt8](repeating: 0x20, count: ToolLimits.recordingBytesMax + 1)) }
    }

    @Test("a call that asks for more than a recording holds is not recorded in part")
    func tooMuch() async {
        let tape = CallTape()
        for _ in 0...ToolLimits.exchangesRecordedMax {
            _ = await tape.keyValue(KeyValuePayload(id: 1, operation: .get, key: "k")) { KeyValueReplyPayload(id: 1, found: false) }
        }
        #expect(tape.problem == "the call asked for more than a recording holds")
    }

    @Test("a replay answers from the tape alone: the network and the store are not asked, known question or not")
    func noNetwork() async throws {
        let tape = CallTape(replaying: await exchanges())
        func ask(_ url: String, id: UInt32) async -> FetchReplyPayload {
            await tape.fetch(FetchPayload(id: id, request: Array(#"{"url":"\#(url)"}"#.utf8), body: [0xff, 0x00])) {
                Issue.record("the network was asked")
                return FetchReplyPayload(id: id, status: 200)
            }
        }
        let known = await ask("https://a.example/", id: 40)
        #expect(known.id == 40 && known.status == 200 && known.body == [1, 2, 0xfe])
        #expect(tape.problem == #"exchange 2 of the recording was not asked for: kv {"operation":1,"key":"k","value":""}"#, "\(tape.problem ?? "")")
        let unknown = await ask("https://b.example/", id: 41)
        #expect(unknown.id == 41 && unknown.status == 0 && unknown.errorCode == "invalid")
        #expect(tape.problem?.hasPrefix(#"the plugin asked for fetch {"url":"https://b.example/"}; exchange 2 of the recording is kv"#) == true)
        // From the first difference on nothing is made up, what was recorded included.
        let later = await tape.keyValue(KeyValuePayload(id: 9, operation: .get, key: "k")) {
            Issue.record("the store was asked")
            return KeyValueReplyPayload(id: 9, found: true)
        }
        #expect(!later.found && later.errorCode == "invalid")
    }

    @Test("a recording has what the plugin sent and saw; what the proxy adds to a request, a secret, comes after it")
    func noSecrets() async {
        let tape = CallTape()
        _ = await tape.fetch(FetchPayload(id: 1, request: Array(#"{"url":"https://a.example/"}"#.utf8), body: [])) {
            // What a proxy would do, on the far side of the tape.
            let sent = #"{"url":"https://a.example/","headers":{"authorization":"Bearer s3cret"}}"#
            return FetchReplyPayload(id: 1, status: sent.contains("s3cret") ? 200 : 401)
        }
        let text = String(decoding: recording(tape.exchanges).lines, as: UTF8.self)
        #expect(text.contains("\"status\":200") && !text.contains("s3cret"))
    }

    @Test(
        "a difference names the place first",
        arguments: [
            (#"{"a":[1,{"b":2}]}"#, #"{"a":[1,{"b":3}]}"#, "the output at /a/1/b is 3; recorded is 2"),
            (#"{"a/b":1}"#, #"{}"#, "the output at /a~1b is nothing; recorded is 1"),
            (#"[1]"#, #"[1,2]"#, "the output at /1 is 2; recorded is nothing"),
            ("1", "2", "the output is 2; recorded is 1"),
        ] as [(String, String, String)])
    func difference(before: String, now: String, words: String) throws {
        let one = recording(end: .result(try JSONValue(parsing: before)))
        #expect(one.difference(.result(try JSONValue(parsing: now))) == words)
        #expect(one.difference(one.end) == nil)
        #expect(one.difference(.failure(code: "conflict", message: "no"))?.hasSuffix("the replay with conflict: no") == true)
        #expect(recording().difference(.result(["n": 1], attachments: ["f"])) == "the attachments are f; recorded are none")
    }
}
