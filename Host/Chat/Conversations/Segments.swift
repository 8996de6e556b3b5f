package import JSON

/// The parts of a structured message: text, code, citation, tool_call, attachment, redaction.
package enum Segments {
    /// JSON Schema of one part, the only one that there is.
    package static let schema: JSONValue = [
        "type": "object", "required": ["type"],
        "oneOf": [
            closed("text", ["text": ["type": "string"]], ["text"]),
            closed("code", ["text": ["type": "string"], "language": ["type": "string", "maxLength": 64]], ["text"]),
            closed(
                "citation",
                [
                    "index": ["type": "integer", "minimum": 1], "source": ["type": "string", "maxLength": 512],
                    "title": ["type": "string", "maxLength": 512],
                    "text": ["type": "string"], "start": ["type": "integer", "minimum": 0], "end": ["type": "integer", "minimum": 0],
                ], ["source"]),
            closed(
                "tool_call",
                [
                    "id": ["type": "string", "maxLength": 255], "tool": ["type": "string", "maxLength": 255],
                    "version": ["type": "string", "maxLength": 255],
                    "arguments": [:], "outcome": ["type": "string", "maxLength": 64], "output": [:], "error": [:],
                    "wall_ms": ["type": "number", "minimum": 0], "approval_id": ["type": "string", "maxLength": 255],
                ], ["id", "tool"]),
            closed(
                "attachment",
                [
                    "file_id": ["type": "string", "maxLength": 255], "name": ["type": "string", "maxLength": 255],
                    "content_type": ["type": "string", "maxLength": 255], "size": ["type": "integer", "minimum": 0],
                ], ["file_id"]),
            closed("redaction", ["reason": ["type": "string", "maxLength": 255], "length": ["type": "integer", "minimum": 0]], []),
        ],
    ]

    private static func closed(_ type: String, _ properties: JSONObject, _ required: [JSONValue]) -> JSONValue {
        var all = properties
        all["type"] = ["const": .string(type)]
        return ["type": "object", "additionalProperties": false, "properties": .object(all), "required": .array([.string("type")] + required)]
    }

    /// Text with fenced code (CommonMark's three backticks) as parts: each of text or code.
    package static func parts(of text: String) -> [JSONValue] {
        var found: [JSONValue] = []
        var lines: [Substring] = []
        var language: String?
        func end(asCode: Bool) {
            let joined = lines.joined(separator: "\n")
            lines = []
            if asCode {
                var part: JSONObject = ["type": "code", "text": .string(joined)]
                if let name = language, !name.isEmpty { part["language"] = .string(String(name.prefix(64))) }
                found.append(.object(part))
            } else if !joined.allSatisfy({ $0.isWhitespace }) {
                found.append(["type": "text", "text": .string(joined)])
            }
        }
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            let isFence = line.hasPrefix("```")
            guard isFence, found.count < ChatLimits.segmentsMax - 2 else {
                lines.append(line)
                continue
            }
            end(asCode: language != nil)
            language = language == nil ? String(line.dropFirst(3)) : nil
        }
        // A fence that nobody closed is code as far as it goes.
        end(asCode: language != nil)
        return found
    }

    /// What a reader without the parts sees: their text in order.
    package static func plain(_ segments: [JSONValue]) -> String {
        segments.compactMap { part in
            switch part["type"]?.stringValue {
            case "text", "code": part["text"]?.stringValue
            case "citation": part["index"]?.intValue.map { "[\($0)]" }
            default: nil
            }
        }.joined(separator: "\n")
    }
}
