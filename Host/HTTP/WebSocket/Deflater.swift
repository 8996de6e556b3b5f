import CZlib

/// Compresses messages for permessage-deflate (RFC 7692, 7.2.1) with zlib.
final class Deflater {
    // SAFETY: `stream` is allocated once, because zlib keeps its address, and freed in deinit.
    private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)

    /// Nil when zlib has no memory.
    init?(level: Int, windowBits: Int) {
        stream.initialize(to: z_stream())
        let memory = min(8, max(1, windowBits - 7))
        let result = deflateInit2_(
            stream, Int32(level), Z_DEFLATED, Int32(-windowBits), Int32(memory), Z_DEFAULT_STRATEGY, zlibVersion(),
            Int32(MemoryLayout<z_stream>.size))
        if result != Z_OK { return nil }
    }

    deinit {
        // Says only whether a stream was cut off, which is what this is for.
        deflateEnd(stream)
        stream.deallocate()
    }

    /// `bytes` as one compressed message, without the four bytes that end a flush; `bytes` is not empty.
    func compress(_ bytes: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(Int(deflateBound(stream, UInt(bytes.count))) + 16)
        var input = bytes
        input.withUnsafeMutableBufferPointer { input in
            stream.pointee.next_in = input.baseAddress
            stream.pointee.avail_in = UInt32(input.count)
            withUnsafeTemporaryAllocation(of: UInt8.self, capacity: WebSocketLimits.inflateBytes) { buffer in
                repeat {
                    stream.pointee.next_out = buffer.baseAddress
                    stream.pointee.avail_out = UInt32(buffer.count)
                    let result = deflate(stream, Z_SYNC_FLUSH)
                    assert(result == Z_OK || result == Z_BUF_ERROR)
                    out.append(contentsOf: buffer[..<(buffer.count - Int(stream.pointee.avail_out))])
                } while stream.pointee.avail_out == 0
            }
        }
        assert(out.suffix(4) == [0, 0, 0xff, 0xff], "a flush ends with an empty block")
        out.removeLast(4)
        return out
    }
}
