import Glibc

/// Reads one JSON text into a tape: a loop over bytes with a stack of its own, so depth costs no call stack.
struct JSONTapeParser {
    /// An open container.
    struct Frame {
        /// The container's node.
        var node: Int
        /// One bit for every key hash seen so far; a clear bit proves a new key.
        var seenKeys: UInt64
        /// Whether two keys fell on one bit.
        var mayRepeat: Bool
    }

    let bytes: UnsafeBufferPointer<UInt8>
    let base: UnsafePointer<UInt8>
    let count: Int
    let limits: JSONLimits
    let hash = JSONKeyHash()
    /// The next byte to read.
    var at = 0
    /// The tape so far; grown by `append`.
    var nodes: UnsafeMutablePointer<JSONNode>
    var nodeCount = 0
    var nodeCapacity: Int
    /// Decoded bytes of strings that were written with escapes.
    var side: [UInt8] = []
    /// Whether an object repeated a key and the limits let it.
    var hasRepeatedKeys = false

    /// Prepares to read; `bytes` must stay valid and its base not nil.
    init(_ bytes: UnsafeBufferPointer<UInt8>, base: UnsafePointer<UInt8>, limits: JSONLimits) {
        self.bytes = bytes
        self.base = base
        self.limits = limits
        count = bytes.count
        nodeCapacity = count / 6 + 16
        nodes = .allocate(capacity: nodeCapacity)
    }

    @inline(__always)
    mutating func append(_ node: JSONNode) {
        if nodeCount == nodeCapacity { grow() }
        // SAFETY: nodeCount < nodeCapacity, and the memory is ours.
        (nodes + nodeCount).initialize(to: node)
        nodeCount &+= 1
    }

    @inline(never)
    private mutating func grow() {
        let larger = UnsafeMutablePointer<JSONNode>.allocate(capacity: nodeCapacity * 2)
        larger.moveInitialize(from: nodes, count: nodeCount)
        nodes.deallocate()
        nodes = larger
        nodeCapacity *= 2
    }

    @inline(__always)
    mutating func skipSpace() {
        while at < count {
            let byte = base[at]
            guard byte <= 0x20, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 else { return }
            at &+= 1
        }
    }

    @inline(never)
    func fault(_ code: JSONError.Code, at offset: Int, _ message: String) -> JSONError { JSONError(code, at: offset, message) }

    @inline(never)
    func unexpected(_ wanted: String) -> JSONError {
        guard at < count else { return fault(.unexpectedEnd, at: count, "the text ends where \(wanted) should stand") }
        return fault(.unexpectedByte, at: at, "\(JSONTapeParser.name(of: base[at])) stands where \(wanted) should")
    }

