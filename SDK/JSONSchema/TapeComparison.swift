import Glibc
import JSON

/// Compares nodes of tapes as JSON values, within a budget of steps.
struct TapeComparison {
    private static let pairwiseMax = 8

    let left: TapeView
    let right: TapeView
    /// Nodes that may still be looked at; nothing is equal once they are used up.
    var stepsLeft: Int

    /// Whether the node `a` of the left tape and `b` of the right one are the same value; depth is bounded by that of documents.
    mutating func isEqual(_ a: Int, _ b: Int) -> Bool {
        stepsLeft -= 1
        guard stepsLeft > 0 else { return false }
        let x = left.nodes[a], y = right.nodes[b]
        switch (x.kind, y.kind) {
        case (.null, .null), (.true, .true), (.false, .false): return true
        case (.number, .number): return isEqualNumber(a, b)
        case (.string, .string), (.key, .string), (.string, .key):
            return x.length == y.length && isSameMemory(left.bytes(x), right.bytes(y), Int(x.length))
        case (.array, .array): return x.length == y.length && isEqualArray(a, b)
        case (.object, .object): return x.length == y.length && isEqualObject(a, b)
        default: return false
        }
    }

    private mutating func isEqualNumber(_ a: Int, _ b: Int) -> Bool {
        let x = left.nodes[a], y = right.nodes[b]
        if x.isSmall, y.isSmall, x.scale == y.scale { return x.extra == y.extra && x.isNegative == y.isNegative }
        stepsLeft -= Int(x.length + y.length) / 16
        return left.decimal(a) == right.decimal(b)
    }

    private mutating func isEqualArray(_ a: Int, _ b: Int) -> Bool {
        var x = a + 1, y = b + 1
        while x < Int(left.nodes[a].extra) {
            guard isEqual(x, y) else { return false }
            x = left.next(after: x)
            y = right.next(after: y)
        }
        return true
    }

    private mutating func isEqualObject(_ a: Int, _ b: Int) -> Bool {
        let count = Int(left.nodes[a].length)
        if count <= TapeComparison.pairwiseMax {
            var key = a + 1
            while key < Int(left.nodes[a].extra) {
                let node = left.nodes[key]
                guard let other = right.member(of: b, hash: node.extra, left.bytes(node), node.length), isEqual(key + 1, other + 1) else {
                    return false
                }
                key = left.next(after: key + 1)
            }
            return true
        }
        stepsLeft -= count * 4
        guard stepsLeft > 0 else { return false }
        for (x, y) in zip(TapeComparison.sortedKeys(left, a), TapeComparison.sortedKeys(right, b)) {
            let p = left.nodes[x], q = right.nodes[y]
            guard p.length == q.length, memcmp(left.bytes(p), right.bytes(q), Int(p.length)) == 0, isEqual(x + 1, y + 1) else { return false }
        }
        return true
    }

    /// The keys of an object ordered by hash, and by their bytes where hashes are equal.
    private static func sortedKeys(_ tape: TapeView, _ object: Int) -> [Int] {
        var keys: [Int] = []
        var key = object + 1
        while key < Int(tape.nodes[object].extra) {
            keys.append(key)
            key = tape.next(after: key + 1)
        }
        return keys.sorted { a, b in
            let x = tape.nodes[a], y = tape.nodes[b]
            if x.extra != y.extra { return x.extra < y.extra }
            if x.length != y.length { return x.length < y.length }
            return memcmp(tape.bytes(x), tape.bytes(y), Int(x.length)) < 0
        }
    }

    /// The first element that an earlier one equals, or nil; short arrays in pairs, long ones through a table of hashes.
    mutating func repeatedElement(of array: Int) -> Int? {
        let count = Int(left.nodes[array].length)
        guard count <= TapeComparison.pairwiseMax else { return repeatedByHash(array, count) }
        var later = left.next(after: array + 1)
        while later < Int(left.nodes[array].extra) {
            var earlier = array + 1
            while earlier < later {
                if isEqual(earlier, later) { return later }
                earlier = left.next(after: earlier)
            }
            later = left.next(after: later)
        }
        return nil
    }

    private mutating func repeatedByHash(_ array: Int, _ count: Int) -> Int? {
        var capacity = 16
        while capacity < count * 2 { capacity *= 2 }
        var table = [(element: Int, hash: Int)](repeating: (0, 0), count: capacity)
        var element = array + 1
        while element < Int(left.nodes[array].extra) {
            var hasher = Hasher()
            hash(element, into: &hasher)
            let code = hasher.finalize()
            guard stepsLeft > 0 else { return nil }
            var slot = code & (capacity - 1)
            while table[slot].element != 0 {
                if table[slot].hash == code, isEqual(table[slot].element, element) { return element }
                slot = (slot + 1) & (capacity - 1)
            }
            table[slot] = (element, code)
            element = left.next(after: element)
        }
        return nil
    }

    /// Feeds a node's value into `hasher`, equal values alike.
    private mutating func hash(_ index: Int, into hasher: inout Hasher) {
        stepsLeft -= 1
        guard stepsLeft > 0 else { return }
        let node = left.nodes[index]
        switch node.kind {
        case .null, .true, .false: hasher.combine(node.kind.rawValue)
        case .number:
            stepsLeft -= Int(node.length) / 16
            hashNumber(index, node, into: &hasher)
        case .string, .key: hasher.combine(bytes: UnsafeRawBufferPointer(start: left.bytes(node), count: Int(node.length)))
        case .array:
            hasher.combine(node.length)
            var child = index + 1
            while child < Int(node.extra) {
                hash(child, into: &hasher)
                child = left.next(after: child)
            }
        case .object:
            var sum = Int(node.length)
            var key = index + 1
            while key < Int(node.extra) {
                var member = Hasher()
                member.combine(left.nodes[key].extra)
                hash(key + 1, into: &member)
                sum &+= member.finalize()
                key = left.next(after: key + 1)
            }
            hasher.combine(sum)
        }
    }

    private func hashNumber(_ index: Int, _ node: JSONNode, into hasher: inout Hasher) {
        // Integers hash by their value; what is written with a point or an exponent first takes its normal form.
        if node.isSmall, node.scale == 0 {
            hasher.combine(node.isNegative ? -Int64(node.extra) : Int64(node.extra))
            return
        }
        let decimal = left.decimal(index)
        if let value = decimal.int64, value.magnitude <= UInt64(UInt32.max) {
            hasher.combine(value)
        } else {
            hasher.combine(decimal)
        }
    }
}
