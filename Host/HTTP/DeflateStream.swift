import CZlib

/// One stream of zlib's deflate: what permessage-deflate and gzip share.
final class DeflateStream {
    /// What stands around the compressed data.
    enum Wrapping: Sendable { case none, gzip }

    /// How far a call goes.
    enum Flush: Sendable {
        /// zlib keeps back what it likes.
        case none
        /// All that was given comes out, and an empty block behind it.
        case sync
        /// The stream ends.
        case finish

        fileprivate var code: Int32 {
            switch self {
            case .none: Z_NO_FLUSH
            case .sync: Z_SYNC_FLUSH
            case .finish: Z_FINISH
            }
        }
    }

    // SAFETY: `stream` is allocated once, because zlib keeps its address, and freed in deinit.
    private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)

    /// Nil when zlib has no memory. A stream holds some 6 * 2 ^ `windowBits` bytes, so short content wants a small window.
    init?(level: Int, windowBits: Int, _ wrapping: Wrapping) {
        stream.initialize(to: z_stream())
        let memory = min(8, max(1, windowBits - 7))
        let bits = wrapping == .gzip ? windowBits + 16 : -windowBits
        let result = deflateInit2_(
            stream, Int32(level), Z_DEFLATED, Int32(bits), Int32(memory), Z_DEFAULT_STRATEGY, zlibVersion(), Int32(MemoryLayout<z_stream>.size))
        if result != Z_OK { return nil }
    }

    deinit {
        // Says only whether a stream was cut off, which is what this is for.
        deflateEnd(stream)
        stream.deallocate()
    }

    /// Bytes that so many can become at most, in one call that flushes.
    func bound(_ count: Int) -> Int { Int(deflateBound(stream, UInt(count))) + 16 }

    /// Compresses `bytes` and appends what comes out.
    func append(_ bytes: UnsafeBufferPointer<UInt8>, to out: inout [UInt8], _ flush: Flush) {
        // zlib only reads what it is given here; its header has no const.
        stream.pointee.next_in = UnsafeMutablePointer(mutating: bytes.baseAddress)
        stream.pointee.avail_in = UInt32(bytes.count)
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: ContentLimits.deflateBytes) { buffer in
            repeat {
                stream.pointee.next_out = buffer.baseAddress
                stream.pointee.avail_out = UInt32(buffer.count)
                let result = deflate(stream, flush.code)
                assert(result == Z_OK || result == Z_BUF_ERROR || result == Z_STREAM_END)
                out.append(contentsOf: buffer[..<(buffer.count - Int(stream.pointee.avail_out))])
            } while stream.pointee.avail_out == 0
        }
        stream.pointee.next_in = nil
    }
}
