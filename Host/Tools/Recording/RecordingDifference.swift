internal import JSON
internal import Workers

/// What differs between two ends of one call, for people: the place first.
enum RecordingDifference {
    private static let bytesMax = 300

    /// nil when nothing differs.
    static func words(_ recorded: Recording.End, _ replayed: Recording.End) -> String? {
        guard recorded != replayed else { return nil }
        guard case .result(let before, let beforeFiles) = recorded, case .result(let now, let nowFiles) = replayed else {
            return "the recording ends with \(name(recorded)), the replay with \(name(replayed))"
        }
        if let (path, left, right) = first(before, now, "") {
            let place = path.isEmpty ? "the output" : "the output at \(path.printable(bytesMax: bytesMax))"
            return "\(place) is \(text(right)); recorded is \(text(left))"
        }
        let files = [beforeFiles, nowFiles].map { $0.isEmpty ? "none" : $0.joined(separator: ", ").printable(bytesMax: bytesMax) }
        return "the attachments are \(files[1]); recorded are \(files[0])"
    }

    private static func name(_ end: Recording.End) -> String {
        switch end {
        case .result(let output, _): "the output \(text(output))"
        case .failure(let code, let message): "\(code): \(message)".printable(bytesMax: bytesMax)
        }
    }

    private static func text(_ value: JSONValue?) -> String { value.map { $0.text.printable(bytesMax: bytesMax) } ?? "nothing" }

    /// The first place, as a JSON Pointer, where two values differ, and what stands there. Depth is bounded by the parser.
    private static func first(_ left: JSONValue?, _ right: JSONValue?, _ path: String) -> (String, JSONValue?, JSONValue?)? {
        if left == right { return nil }
        if let before = left?.objectValue, let now = right?.objectValue {
            let keys = before.keys + now.keys.filter { !before.contains(key: $0) }
            for key in keys {
                let name = key.replacing("~", with: "~0").replacing("/", with: "~1")
                if let found = first(before[key], now[key], "\(path)/\(name)") { return found }
            }
        } else if let before = left?.arrayValue, let now = right?.arrayValue {
            for index in 0..<max(before.count, now.count) {
                let left = index < before.count ? before[index] : Optional.none
                let right = index < now.count ? now[index] : Optional.none
                if let found = first(left, right, "\(path)/\(index)") { return found }
            }
        }
        return (path, left, right)
    }
}
