/// One server-sent event.
package struct ServerEvent: Sendable, Hashable {
    /// `message` when the server named none.
    package var name: String
    package var data: String

    package init(name: String = "message", data: String) {
        self.name = name
        self.data = data
    }
}

/// Server-sent events out of bytes that are split anywhere (WHATWG HTML, 9.2.6); ids and retry times are of no use here.
package struct EventStreamParser: Sendable {
    private var line: [UInt8] = []
    private var isAfterCarriageReturn = false
    private var isFirstLine = true
    private var name = ""
    private var data: [UInt8] = []
    private var hasData = false
    /// Whether an event was longer than it may be; nothing is read any more.
    package private(set) var hasOverflown = false

    package init() {}

    /// Takes the next bytes; answers the events that are complete.
    package mutating func feed(_ bytes: [UInt8]) -> [ServerEvent] {
        var events: [ServerEvent] = []
        for byte in bytes {
            if hasOverflown { break }
            switch byte {
            case 13: endLine(&events)
            case 10 where isAfterCarriageReturn: break
            case 10: endLine(&events)
            default:
                line.append(byte)
                if line.count + data.count > Limits.eventBytesMax { hasOverflown = true }
            }
            isAfterCarriageReturn = byte == 13
        }
        return events
    }

    private mutating func endLine(_ events: inout [ServerEvent]) {
        defer { line.removeAll(keepingCapacity: true) }
        if isFirstLine {
            isFirstLine = false
            if line.starts(with: [0xEF, 0xBB, 0xBF]) { line.removeFirst(3) }
        }
        guard !line.isEmpty else { return endEvent(&events) }
        // A comment, which servers send to keep the connection alive.
        if line[0] == UInt8(ascii: ":") { return }
        let colon = line.firstIndex(of: UInt8(ascii: ":")) ?? line.endIndex
        var value = line[colon...].dropFirst()
        if value.first == UInt8(ascii: " ") { value = value.dropFirst() }
        switch String(decoding: line[..<colon], as: UTF8.self) {
        case "data":
            if hasData { data.append(10) }
            data += value
            hasData = true
        case "event": name = String(decoding: value, as: UTF8.self)
        default: break
        }
    }

    private mutating func endEvent(_ events: inout [ServerEvent]) {
        if hasData { events.append(ServerEvent(name: name.isEmpty ? "message" : name, data: String(decoding: data, as: UTF8.self))) }
        data.removeAll(keepingCapacity: true)
        (name, hasData) = ("", false)
    }
}
