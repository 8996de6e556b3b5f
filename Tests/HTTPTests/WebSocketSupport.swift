import Glibc
import IO

@testable import HTTP

/// A frame that a server sent, in the words of a client that knows nothing of our codec.
struct Heard: Equatable, CustomStringConvertible {
    var opcode: UInt8
    var payload: [UInt8]
    var isFinal = true
    var isCompressed = false

    static func text(_ bytes: [UInt8]) -> Heard { Heard(opcode: 1, payload: bytes) }
    static func text(_ text: String) -> Heard { .text(Array(text.utf8)) }
    static func binary(_ bytes: [UInt8]) -> Heard { Heard(opcode: 2, payload: bytes) }
    static func pong(_ bytes: [UInt8] = []) -> Heard { Heard(opcode: 10, payload: bytes) }
    /// A close frame of which only the code counts.
    static func close(_ code: Int?) -> Heard { Heard(opcode: 8, payload: code.map { [UInt8($0 >> 8), UInt8($0 & 255)] } ?? []) }

    /// The same without a close frame's reason.
    var brief: Heard { opcode == 8 ? Heard(opcode: 8, payload: Array(payload.prefix(2))) : self }
    var description: String {
        opcode == 8
            ? "close \(payload.count < 2 ? 0 : Int(payload[0]) << 8 | Int(payload[1])) \(String(decoding: payload.dropFirst(2), as: UTF8.self))"
            : "opcode \(opcode), \(payload.count) bytes, \(payload.prefix(24))"
    }
}

/// The frames in what a server sent; nil when it is none, is masked or is cut off.
func heard(_ bytes: [UInt8]) -> [Heard]? {
    var frames: [Heard] = []
    var index = 0
    while index < bytes.count {
        guard index + 2 <= bytes.count, bytes[index + 1] & 0x80 == 0 else { return nil }
        var length = Int(bytes[index + 1])
        let head = bytes[index]
        let extra = length == 127 ? 8 : length == 126 ? 2 : 0
        guard index + 2 + extra <= bytes.count else { return nil }
        if extra > 0 { length = bytes[(index + 2)..<(index + 2 + extra)].reduce(0) { $0 << 8 | Int($1) } }
        index += 2 + extra
        guard index + length <= bytes.count else { return nil }
        frames.append(
            Heard(opcode: head & 15, payload: Array(bytes[index..<(index + length)]), isFinal: head & 0x80 != 0, isCompressed: head & 0x40 != 0))
        index += length
    }
    return frames
}

/// A client's frame, made without our encoder; `rsv` has RSV1 as 4.
func frame(_ opcode: UInt8, _ payload: [UInt8] = [], fin: Bool = true, rsv: UInt8 = 0, isMasked: Bool = true) -> [UInt8] {
    var out = [(fin ? 0x80 : 0) | rsv << 4 | opcode]
    let mask: UInt8 = isMasked ? 0x80 : 0
    switch payload.count {
    case ..<126: out.append(mask | UInt8(payload.count))
    case ..<65_536: out += [mask | 126, UInt8(payload.count >> 8), UInt8(payload.count & 255)]
    default: out += [mask | 127] + (0..<8).reversed().map { UInt8(truncatingIfNeeded: payload.count >> ($0 * 8)) }
    }
    guard isMasked else { return out + payload }
    let key: [UInt8] = [0x37, 0xfa, 0x21, 0x3d]
    return out + key + payload.enumerated().map { $0.element ^ key[$0.offset & 3] }
}

func frame(_ opcode: UInt8, _ text: String, fin: Bool = true) -> [UInt8] { frame(opcode, Array(text.utf8), fin: fin) }

/// A client's close frame.
func closeFrame(_ code: Int? = 1000, _ reason: String = "") -> [UInt8] {
    frame(8, (code.map { [UInt8($0 >> 8 & 255), UInt8($0 & 255)] } ?? []) + Array(reason.utf8))
}

/// A message in frames of at most `size` bytes.
func fragments(_ opcode: UInt8, _ payload: [UInt8], size: Int, rsv: UInt8 = 0) -> [UInt8] {
    var out: [UInt8] = []
    var start = 0
    repeat {
        let end = min(payload.count, start + size)
        out += frame(start == 0 ? opcode : 0, Array(payload[start..<end]), fin: end == payload.count, rsv: start == 0 ? rsv : 0)
        start = end
    } while start < payload.count
    return out
}

/// Cuts bytes into pieces.
func chopped(_ bytes: [UInt8], _ size: Int) -> [[UInt8]] {
    stride(from: 0, to: bytes.count, by: size).map { Array(bytes[$0..<min(bytes.count, $0 + size)]) }
}

/// A configuration whose rates and sizes are in nobody's way.
func roomy(_ change: (inout WebSocketConfiguration) -> Void = { _ in }) -> WebSocketConfiguration {
    var configuration = WebSocketConfiguration()
    configuration.messageBytesMax = 4 << 20
    configuration.frameBytesMax = 4 << 20
    (configuration.framesPerSecond, configuration.framesBurst) = (1_000_000, 1_000_000)
    (configuration.bytesPerSecond, configuration.bytesBurst) = (1 << 30, 1 << 30)
    configuration.compression?.bytesMin = 1
    configuration.closeGraceMilliseconds = 5000
    change(&configuration)
    return configuration
}

/// What an echoing server answers to the pieces; no I/O.
func converse(_ pieces: [[UInt8]], _ configuration: WebSocketConfiguration = roomy(), deflate: PerMessageDeflate? = nil) -> [UInt8] {
    var machine = WebSocketMachine(configuration: configuration, deflate: deflate)
    var out: [UInt8] = []
    for piece in pieces {
        piece.withUnsafeBufferPointer { bytes in
            var position = 0
            while true {
                switch machine.advance(bytes, &position, now: Deadline(nanoseconds: 1)) {
                case .needMore: return
                case .message(let message): _ = machine.send(message, into: &out)
                case .ping(let content): machine.pong(content, into: &out)
                case .pong: continue
                case .close(let close): machine.close(close, into: &out)
                case .failure(let fault): machine.close(WebSocketClose(fault.code, fault.message), into: &out)
                }
            }
        }
    }
    return out
}

/// A handler that gives back every message.
func echoing(_ configuration: WebSocketConfiguration = roomy()) -> Answer {
    Answer { _ in
        .webSocket(
            WebSocketUpgrade(configuration: configuration) { socket in
                for try await message in socket.messages { try await socket.send(message) }
            })
    }
}

let upgradeRequest =
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

extension RawClient {
    /// Shakes hands; the head of the answer and what came behind it.
    func upgrade(_ fields: String = "") throws -> (head: String, rest: [UInt8]) {
        try send(upgradeRequest + fields + "\r\n")
        var all: [UInt8] = []
        while true {
            let more = receive()
            all += more
            if let end = all.indices.first(where: { all[$0...].starts(with: [13, 10, 13, 10]) }) {
                return (String(decoding: all[..<end], as: UTF8.self), Array(all[(end + 4)...]))
            }
            if more.isEmpty { return (String(decoding: all, as: UTF8.self), []) }
        }
    }

    /// Everything until the server closes.
    func receiveBytes() -> [UInt8] {
        var all: [UInt8] = []
        while true {
            let more = receive()
            if more.isEmpty { return all }
            all += more
        }
    }

    /// Frames until there are `count`.
    func frames(_ count: Int) -> [Heard] {
        var all: [UInt8] = []
        while true {
            if let frames = heard(all), frames.count >= count { return frames }
            let more = receive()
            if more.isEmpty { return heard(all) ?? [] }
            all += more
        }
    }
}
