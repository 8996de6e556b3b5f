import Glibc
import JSON

/// A tape's memory without its owner, for loops that must not count references.
///
/// SAFETY: whoever makes a view keeps the tape alive while the view is used.
struct TapeView {
    let nodes: UnsafePointer<JSONNode>
    let source: UnsafePointer<UInt8>
    let side: UnsafePointer<UInt8>
    let hash = JSONKeyHash()

    /// Looks into `tape`, which always has a node and source bytes; arrays keep their address while nobody changes them.
    init(_ tape: JSONTape) {
        let empty = TapeView.empty
        nodes = tape.nodes.baseAddress ?? TapeView.noNodes
        source = tape.source.withUnsafeBufferPointer { $0.baseAddress } ?? empty
        side = tape.side.withUnsafeBufferPointer { $0.baseAddress } ?? empty
    }

    /// SAFETY: one byte that is written once, before anyone can read it.
    nonisolated(unsafe) private static let empty: UnsafePointer<UInt8> = {
        let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: 8)
        memory.initialize(repeating: 0, count: 8)
        return UnsafePointer(memory)
    }()

    /// SAFETY: one node that is written once, before anyone can read it.
    nonisolated(unsafe) private static let noNodes: UnsafePointer<JSONNode> = {
        let memory = UnsafeMutablePointer<JSONNode>.allocate(capacity: 1)
        memory.initialize(to: .null)
        return UnsafePointer(memory)
    }()

    @inline(__always)
    func bytes(_ node: JSONNode) -> UnsafePointer<UInt8> { (node.isEscaped ? side : source) + Int(node.offset) }

    @inline(__always)
    func next(after index: Int) -> Int {
        let node = nodes[index]
        return node.isContainer ? Int(node.extra) : index &+ 1
    }

    func text(_ index: Int) -> String {
        String(decoding: UnsafeBufferPointer(start: bytes(nodes[index]), count: Int(nodes[index].length)), as: UTF8.self)
    }

    /// The number at `index`, exactly.
    func decimal(_ index: Int) -> JSONDecimal {
        JSONDecimal(UnsafeBufferPointer(start: bytes(nodes[index]), count: Int(nodes[index].length)))
    }

    /// Whether the number at `index` has no fractional part.
    @inline(__always)
    func isInteger(_ index: Int) -> Bool {
        let node = nodes[index]
        if node.isSmall, node.scale >= 0 || node.extra == 0 { return true }
        return decimal(index).isInteger
    }

    /// The number of Unicode scalars of a key, whose node holds a hash in that place.
    func scalarCount(_ node: JSONNode) -> UInt32 {
        var count: UInt32 = 0
        for index in 0..<Int(node.length) where bytes(node)[index] & 0xc0 != 0x80 { count += 1 }
        return count
    }

    /// The key of that name in the object at `object`, or nil.
    func member(of object: Int, hash: UInt32, _ bytes: UnsafePointer<UInt8>, _ length: UInt32) -> Int? {
        let end = Int(nodes[object].extra)
        var key = object + 1
        while key < end {
            let node = nodes[key]
            if node.extra == hash, node.length == length, isSameMemory(self.bytes(node), bytes, Int(length)) { return key }
            key = next(after: key + 1)
        }
        return nil
    }

    func typeName(_ index: Int) -> String {
        switch nodes[index].kind {
        case .null: "null"
        case .true, .false: "boolean"
        case .number: isInteger(index) ? "integer" : "number"
        case .string, .key: "string"
        case .array: "array"
        case .object: "object"
        }
    }

    /// The JSON Pointer to a node, found by descending from the root; a key's pointer is that of its member.
    func pointer(to target: Int) -> String {
        var pointer = "", container = 0
        descend: while container != target {
            let node = nodes[container]
            var child = container + 1, place = 0
            while child < Int(node.extra) {
                let key = child
                if node.isObject { child += 1 }
                let end = next(after: child)
                if target < end {
                    pointer += "/" + (node.isObject ? JSONPointer.escape(text(key)) : String(place))
                    if target == key { return pointer }
                    container = child
                    continue descend
                }
                child = end
                place += 1
            }
            return pointer
        }
        return pointer
    }
}

/// Whether two runs of `count` bytes are the same; short runs, as keys are, without a call.
@inline(__always)
func isSameMemory(_ left: UnsafePointer<UInt8>, _ right: UnsafePointer<UInt8>, _ count: Int) -> Bool {
    // SAFETY: every load stays within the first `count` bytes of both runs.
    let a = UnsafeRawPointer(left), b = UnsafeRawPointer(right)
    func same<Word: FixedWidthInteger & BitwiseCopyable>(_ offset: Int, _ type: Word.Type) -> Bool {
        a.loadUnaligned(fromByteOffset: offset, as: type) == b.loadUnaligned(fromByteOffset: offset, as: type)
    }
    if count >= 8 {
        var offset = 0
        while offset &+ 8 < count {
            guard same(offset, UInt64.self) else { return false }
            offset &+= 8
        }
        return same(count &- 8, UInt64.self)
    }
    if count >= 4 { return same(0, UInt32.self) && same(count &- 4, UInt32.self) }
    for index in 0..<count where left[index] != right[index] { return false }
    return true
}
