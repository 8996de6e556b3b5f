import CZlib

/// One stream of zlib's inflate: what permessage-deflate and the content codings share.
final class InflateStream {
    /// What stands around the compressed data.
    enum Wrapping: Sendable { case none, gzip, zlib }

    /// How a step ended.
    enum State: Sendable {
        /// It goes on: with more input, or with more room if all of it was filled.
        case going
        /// The stream's end was read, check value included.
        case ended
        case invalid
    }

    // SAFETY: `stream` is allocated once, because zlib keeps its address, and freed in deinit.
    private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)

    /// Nil when zlib has no memory.
    init?(windowBits: Int, _ wrapping: Wrapping) {
        stream.initialize(to: z_stream())
        let bits =
            switch wrapping {
            case .none: -max(9, windowBits)
            case .gzip: windowBits + 16
            case .zlib: windowBits
            }
        if inflateInit2_(stream, Int32(bits), zlibVersion(), Int32(MemoryLayout<z_stream>.size)) != Z_OK { return nil }
    }

    deinit {
        // Fails only for a stream that never was.
        inflateEnd(stream)
        stream.deallocate()
    }

    /// Decompresses what fits; says how much was read, and how much was written.
    func step(
        _ input: UnsafeBufferPointer<UInt8>, into buffer: UnsafeMutableBufferPointer<UInt8>
    ) -> (read: Int, written: Int, state: State) {
        // zlib only reads what it is given here; its header has no const.
        stream.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
        stream.pointee.avail_in = UInt32(input.count)
        stream.pointee.next_out = buffer.baseAddress
        stream.pointee.avail_out = UInt32(buffer.count)
        let result = inflate(stream, Z_SYNC_FLUSH)
        stream.pointee.next_in = nil
        let (read, written) = (input.count - Int(stream.pointee.avail_in), buffer.count - Int(stream.pointee.avail_out))
        switch result {
        // A buffer error says that nothing was left to do.
        case Z_OK, Z_BUF_ERROR: return (read, written, .going)
        case Z_STREAM_END: return (read, written, .ended)
        default: return (read, written, .invalid)
        }
    }

    /// Begins anew behind an end.
    func restart() -> Bool { inflateReset(stream) == Z_OK }

    /// Begins anew behind an end, with the same window.
    func restartKeepingWindow() -> Bool {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 32_768) { window in
            var count: UInt32 = 0
            guard inflateGetDictionary(stream, window.baseAddress, &count) == Z_OK, inflateReset(stream) == Z_OK else { return false }
            return count == 0 || inflateSetDictionary(stream, window.baseAddress, count) == Z_OK
        }
    }
}
