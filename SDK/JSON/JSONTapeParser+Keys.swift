import Glibc

extension JSONTapeParser {
    /// Looks for a key that the object repeats: in pairs when it is small, through a table of hashes when not.
    @inline(never)
    mutating func checkKeys(of object: Int) throws(JSONError) {
        var keys: [Int] = []
        keys.reserveCapacity(Int(nodes[object].length))
        var index = object + 1
        while index < nodeCount {
            keys.append(index)
            let value = nodes[index + 1]
            index = value.kind == .array || value.kind == .object ? Int(value.extra) : index + 2
        }
        guard let repeated = keys.count <= JSONLimits.pairwiseMembersMax ? repeatedByPairs(keys) : repeatedByTable(keys) else { return }
        guard limits.duplicateKeys == .keepLast else {
            let node = nodes[repeated]
            let place = node.isEscaped ? Int(nodes[object].offset) : Int(node.offset) - 1
            throw fault(.duplicateKey, at: place, "an object names one key twice")
        }
        hasRepeatedKeys = true
    }

    private func isSameKey(_ left: Int, _ right: Int) -> Bool {
        let a = nodes[left], b = nodes[right]
        guard a.extra == b.extra, a.length == b.length else { return false }
        return keyBytes(a).elementsEqual(keyBytes(b))
    }

    private func keyBytes(_ node: JSONNode) -> ArraySlice<UInt8> {
        let range = Int(node.offset)..<Int(node.offset) + Int(node.length)
        return node.isEscaped ? side[range] : ArraySlice(bytes[range])
    }

    private func repeatedByPairs(_ keys: [Int]) -> Int? {
        for later in keys.indices.dropFirst() {
            for earlier in 0..<later where isSameKey(keys[earlier], keys[later]) { return keys[later] }
        }
        return nil
    }

    private func repeatedByTable(_ keys: [Int]) -> Int? {
        var capacity = 64
        while capacity < keys.count * 2 { capacity *= 2 }
        var table = [UInt32](repeating: 0, count: capacity)
        for key in keys {
            var slot = Int(nodes[key].extra) & (capacity - 1)
            while table[slot] != 0 {
                if isSameKey(Int(table[slot]), key) { return key }
                slot = (slot + 1) & (capacity - 1)
            }
            table[slot] = UInt32(truncatingIfNeeded: key)
        }
        return nil
    }
}
