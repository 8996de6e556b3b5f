/// Appends fixed-width little-endian integers and length-counted bytes to a buffer.
package struct ByteWriter: Sendable {
    /// What has been written so far.
    package private(set) var bytes: [UInt8]

    /// Starts an empty buffer with room for `capacity` bytes.
    package init(capacity: Int = 64) {
        bytes = []
        bytes.reserveCapacity(capacity)
    }

    /// Appends an integer, least significant byte first.
    package mutating func write<T: FixedWidthInteger>(_ value: T) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    /// Appends raw bytes without a length.
    package mutating func write(contentsOf source: some Collection<UInt8>) {
        bytes.append(contentsOf: source)
    }

    /// Appends a `u32` length and the UTF-8 bytes of `text`.
    package mutating func write(counted text: String) {
        write(UInt32(text.utf8.count))
        bytes.append(contentsOf: text.utf8)
    }

    /// Appends a `u32` length and `source`.
    package mutating func write(counted source: [UInt8]) {
        write(UInt32(source.count))
        bytes.append(contentsOf: source)
    }
}

/// A payload that does not have the layout its type promises.
package struct MalformedPayload: Error, Sendable, Equatable {
    /// What was being read when the bytes ran out or made no sense.
    package let what: String

    /// Names the member that could not be read.
    package init(_ what: String) { self.what = what }
}

/// Reads what `ByteWriter` wrote; every read is checked against what is left.
package struct ByteReader {
    private let bytes: ArraySlice<UInt8>
    private var position: Int

    /// Reads from the start of `bytes`.
    package init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        position = bytes.startIndex
    }

    /// Reads from the start of `bytes`.
    package init(_ bytes: [UInt8]) { self.init(bytes[...]) }

    /// Bytes not yet read.
    package var remaining: Int { bytes.endIndex - position }

    /// Reads a little-endian integer.
    /// - Throws: `MalformedPayload` naming `what` if too few bytes are left.
    package mutating func read<T: FixedWidthInteger>(_ what: String) throws(MalformedPayload) -> T {
        let size = MemoryLayout<T>.size
        guard remaining >= size else { throw MalformedPayload(what) }
        var value: T = 0
        for offset in stride(from: size - 1, through: 0, by: -1) {
            value = (size == 1 ? 0 : value << 8) | T(truncatingIfNeeded: bytes[position + offset])
        }
        position += size
        return value
    }

    /// Reads a byte that is 0 or 1; any other means that the sender does not speak this protocol.
    /// - Throws: `MalformedPayload` naming `what`.
    package mutating func readFlag(_ what: String) throws(MalformedPayload) -> Bool {
        let flag: UInt8 = try read(what)
        guard flag <= 1 else { throw MalformedPayload(what) }
        return flag == 1
    }

    /// Reads a `u16` that must be zero.
    /// - Throws: `MalformedPayload` naming `what`.
    package mutating func readZero(_ what: String) throws(MalformedPayload) {
        let value: UInt16 = try read(what)
        guard value == 0 else { throw MalformedPayload(what) }
    }

    /// Reads `count` bytes.
    /// - Throws: `MalformedPayload` naming `what` if fewer are left.
    package mutating func read(count: Int, _ what: String) throws(MalformedPayload) -> ArraySlice<UInt8> {
        guard count >= 0, remaining >= count else { throw MalformedPayload(what) }
        defer { position += count }
        return bytes[position..<(position + count)]
    }

    /// Reads all that is left.
    package mutating func rest() -> ArraySlice<UInt8> {
        defer { position = bytes.endIndex }
        return bytes[position...]
    }

    /// Reads a `u32`-counted byte string.
    /// - Throws: `MalformedPayload` naming `what`.
    package mutating func readCounted(_ what: String) throws(MalformedPayload) -> ArraySlice<UInt8> {
        let count: UInt32 = try read(what)
        return try read(count: Int(count), what)
    }

    /// Reads a `u32`-counted string that must be UTF-8.
    /// - Throws: `MalformedPayload` naming `what`.
    package mutating func readText(_ what: String) throws(MalformedPayload) -> String {
        try Self.text(readCounted(what), what)
    }

    /// Decodes UTF-8 strictly.
    /// - Throws: `MalformedPayload` naming `what` when the bytes are not UTF-8.
    package static func text(_ bytes: ArraySlice<UInt8>, _ what: String) throws(MalformedPayload) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else { throw MalformedPayload(what) }
        return text
    }

    /// Checks that nothing follows.
    /// - Throws: `MalformedPayload` when bytes are left over.
    package func finish() throws(MalformedPayload) {
        guard remaining == 0 else { throw MalformedPayload("trailing bytes") }
    }
}
