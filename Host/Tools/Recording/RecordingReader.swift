internal import JSON
internal import WorkerProtocol
internal import Workers

/// Puts the lines of a file of recordings together: a head, exchanges, an end, and again.
///
/// A file may come from anybody: every member is checked before anything is made of it.
struct RecordingReader {
    private(set) var recordings: [Recording] = []
    private var open: Recording?
    var isWhole: Bool { open == nil }

    mutating func take(_ line: JSONValue) throws(RecordingError) {
        if line["limen_recording"] != nil {
            guard open == nil else { throw RecordingError(description: "a recording begins inside another") }
            guard recordings.count < ToolLimits.recordingsMax else {
                throw RecordingError(description: "more than \(ToolLimits.recordingsMax) recordings in one file")
            }
            open = try Self.head(line)
        } else if line["exchange"] != nil, var unfinished = open {
            guard unfinished.exchanges.count < ToolLimits.exchangesRecordedMax else {
                throw RecordingError(description: "more than \(ToolLimits.exchangesRecordedMax) exchanges in one recording")
            }
            unfinished.exchanges.append(try Exchange(line))
            open = unfinished
        } else if line["end"] != nil, var whole = open {
            whole.end = try Self.end(line)
            recordings.append(whole)
            open = nil
        } else {
            throw RecordingError(
                description: open == nil
                    ? "no recording begins here: \"limen_recording\" is missing" : "is neither an exchange nor the end of the recording")
        }
    }

    private static func head(_ line: JSONValue) throws(RecordingError) -> Recording {
        guard line["limen_recording"]?.intValue == Recording.format else {
            throw RecordingError(description: "limen_recording is not \(Recording.format), the format of this host")
        }
        let (plugin, version, tool, id) = (try name(line, "plugin"), try name(line, "version"), try name(line, "tool"), try name(line, "request_id"))
        let (input, config) = (try text(line, "input"), Array(try text(line, "config").utf8))
        guard config.count <= FrameLimits().helloBytesMax, isObject(config) else {
            throw RecordingError(description: "config is not a JSON object in a string")
        }
        return Recording(
            plugin: plugin, version: version, tool: tool, requestID: id, input: Array(input.utf8), config: config,
            conditions: try Conditions(recorded: line["conditions"]), exchanges: [], end: .result(.null))
    }

    private static func isObject(_ bytes: [UInt8]) -> Bool {
        // try?: text that is no JSON is no object, whatever is wrong with it.
        (try? JSONValue(parsing: bytes))?.objectValue != nil
    }

    private static func end(_ line: JSONValue) throws(RecordingError) -> Recording.End {
        switch line["end"]?.stringValue {
        case "result":
            guard let output = line["output"] else { throw RecordingError(description: "output is missing") }
            let list = line["attachments"]?.arrayValue ?? []
            let attachments = list.compactMap(\.stringValue)
            guard attachments.count == list.count, list.count <= Attachment.countMax else {
                throw RecordingError(description: "attachments is not a list of texts")
            }
            return .result(output, attachments: attachments)
        case "failure": return .failure(code: try text(line, "code"), message: try text(line, "message"))
        default: throw RecordingError(description: "end is neither \"result\" nor \"failure\"")
        }
    }

    /// A short text without control characters: it comes before people's eyes.
    private static func name(_ line: JSONValue, _ member: String) throws(RecordingError) -> String {
        let text = try text(line, member)
        guard !text.isEmpty, text == text.printable(bytesMax: ToolLimits.requestIDBytesMax) else {
            throw RecordingError(description: "\(member) is not 1 to \(ToolLimits.requestIDBytesMax) printable bytes")
        }
        return text
    }

    private static func text(_ line: JSONValue, _ member: String) throws(RecordingError) -> String {
        guard let text = line[member]?.stringValue else { throw RecordingError(description: "\(member) is missing or no text") }
        return text
    }
}

extension Conditions {
    var recorded: JSONObject {
        [
            "seed": .number(JSONNumber(seed)), "realtime_ns": .number(JSONNumber(realtimeNanoseconds)),
            "monotonic_ns": .number(JSONNumber(monotonicNanoseconds)), "tick_ns": .number(JSONNumber(tickNanoseconds)),
            "timeout_ns": .number(JSONNumber(timeoutNanoseconds)),
        ]
    }

    init(recorded: JSONValue?) throws(RecordingError) {
        func number(_ name: String, max: UInt64) throws(RecordingError) -> UInt64 {
            guard let value = recorded?[name]?.int64Value.flatMap({ UInt64(exactly: $0) }), value <= max else {
                throw RecordingError(description: "conditions: \(name) is not a whole number of 0 to \(max)")
            }
            return value
        }
        self.init(
            seed: try number("seed", max: 1 << 62), realtimeNanoseconds: try number("realtime_ns", max: 1 << 62),
            monotonicNanoseconds: try number("monotonic_ns", max: 1 << 62), tickNanoseconds: try number("tick_ns", max: 1_000_000_000),
            timeoutNanoseconds: try number("timeout_ns", max: 1 << 50))
    }
}