    private static func name(of byte: UInt8) -> String {
        if byte > 0x20 && byte < 0x7f { return "'\(Character(Unicode.Scalar(byte)))'" }
        return "byte 0x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }

    /// Reads the whole text.
    mutating func parse() throws(JSONError) {
        let depthMax = max(0, min(limits.depthMax, JSONLimits.depthCeiling))
        let frames = UnsafeMutableBufferPointer<Frame>.allocate(capacity: depthMax + 1)
        defer { frames.deallocate() }
        var depth = 0
        skipSpace()
        value: while true {
            guard at < count else { throw unexpected("a value") }
            let byte = base[at]
            if byte == UInt8(ascii: "\"") {
                try readString(isKey: false)
            } else if byte == UInt8(ascii: "{") || byte == UInt8(ascii: "[") {
                guard depth < depthMax else { throw fault(.tooDeep, at: at, "more than \(depthMax) containers are open") }
                let isObject = byte == UInt8(ascii: "{")
                // SAFETY: depth < depthMax < frames.count.
                frames[depth] = Frame(node: nodeCount, seenKeys: 0, mayRepeat: false)
                depth &+= 1
                append(
                    JSONNode(
                        offset: UInt32(truncatingIfNeeded: at), length: 0, extra: 0, scale: 0, kind: isObject ? .object : .array, flags: 0))
                at &+= 1
                skipSpace()
                if at < count, base[at] == (isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) {
                    // An empty container: fall through to the closing below.
                } else {
                    if isObject { try readKey(&frames[depth &- 1]) }
                    continue value
                }
            } else {
                try readScalar(byte)
            }
            // After a value, or inside an empty container.
            while true {
                guard depth > 0 else { break value }
                if at < count, base[at] <= 0x20 { skipSpace() }
                guard at < count else { throw unexpected("',' or the end of a container") }
                let frame = frames[depth &- 1]
                let isObject = nodes[frame.node].kind == .object
                let next = base[at]
                if next == UInt8(ascii: ",") {
                    at &+= 1
                    nodes[frame.node].length &+= 1
                    if at < count, base[at] <= 0x20 { skipSpace() }
                    if isObject { try readKey(&frames[depth &- 1]) }
                    continue value
                }
                guard next == (isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) else {
                    throw unexpected(isObject ? "',' or '}'" : "',' or ']'")
                }
                at &+= 1
                if nodeCount > frame.node &+ 1 { nodes[frame.node].length &+= 1 }
                nodes[frame.node].extra = UInt32(truncatingIfNeeded: nodeCount)
                if frame.mayRepeat { try checkKeys(of: frame.node) }
                depth &-= 1
            }
        }
        skipSpace()
        guard at == count else { throw fault(.trailingBytes, at: at, "something follows the value") }
    }

    @inline(__always)
    private mutating func readKey(_ frame: inout Frame) throws(JSONError) {
        guard at < count, base[at] == UInt8(ascii: "\"") else { throw unexpected("a key") }
        try readString(isKey: true)
        let bit = 1 as UInt64 &<< UInt64(nodes[nodeCount &- 1].extra & 63)
        if frame.seenKeys & bit != 0 { frame.mayRepeat = true }
        frame.seenKeys |= bit
        if at < count, base[at] <= 0x20 { skipSpace() }
        guard at < count, base[at] == UInt8(ascii: ":") else { throw unexpected("':'") }
        at &+= 1
        if at < count, base[at] <= 0x20 { skipSpace() }
    }

    @inline(__always)
    private mutating func readScalar(_ first: UInt8) throws(JSONError) {
        switch first {
        case UInt8(ascii: "t"): try readWord("true", .true)
        case UInt8(ascii: "f"): try readWord("false", .false)
        case UInt8(ascii: "n"): try readWord("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): try readNumber()
        default: throw unexpected("a value")
        }
    }

    private mutating func readWord(_ word: StaticString, _ kind: JSONKind) throws(JSONError) {
        let start = at
        for index in 0..<word.utf8CodeUnitCount {
            guard at < count, base[at] == word.utf8Start[index] else { throw unexpected("the rest of '\(word)'") }
            at &+= 1
        }
        append(JSONNode(offset: UInt32(truncatingIfNeeded: start), length: 0, extra: 0, scale: 0, kind: kind, flags: 0))
    }

    @inline(__always)
    private mutating func readNumber() throws(JSONError) {
        let scan = NumberScan(bytes, at: at, limits: limits)
        if let problem = scan.fault { throw numberFault(problem, at: scan.end) }
        var node = JSONNode(
            offset: UInt32(truncatingIfNeeded: at), length: UInt32(truncatingIfNeeded: scan.end &- at), extra: 0, scale: 0, kind: .number,
            flags: 0)
        if scan.digitCount <= 19, scan.mantissa <= UInt64(UInt32.max), let scale = Int16(exactly: scan.scale) {
            node.extra = UInt32(truncatingIfNeeded: scan.mantissa)
            node.scale = scale
            node.flags = scan.isNegative && scan.mantissa != 0 ? JSONNode.small | JSONNode.negative : JSONNode.small
        }
        at = scan.end
        append(node)
    }

    private func numberFault(_ problem: NumberScan.Fault, at offset: Int) -> JSONError {
        switch problem {
        case .end: fault(.unexpectedEnd, at: offset, "the text ends inside a number")
        case .byte: fault(.invalidNumber, at: offset, "a number breaks off where a digit should stand")
        case .tooLong: fault(.numberTooLong, at: offset, "a number or its exponent has too many digits")
        }
    }
}
