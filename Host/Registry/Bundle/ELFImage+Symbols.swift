extension ELFImage {
    /// Whether the dynamic symbol table defines a function of this name that other objects can see, looked up as the loader does.
    package func exportsFunction(_ name: String) throws(ELFError) -> Bool {
        let reader = ELFReader(bytes: bytes)
        if let address = value(ELFConstant.gnuHash), let table = Self.fileOffset(of: address, in: segments) {
            return try lookUpByGNUHash(name, table, reader)
        }
        if let address = value(ELFConstant.hash), let table = Self.fileOffset(of: address, in: segments) {
            return try lookUpByHash(name, table, reader)
        }
        throw ELFError(reason: "has no symbol hash table")
    }

    private func lookUpByGNUHash(_ name: String, _ table: Int, _ reader: ELFReader) throws(ELFError) -> Bool {
        let (buckets, first, bloomWords) = (try reader.u32(table), try reader.u32(table + 4), try reader.u32(table + 8))
        guard buckets > 0 else { return false }
        var hash: UInt32 = 5381
        for byte in name.utf8 { hash = hash &* 33 &+ UInt32(byte) }
        let bucketBase = try reader.offset(UInt64(table) + 16, plus: UInt64(bloomWords) * 8)
        let chainBase = try reader.offset(UInt64(bucketBase), plus: UInt64(buckets) * 4)
        var index = try reader.u32(reader.offset(UInt64(bucketBase), plus: UInt64(hash % buckets) * 4))
        guard index >= first else { return false }
        for _ in 0..<Limits.elfChainStepsMax {
            let link = try reader.u32(reader.offset(UInt64(chainBase), plus: UInt64(index - first) * 4))
            if link | 1 == hash | 1, try isExportedFunction(index, name, reader) { return true }
            guard link & 1 == 0, index < UInt32.max else { return false }
            index += 1
        }
        throw ELFError(reason: "has a symbol hash chain that does not end")
    }

    private func lookUpByHash(_ name: String, _ table: Int, _ reader: ELFReader) throws(ELFError) -> Bool {
        let buckets = try reader.u32(table)
        guard buckets > 0 else { return false }
        var hash: UInt32 = 0
        for byte in name.utf8 {
            hash = hash << 4 &+ UInt32(byte)
            hash ^= hash >> 24 & 0xf0
            hash &= 0x0fff_ffff
        }
        let chainBase = try reader.offset(UInt64(table) + 8, plus: UInt64(buckets) * 4)
        var index = try reader.u32(reader.offset(UInt64(table) + 8, plus: UInt64(hash % buckets) * 4))
        for _ in 0..<Limits.elfChainStepsMax {
            if index == 0 { return false }
            if try isExportedFunction(index, name, reader) { return true }
            index = try reader.u32(reader.offset(UInt64(chainBase), plus: UInt64(index) * 4))
        }
        throw ELFError(reason: "has a symbol hash chain that does not end")
    }

    private func isExportedFunction(_ index: UInt32, _ name: String, _ reader: ELFReader) throws(ELFError) -> Bool {
        guard let address = value(ELFConstant.symbolTable), let table = Self.fileOffset(of: address, in: segments) else {
            throw ELFError(reason: "has no dynamic symbol table")
        }
        let base = try reader.offset(UInt64(table), plus: UInt64(index) * 24)
        let info = try reader.u32(base + 4)
        let (kind, binding, visibility, section) = (info & 15, info >> 4 & 15, info >> 8 & 3, info >> 16)
        let isFunction = kind == 2 || kind == 0
        let isVisible = (binding == 1 || binding == 2) && (visibility == 0 || visibility == 3)
        guard isFunction, isVisible, section != 0, try reader.u64(base + 8) != 0 else { return false }
        return try string(UInt64(reader.u32(base))) == name
    }
}
