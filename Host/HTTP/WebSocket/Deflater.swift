/// Compresses messages for permessage-deflate (RFC 7692, 7.2.1).
final class Deflater {
    private let stream: DeflateStream

    /// Nil when zlib has no memory.
    init?(level: Int, windowBits: Int) {
        guard let stream = DeflateStream(level: level, windowBits: windowBits, .none) else { return nil }
        self.stream = stream
    }

    /// `bytes` as one compressed message, without the four bytes that end a flush; `bytes` is not empty.
    func compress(_ bytes: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(stream.bound(bytes.count))
        bytes.withUnsafeBufferPointer { stream.append($0, to: &out, .sync) }
        assert(out.suffix(4) == [0, 0, 0xff, 0xff], "a flush ends with an empty block")
        out.removeLast(4)
        return out
    }
}
