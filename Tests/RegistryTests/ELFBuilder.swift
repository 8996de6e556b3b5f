/// Writes small but complete ELF libraries, so that each rule of the checker can be broken alone.
struct ELFBuilder {
    var bits: UInt8 = 2
    var endianness: UInt8 = 1
    var type: UInt16 = 3
    #if arch(x86_64)
        var machine: UInt16 = 62
    #else
        var machine: UInt16 = 183
    #endif
    var needed = ["libc.so.6"]
    var runpath: String?
    /// Further dynamic entries.
    var extra: [(tag: Int64, value: UInt64)] = []
    /// Flags of PT_GNU_STACK; nil leaves the segment out.
    var stackFlags: UInt32? = 6
    var loadFlags: UInt32 = 5
    var symbol = "limen_plugin_entry"
    /// `st_info`: global function.
    var symbolInfo: UInt8 = 0x12
    /// `st_shndx`: 0 makes it an import.
    var symbolSection: UInt16 = 1
    /// `st_other`: 2 is hidden.
    var symbolVisibility: UInt8 = 0
    var hashBuckets: UInt32 = 1
    /// Bytes at the end, so that two libraries differ.
    var padding: [UInt8] = []

    func bytes() -> [UInt8] {
        var strings: [UInt8] = [0]
        func add(_ text: String) -> UInt64 {
            defer { strings += Array(text.utf8) + [0] }
            return UInt64(strings.count)
        }
        let symbolName = add(symbol)
        var dynamic: [(Int64, UInt64)] = needed.map { (1, add($0)) }
        if let runpath { dynamic.append((29, add(runpath))) }
        let segments = stackFlags == nil ? 2 : 3
        let symbolTable = 64 + segments * 56
        let hashTable = symbolTable + 48
        let stringTable = hashTable + 20
        let dynamicTable = (stringTable + strings.count + 7) / 8 * 8
        dynamic += [(4, UInt64(hashTable)), (5, UInt64(stringTable)), (6, UInt64(symbolTable)), (10, UInt64(strings.count))]
        dynamic += extra.map { ($0.tag, $0.value) } + [(0, 0)]
        let end = dynamicTable + dynamic.count * 16

        var out: [UInt8] = [0x7f, 0x45, 0x4c, 0x46, bits, endianness, 1] + [UInt8](repeating: 0, count: 9)
        out += le(type, 2) + le(machine, 2) + le(1, 4) + le(0, 8) + le(64, 8) + le(0, 8) + le(0, 4)
        out += le(64, 2) + le(56, 2) + le(segments, 2) + le(64, 2) + le(0, 2) + le(0, 2)
        out += segment(1, loadFlags, 0, end + padding.count) + segment(2, 6, dynamicTable, dynamic.count * 16)
        if let stackFlags { out += segment(0x6474_e551, stackFlags, 0, 0) }
        out += [UInt8](repeating: 0, count: 24)
        out += le(symbolName, 4) + [symbolInfo, symbolVisibility] + le(symbolSection, 2) + le(0x40, 8) + le(8, 8)
        out += le(hashBuckets, 4) + le(2, 4) + le(1, 4) + le(0, 4) + le(0, 4)
        out += strings + [UInt8](repeating: 0, count: dynamicTable - stringTable - strings.count)
        for (tag, value) in dynamic { out += le(tag, 8) + le(value, 8) }
        return out + padding
    }

    private func segment(_ type: UInt32, _ flags: UInt32, _ offset: Int, _ size: Int) -> [UInt8] {
        le(type, 4) + le(flags, 4) + le(offset, 8) + le(offset, 8) + le(offset, 8) + le(size, 8) + le(size, 8) + le(8, 8)
    }

    private func le(_ value: some BinaryInteger, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
    }
}
