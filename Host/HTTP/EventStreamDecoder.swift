/// Reads the events of a `text/event-stream` out of bytes.
package struct EventStreamDecoder: Sendable {
    private var line: [UInt8] = []
    private var event = ServerSentEvent(data: "")
    private var data: [String] = []
    private var endsWithReturn = false

    package init() {}

    /// The events that `bytes` complete; throws when a line is too long.
    package mutating func decode(_ bytes: [UInt8]) throws(HTTPFailure) -> [ServerSentEvent] {
        var events: [ServerSentEvent] = []
        for byte in bytes {
            defer { endsWithReturn = byte == 0x0d }
            switch byte {
            case 0x0a where endsWithReturn: continue
            case 0x0a, 0x0d:
                if let event = takeLine() { events.append(event) }
            default:
                if line.count >= HTTPLimits.eventLineBytesMax { throw HTTPFailure(502, "A line of the event stream is too long.") }
                line.append(byte)
            }
        }
        return events
    }

    private mutating func takeLine() -> ServerSentEvent? {
        defer { line.removeAll(keepingCapacity: true) }
        if line.isEmpty {
            defer {
                event = ServerSentEvent(data: "")
                data = []
            }
            if data.isEmpty { return nil }
            event.data = data.joined(separator: "\n")
            return event
        }
        let colon = line.firstIndex(of: 0x3a) ?? line.endIndex
        var value = line[min(colon + 1, line.endIndex)...]
        if value.first == 0x20 { value = value.dropFirst() }
        let text = String(decoding: value, as: UTF8.self)
        switch String(decoding: line[..<colon], as: UTF8.self) {
        case "event": event.event = text
        case "data": data.append(text)
        case "id": event.id = text
        default: break
        }
        return nil
    }
}
