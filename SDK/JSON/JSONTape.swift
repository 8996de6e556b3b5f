import Glibc

/// What a node of a tape is.
package enum JSONKind: UInt8, Sendable {
    case null, `false`, `true`, number, string, key, array, object
}

/// One entry of a tape, 16 bytes: a scalar, a key, or a container that is followed by its contents in document order.
package struct JSONNode: Sendable {
    /// Strings and keys: where the decoded bytes start, in the source or (`isEscaped`) in the side buffer. Else: where the source text starts.
    package var offset: UInt32
    /// Strings, keys: decoded bytes. Numbers: bytes of the literal. Containers: elements or members. Else 0.
    package var length: UInt32
    /// Strings: Unicode scalars. Keys: the hash. Small numbers: the mantissa. Containers: the index just past the last node inside.
    package var extra: UInt32
    /// Small numbers: the power of ten.
    package var scale: Int16
    /// What the node is.
    package var kind: JSONKind
    /// See the constants below.
    package var flags: UInt8

    /// A string or key whose bytes are in the side buffer because it was written with escapes.
    package static let escaped: UInt8 = 1
    /// A number whose value is `extra * 10^scale`.
    package static let small: UInt8 = 2
    /// A small number below zero.
    package static let negative: UInt8 = 4

    /// A lone `null`.
    package static let null = JSONNode(offset: 0, length: 0, extra: 0, scale: 0, kind: .null, flags: 0)

    /// Whether the node is an array or an object.
    @inlinable package var isContainer: Bool {
        switch kind {
        case .array, .object: true
        default: false
        }
    }

    /// Whether the node is an object.
    @inlinable package var isObject: Bool { if case .object = kind { true } else { false } }

    /// Whether the node is a number.
    @inlinable package var isNumber: Bool { if case .number = kind { true } else { false } }

    /// Whether the node is a key.
    @inlinable package var isKey: Bool { if case .key = kind { true } else { false } }

    /// Whether the node is a string or a key.
    @inlinable package var isText: Bool {
        switch kind {
        case .string, .key: true
        default: false
        }
    }

    /// Whether the bytes are in the side buffer.
    @inlinable package var isEscaped: Bool { flags & 1 != 0 }
    /// Whether mantissa and scale are in the node.
    @inlinable package var isSmall: Bool { flags & 2 != 0 }
    /// Whether a small number is below zero.
    @inlinable package var isNegative: Bool { flags & 4 != 0 }
}

/// The nodes of one document and the bytes they point into.
///
/// SAFETY: everything is written before the initialiser returns and only read from then on; `deinit` frees what only this object owns.
package final class JSONTape: @unchecked Sendable {
    package let source: [UInt8]
    package let side: [UInt8]
    package let nodes: UnsafeBufferPointer<JSONNode>

    /// Takes over `nodes`, which must have been allocated with `allocate`.
    init(source: [UInt8], side: [UInt8], owning nodes: UnsafeBufferPointer<JSONNode>) {
        self.source = source
        self.side = side
        self.nodes = nodes
    }

    deinit { nodes.deallocate() }

    /// The index just past the node and what it contains.
    package func next(after index: Int) -> Int {
        let node = nodes[index]
        return node.isContainer ? Int(node.extra) : index + 1
    }

    /// Calls `body` with the decoded bytes of a string or key, or the literal of a number.
    package func withBytes<R>(of node: JSONNode, _ body: (UnsafeBufferPointer<UInt8>) -> R) -> R {
        (node.isEscaped ? side : source).withUnsafeBufferPointer { bytes in
            body(UnsafeBufferPointer(rebasing: bytes[Int(node.offset)..<Int(node.offset) + Int(node.length)]))
        }
    }

    /// The decoded text of a string or key, or the literal of a number.
    package func text(of node: JSONNode) -> String { withBytes(of: node) { String(decoding: $0, as: UTF8.self) } }
}

/// Hashes the bytes of object keys with a secret of this process, so that keys cannot be chosen to collide.
package struct JSONKeyHash: Sendable {
    private static let secret: UInt64 = {
        var generator = SystemRandomNumberGenerator()
        return generator.next() | 1
    }()

    @usableFromInline let seed: UInt64

    /// Makes the hash of this process; every instance gives the same results.
    package init() { seed = JSONKeyHash.secret }

    /// The hash of `count` bytes at `bytes`, all of which must be readable.
    @inlinable @inline(__always)
    package func callAsFunction(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> UInt32 {
        // SAFETY: every load below stays within bytes[0..<count].
        let raw = UnsafeRawPointer(bytes)
        var state = seed &+ UInt64(truncatingIfNeeded: count) &* 0x9e37_79b9_7f4a_7c15
        if count >= 8 {
            var offset = 0
            while offset &+ 8 < count {
                state = JSONKeyHash.mix(state, raw.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
                offset &+= 8
            }
            state = JSONKeyHash.mix(state, raw.loadUnaligned(fromByteOffset: count &- 8, as: UInt64.self))
        } else if count >= 4 {
            let low = UInt64(raw.loadUnaligned(as: UInt32.self))
            let high = UInt64(raw.loadUnaligned(fromByteOffset: count &- 4, as: UInt32.self))
            state = JSONKeyHash.mix(state, low | high << 32)
        } else if count > 0 {
            state = JSONKeyHash.mix(state, UInt64(bytes[0]) | UInt64(bytes[count >> 1]) << 8 | UInt64(bytes[count &- 1]) << 16)
        }
        return UInt32(truncatingIfNeeded: state ^ state >> 32)
    }

    @inlinable @inline(__always)
    static func mix(_ state: UInt64, _ word: UInt64) -> UInt64 {
        let product = (state ^ word).multipliedFullWidth(by: 0xa076_1d64_78bd_642f)
        return product.high ^ product.low ^ state &* 0xe703_7ed1_a0b4_28db
    }
}
