/// The gzip coding of whole replies (RFC 1952).
package enum Gzip {
    /// Compresses all of `bytes`; the other tasks of the loop get their turn between pieces. Nil when zlib has no memory, or the task was
    /// cancelled: whoever waits for the reply has gone.
    package static func encode(_ bytes: [UInt8], level: Int = 4) async -> [UInt8]? {
        guard let stream = DeflateStream(level: level, windowBits: windowBits(for: bytes.count), .gzip) else { return nil }
        var out: [UInt8] = []
        out.reserveCapacity(min(stream.bound(bytes.count), bytes.count / 4 + 64))
        var start = 0
        while true {
            let end = min(bytes.count, start + ContentLimits.compressBytes)
            bytes.withUnsafeBufferPointer { all in
                stream.append(UnsafeBufferPointer(rebasing: all[start..<end]), to: &out, end == all.count ? .finish : .none)
            }
            if end == bytes.count { return out }
            start = end
            await Task.yield()
            if Task.isCancelled { return nil }
        }
    }

    /// The smallest window that holds everything: a small one costs little memory and time to set up.
    private static func windowBits(for count: Int) -> Int {
        var bits = 9
        while bits < 15 && 1 << bits < count { bits += 1 }
        return bits
    }
}
