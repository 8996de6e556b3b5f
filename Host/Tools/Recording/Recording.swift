package import JSON
package import WorkerProtocol

/// A recording that cannot be read: which line and why.
package struct RecordingError: Error, Sendable, CustomStringConvertible {
    package let description: String
}

/// One recorded call: what went in, what it saw, what came out.
///
/// A file is JSON lines, one recording after the other, each a head, its exchanges and an end.
package struct Recording: Sendable, Hashable {
    /// How the call ended.
    package enum End: Sendable, Hashable {
        /// With an output, and each attachment's name, type, size and digest.
        case result(JSONValue, attachments: [String] = [])
        /// With an error.
        case failure(code: String, message: String)
    }

    /// The format that this host writes, and the only one it reads.
    package static let format = 1

    package var plugin: String
    package var version: String
    package var tool: String
    package var requestID: String
    /// JSON, as it came.
    package var input: [UInt8]
    /// The plugin's `config`, JSON.
    package var config: [UInt8]
    package var conditions: Conditions
    package var exchanges: [Exchange]
    package var end: End

    /// Names all of it.
    package init(
        plugin: String, version: String, tool: String, requestID: String, input: [UInt8], config: [UInt8], conditions: Conditions,
        exchanges: [Exchange], end: End
    ) {
        (self.plugin, self.version, self.tool, self.requestID) = (plugin, version, tool, requestID)
        (self.input, self.config, self.conditions) = (input, config, conditions)
        (self.exchanges, self.end) = (exchanges, end)
    }

    /// How another end differs from the recorded one; nil when it does not.
    package func difference(_ other: End) -> String? { RecordingDifference.words(end, other) }

    // MARK: Lines

    /// The recording's lines, each with its end.
    package var lines: [UInt8] {
        ([head] + exchanges.map(\.json) + [endLine]).flatMap { JSONValue.object($0).serialized() + [UInt8(ascii: "\n")] }
    }

    /// The bytes of a file of recordings.
    /// - Throws: `RecordingError` when it would be one that `parse` refuses.
    package static func file(_ recordings: [Recording]) throws(RecordingError) -> [UInt8] {
        guard recordings.count <= ToolLimits.recordingsMax else {
            throw RecordingError(
                description: "\(recordings.count) calls are more than the \(ToolLimits.recordingsMax) that a file of recordings holds")
        }
        let bytes = recordings.flatMap(\.lines)
        guard bytes.count <= ToolLimits.recordingBytesMax else {
            throw RecordingError(description: "the recording has \(bytes.count) bytes; a file of recordings holds \(ToolLimits.recordingBytesMax)")
        }
        return bytes
    }

    private var head: JSONObject {
        [
            "limen_recording": JSONValue(Self.format), "plugin": .string(plugin), "version": .string(version), "tool": .string(tool),
            "request_id": .string(requestID), "input": .string(String(decoding: input, as: UTF8.self)),
            "config": .string(String(decoding: config, as: UTF8.self)), "conditions": .object(conditions.recorded),
        ]
    }

    private var endLine: JSONObject {
        switch end {
        case .result(let output, let attachments):
            var line: JSONObject = ["end": "result", "output": output]
            if !attachments.isEmpty { line["attachments"] = .array(attachments.map { .string($0) }) }
            return line
        case .failure(let code, let message): return ["end": "failure", "code": .string(code), "message": .string(message)]
        }
    }

    /// Reads a file's bytes; bounded before it is parsed.
    package static func parse(_ bytes: [UInt8]) throws(RecordingError) -> [Recording] {
        guard bytes.count <= ToolLimits.recordingBytesMax else {
            throw RecordingError(description: "has \(bytes.count) bytes; a file of recordings holds \(ToolLimits.recordingBytesMax)")
        }
        var reader = RecordingReader()
        for (index, line) in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated() where !line.isEmpty {
            do {
                try reader.take(JSONValue(parsing: Array(line), limits: JSONLimits(bytesMax: ToolLimits.recordingBytesMax)))
            } catch let error as JSONError {
                throw RecordingError(description: "line \(index + 1): \(error.message)")
            } catch {
                throw RecordingError(description: "line \(index + 1): \(error)")
            }
        }
        guard reader.isWhole else { throw RecordingError(description: "its last recording, number \(reader.recordings.count + 1), has no end") }
        guard !reader.recordings.isEmpty else { throw RecordingError(description: "holds no recording") }
        return reader.recordings
    }
}
