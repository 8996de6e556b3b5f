import CLinux
import Glibc
import JSON

/// A WebSocket client of a few lines, in blocking calls: text frames of less than 64 KiB.
final class SocketClient {
    private let descriptor: Int32
    private var buffer: [UInt8] = []
    /// The head of the server's answer.
    let head: String
    /// Code of the close frame, once it came.
    private(set) var closeCode: UInt16?

    init(_ server: LiveServer, _ path: String = "/v1/chat/stream", headers: [(String, String)] = []) throws {
        let fields = headers.map { "\($0.0): \($0.1)\r\n" }.joined()
        let request =
            "GET \(path) HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\(fields)\r\n"
        guard let descriptor = server.connect(request) else { throw Command.Failure("no connection") }
        self.descriptor = descriptor
        var bytes: [UInt8] = []
        while !String(decoding: bytes, as: UTF8.self).contains("\r\n\r\n") {
            guard let more = Self.receive(descriptor, milliseconds: 5_000) else { break }
            bytes += more
        }
        let text = String(decoding: bytes, as: UTF8.self)
        let end = text.firstRange(of: "\r\n\r\n")?.upperBound ?? text.endIndex
        head = String(text[..<end])
        buffer = Array(text[end...].utf8)
    }

    deinit { close(descriptor) }

    /// Goes without a word.
    func reset() {
        var linger = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
        shutdown(descriptor, Int32(SHUT_RDWR))
    }

    func send(_ value: JSONValue) { send(text: value.text) }

    func send(text: String) {
        let payload = Array(text.utf8)
        var frame: [UInt8] = [0x81]
        if payload.count < 126 {
            frame.append(0x80 | UInt8(payload.count))
        } else {
            frame += [0x80 | 126, UInt8(payload.count >> 8), UInt8(payload.count & 255)]
        }
        // A mask of zeros is one (RFC 6455, 5.3).
        frame += [0, 0, 0, 0] + payload
        _ = Glibc.send(descriptor, frame, frame.count, Int32(MSG_NOSIGNAL))
    }

    /// The next text, or nil when the socket was closed or nothing came in time.
    func next(milliseconds: Int32 = 5_000) -> JSONValue? {
        while true {
            if let (kind, payload) = frame() {
                switch kind {
                case 1:
                    // try?: what is no JSON fails the test that reads it.
                    return try? JSONValue(parsing: payload)
                case 8:
                    closeCode = payload.count >= 2 ? UInt16(payload[0]) << 8 | UInt16(payload[1]) : 1005
                    return nil
                default: continue
                }
            }
            guard let more = Self.receive(descriptor, milliseconds: milliseconds) else { return nil }
            buffer += more
        }
    }

    /// All events to one that ends a turn.
    func turn() -> [JSONValue] {
        var events: [JSONValue] = []
        while let event = next() {
            events.append(event)
            if ["message_done", "error", "cancel_ack"].contains(event["event"]?.stringValue ?? "") { break }
        }
        return events
    }

    private func frame() -> (kind: UInt8, payload: [UInt8])? {
        guard buffer.count >= 2 else { return nil }
        var (length, start) = (Int(buffer[1] & 127), 2)
        if length == 126 {
            guard buffer.count >= 4 else { return nil }
            (length, start) = (Int(buffer[2]) << 8 | Int(buffer[3]), 4)
        }
        guard buffer.count >= start + length else { return nil }
        defer { buffer.removeFirst(start + length) }
        return (buffer[0] & 15, Array(buffer[start..<(start + length)]))
    }

    private static func receive(_ descriptor: Int32, milliseconds: Int32) -> [UInt8]? {
        var poller = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&poller, 1, milliseconds) > 0 else { return nil }
        var bytes = [UInt8](repeating: 0, count: 65536)
        let count = recv(descriptor, &bytes, bytes.count, 0)
        return count > 0 ? Array(bytes[..<count]) : nil
    }
}
