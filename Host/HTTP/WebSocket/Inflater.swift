import CZlib

/// Decompresses messages of permessage-deflate (RFC 7692, 7.2.2) with zlib, never past a limit.
final class Inflater {
    /// Why it stopped.
    enum Fault: Error { case invalid, tooBig }

    // SAFETY: `stream` is allocated once, because zlib keeps its address, and freed in deinit.
    private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    /// Ends of a stream within this message.
    private var ends = 0

    /// Nil when zlib has no memory.
    init?(windowBits: Int) {
        stream.initialize(to: z_stream())
        let result = inflateInit2_(stream, Int32(-max(9, windowBits)), zlibVersion(), Int32(MemoryLayout<z_stream>.size))
        if result != Z_OK { return nil }
    }

    deinit {
        // Fails only for a stream that never was.
        inflateEnd(stream)
        stream.deallocate()
    }

    /// Ends a message: the four bytes that its sender left out.
    func finish(_ out: inout [UInt8], bytesMax: Int) throws(Fault) {
        let tail: [UInt8] = [0, 0, 0xff, 0xff]
        try append(tail, &out, bytesMax: bytesMax)
        ends = 0
    }

    /// Appends what `bytes` decompress to; stops when `out` would have more than `bytesMax`, so that a bomb costs no more than that.
    func append(_ bytes: [UInt8], _ out: inout [UInt8], bytesMax: Int) throws(Fault) {
        var input = bytes
        let fault = input.withUnsafeMutableBufferPointer { input in
            stream.pointee.next_in = input.baseAddress
            stream.pointee.avail_in = UInt32(input.count)
            return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: WebSocketLimits.inflateBytes) { run($0, &out, bytesMax) }
        }
        stream.pointee.next_in = nil
        if let fault { throw fault }
    }

    private func run(_ buffer: UnsafeMutableBufferPointer<UInt8>, _ out: inout [UInt8], _ bytesMax: Int) -> Fault? {
        while true {
            stream.pointee.next_out = buffer.baseAddress
            stream.pointee.avail_out = UInt32(buffer.count)
            let result = inflate(stream, Z_SYNC_FLUSH)
            let count = buffer.count - Int(stream.pointee.avail_out)
            let room = bytesMax - out.count
            out.append(contentsOf: buffer[..<min(count, room)])
            if count > room { return .tooBig }
            switch result {
            case Z_OK where stream.pointee.avail_out == 0: continue
            // Nothing was left to do.
            case Z_OK, Z_BUF_ERROR: return nil
            case Z_STREAM_END:
                if !begin() { return .invalid }
                if stream.pointee.avail_in == 0 { return nil }
            default: return .invalid
            }
        }
    }

    /// Goes on after a block with BFINAL (RFC 7692, 7.2.3.4) with the same window.
    private func begin() -> Bool {
        ends += 1
        if ends > WebSocketLimits.deflateEndsMax { return false }
        return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 32_768) { window in
            var count: UInt32 = 0
            guard inflateGetDictionary(stream, window.baseAddress, &count) == Z_OK, inflateReset(stream) == Z_OK else { return false }
            return count == 0 || inflateSetDictionary(stream, window.baseAddress, count) == Z_OK
        }
    }
}
