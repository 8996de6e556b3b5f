/// Bytes that came before the parser could take them.
struct InputBuffer: Sendable {
    private var bytes: [UInt8] = []
    private var start = 0

    var isEmpty: Bool { start == bytes.count }
    var count: Int { bytes.count - start }

    mutating func append(_ more: UnsafeRawBufferPointer) {
        compact()
        bytes.append(contentsOf: more)
    }

    /// Drops the first `count` bytes.
    mutating func take(_ count: Int) {
        start += count
        if start == bytes.count {
            // A large buffer is not kept for an idle client.
            if bytes.capacity > 4096 { bytes = [] } else { bytes.removeAll(keepingCapacity: true) }
            start = 0
        }
    }

    func withBytes<T>(_ body: (UnsafeBufferPointer<UInt8>) -> T) -> T {
        bytes.withUnsafeBufferPointer { body(UnsafeBufferPointer(rebasing: $0[start...])) }
    }

    private mutating func compact() {
        if start == 0 { return }
        bytes.removeFirst(start)
        start = 0
    }
}
