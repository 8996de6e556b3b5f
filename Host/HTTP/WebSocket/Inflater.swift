/// Decompresses messages of permessage-deflate (RFC 7692, 7.2.2) with zlib, never past a limit.
final class Inflater {
    /// Why it stopped.
    enum Fault: Error { case invalid, tooBig }

    private let stream: InflateStream
    /// Ends of a stream within this message.
    private var ends = 0

    /// Nil when zlib has no memory.
    init?(windowBits: Int) {
        guard let stream = InflateStream(windowBits: windowBits, .none) else { return nil }
        self.stream = stream
    }

    /// Ends a message: the four bytes that its sender left out.
    func finish(_ out: inout [UInt8], bytesMax: Int) throws(Fault) {
        let tail: [UInt8] = [0, 0, 0xff, 0xff]
        try append(tail, &out, bytesMax: bytesMax)
        ends = 0
    }

    /// Appends what `bytes` decompress to; stops when `out` would have more than `bytesMax`, so that a bomb costs no more than that.
    func append(_ bytes: [UInt8], _ out: inout [UInt8], bytesMax: Int) throws(Fault) {
        let fault = bytes.withUnsafeBufferPointer { input in
            withUnsafeTemporaryAllocation(of: UInt8.self, capacity: WebSocketLimits.inflateBytes) { run(input, $0, &out, bytesMax) }
        }
        if let fault { throw fault }
    }

    private func run(
        _ bytes: UnsafeBufferPointer<UInt8>, _ buffer: UnsafeMutableBufferPointer<UInt8>, _ out: inout [UInt8], _ bytesMax: Int
    ) -> Fault? {
        var input = bytes
        while true {
            let step = stream.step(input, into: buffer)
            input = UnsafeBufferPointer(rebasing: input[step.read...])
            let room = bytesMax - out.count
            out.append(contentsOf: buffer[..<min(step.written, room)])
            if step.written > room { return .tooBig }
            switch step.state {
            case .going where step.written == buffer.count: continue
            case .going: return nil
            case .ended:
                if !begin() { return .invalid }
                if input.isEmpty { return nil }
            case .invalid: return .invalid
            }
        }
    }

    /// Goes on after a block with BFINAL (RFC 7692, 7.2.3.4) with the same window.
    private func begin() -> Bool {
        ends += 1
        return ends <= WebSocketLimits.deflateEndsMax && stream.restartKeepingWindow()
    }
}
